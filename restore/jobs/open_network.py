"""Open the model of a job, or the models of its chain, on the backends that suit the job."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from restore.errors import ImageError, ModelError, RestoreError
from restore.imaging.header import header_size
from restore.jobs.backend_entry import BackendEntry
from restore.jobs.chain import Chain
from restore.jobs.journal import model_digest
from restore.jobs.last_backend import last_backend
from restore.jobs.plan import Item, Plan
from restore.jobs.store_plan import StorePlan
from restore.utils.time_limit import StalledError, unless_stalled
from restore.zoo.chain_names import chain

if TYPE_CHECKING:
    from restore.jobs.request import Request
    from restore.runtime.model import Model
    from restore.zoo.backends import OpenOptions

# A job of this many input pixels is large for any purpose; the rest of a folder is not looked at.
_MANY_PIXELS = 1e9


@dataclass(frozen=True)
class OpenedNetwork:
    """The opened network of a job.

    Attributes:
        network: one model, or a chain.
        entries: what runs each model, for the journal.
        text: a sentence about why they run there; empty if nothing was measured.
        warnings: sentences for the user.
    """

    network: Chain
    entries: tuple[BackendEntry, ...]
    text: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Opened:
    """One model: see :class:`OpenedNetwork`."""

    model: Model
    entry: BackendEntry
    text: str = ""
    warnings: tuple[str, ...] = ()


def open_network(request: Request, plan: Plan | StorePlan) -> OpenedNetwork:
    """Open a job's models: as the earlier part of the job did, else on the fastest backend.

    A job that is resumed, or is one of several shards, keeps to what the journals in its output folder name, if the
    user leaves the choice to the command and this machine has it.

    Raises:
        RestoreError: there is no such model, it cannot be opened, or the options do not suit it.
    """
    shared = request.resume or request.shard != (1, 1)
    earlier = partial(_earlier_backend, plan) if shared else _no_backend
    return open_models(request, partial(count_pixels, request, plan), earlier)


def open_models(
    request: Request, pixels: Callable[[], float], earlier: Callable[[str], BackendEntry | None]
) -> OpenedNetwork:
    """Open a job's models, as :func:`open_network`.

    Args:
        request: the job.
        pixels: returns the number of pixels of its pictures; not called if that does not matter.
        earlier: what has run a model in another part of the job, by its digest; None if nothing has.

    Raises:
        RestoreError: see :func:`open_network`.
    """
    from restore.runtime.devices import TilePlan
    from restore.zoo.backends import OpenOptions

    names = chain(request.model_name)
    if len(names) > 1 and request.spec:
        raise ModelError(f"--spec says nothing about which model of {request.model_name} it is for: import them first")
    tile = TilePlan(tile=request.tile) if request.tile else None
    more = request.device, request.precision, request.threads, request.spec, tile
    ways = [OpenOptions(name, *more) for name in names]
    models = [options.open() for options in ways]
    _check(request, Chain(tuple(models)))
    count = cache(pixels)
    found: list[_Opened] = []
    grown = 1  # pixels that a model takes for each of the job
    for options, model in zip(ways, models, strict=True):
        found.append(_open(request, earlier, options, model, partial(_times, grown, count)))
        grown *= model.spec.scale**2
    texts = [one.text if len(found) == 1 else f"{one.model.spec.name}: {one.text}" for one in found if one.text]
    warnings = tuple(dict.fromkeys(warning for one in found for warning in one.warnings))
    network = Chain(tuple(one.model for one in found))
    return OpenedNetwork(network, tuple(one.entry for one in found), "\n".join(texts), warnings)


def _open(
    request: Request,
    earlier_of: Callable[[str], BackendEntry | None],
    options: OpenOptions,
    model: Model,
    pixels: Callable[[], float],
) -> _Opened:
    from restore.zoo.backends import fastest
    from restore.zoo.precision import family

    files = family(options.file)
    digests: dict[str, str] = {kind: model_digest(path) for kind, path in files.items() if kind in ("fp32", "int8")}
    digest = digests.get("fp32") or model_digest(model.file)
    earlier = earlier_of(digest)
    warning = ""
    on_cpu = model.on_cpu and earlier is not None and earlier.device in ("cpu", "openvino")
    if earlier is not None and on_cpu and request.device == request.precision == "auto":
        kept, warning = _as_before(options, model, earlier)
        if kept is not None:
            entry = BackendEntry(digest, kept.device, kept.precision)
            return _Opened(kept, entry, f"{_label(entry)}, as in the journal")
    choice = fastest(options, model, pixels, digests)
    entry = BackendEntry(digest, choice.model.device, choice.model.precision)
    if warning:
        warning = f"{warning}; the rest is made with {_label(entry)}"
    elif request.resume and earlier is not None and earlier != entry:
        warning = f"Earlier results of this job were made with {_label(earlier)}; the rest is made with {_label(entry)}"
    return _Opened(choice.model, entry, choice.text, tuple(filter(None, (warning, *choice.warnings))))


def _earlier_backend(plan: Plan | StorePlan, digest: str) -> BackendEntry | None:
    if isinstance(plan, StorePlan) and plan.out is not None:
        return plan.index.backends.get(digest)
    return None if plan.folder is None else last_backend(plan.folder, digest)


def _no_backend(_digest: str) -> None:
    return None


def _times(factor: int, count: Callable[[], float]) -> float:
    return factor * count()


def _check(request: Request, network: Chain) -> None:
    name, scale = request.model_name, request.scale
    if scale is not None and scale > 1 and network.scale == 1:
        raise ModelError(f"--scale {scale:g} contradicts --model {name}, which does not enlarge: remove one of them")
    if request.masks is not None and network.scale > 1:
        raise ModelError(
            f"--mask: {name} enlarges, and only what keeps its size can change inside a mask: choose a model such as "
            "backlit, unfilter, denoise or photo-x1, or remove --mask"
        )
    if request.strength is not None and not network.strength:
        raise ModelError(f"--strength: {name} has no adjustable strength; remove --strength")


def _as_before(options: OpenOptions, model: Model, earlier: BackendEntry) -> tuple[Model | None, str]:
    """The model as it ran before, or None and why that is not possible."""
    from restore.zoo.backend_cache import Backend
    from restore.zoo.backends import backend_of

    before = Backend(earlier.device, earlier.precision)
    if before == backend_of(model):
        return model, ""
    try:
        return options.open(before), ""
    except RestoreError as error:
        return None, f"Earlier results of this job were made with {before.label}, which cannot be used now ({error})"


def _label(entry: BackendEntry) -> str:
    from restore.zoo.backend_cache import Backend

    return Backend(entry.device, entry.precision).label


def count_pixels(request: Request, plan: Plan | StorePlan) -> float:
    """Number of pixels in a job's pictures by their headers, as far as they can be read and until they are many."""
    if request.dry_run or request.watch or request.again:
        # After a crash no header is read here: the step is not recorded, and may be what crashed.
        return math.inf if request.watch else 0
    if isinstance(plan, StorePlan):
        return plan.pixels()
    total = 0.0
    for item in plan.items:
        try:
            size = unless_stalled(partial(_size, item), request.read_timeout)
            height, width = size or (0, 0)
        except (OSError, ImageError):
            continue  # reported when it is decoded
        except StalledError:
            break
        total += height * width
        if total > _MANY_PIXELS:
            break
    return total


def _size(item: Item, _progress: Callable[[], None]) -> tuple[int, int] | None:
    return header_size(item.source)
