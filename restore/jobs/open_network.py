"""Open the model of a job on the backend that suits the job."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from restore.errors import ImageError, ModelError, RestoreError
from restore.imaging.header import header_size
from restore.jobs.journal import BackendEntry, last_backend, model_digest
from restore.jobs.plan import Item, Plan
from restore.utils.time_limit import StalledError, unless_stalled

if TYPE_CHECKING:
    from restore.jobs.request import Request
    from restore.runtime.model import Model
    from restore.zoo.backends import OpenOptions

# A job of this many input pixels is large for any purpose; the rest of a folder is not looked at.
_MANY_PIXELS = 1e9


@dataclass(frozen=True)
class OpenedNetwork:
    """The opened model of a job.

    Attributes:
        model: the model.
        entry: what runs it, for the journal.
        text: a sentence about why it runs there; empty if nothing was measured.
        warnings: sentences for the user.
    """

    model: Model
    entry: BackendEntry
    text: str = ""
    warnings: tuple[str, ...] = ()


def open_network(request: Request, plan: Plan) -> OpenedNetwork:
    """Open a job's model: as the earlier part of the job did, else on the fastest backend.

    A job that is resumed, or is one of several shards, keeps to what the journals in its output folder name, if the
    user leaves the choice to the command and this machine has it.

    Raises:
        RestoreError: there is no such model, it cannot be opened, or the options do not suit it.
    """
    from restore.runtime.devices import TilePlan
    from restore.zoo.backends import OpenOptions, fastest
    from restore.zoo.precision import family

    tile = TilePlan(tile=request.tile) if request.tile else None
    options = OpenOptions(request.model_name, request.device, request.precision, request.threads, request.spec, tile)
    model = options.open()
    _check(request, model)
    files = family(options.file)
    digests: dict[str, str] = {kind: model_digest(path) for kind, path in files.items() if kind in ("fp32", "int8")}
    digest = digests.get("fp32") or model_digest(model.file)
    shared = request.resume or request.shard != (1, 1)
    earlier = last_backend(plan.folder, digest) if shared and plan.folder is not None else None
    warning = ""
    on_cpu = model.on_cpu and earlier is not None and earlier.device in ("cpu", "openvino")
    if earlier is not None and on_cpu and request.device == request.precision == "auto":
        kept, warning = _as_before(options, model, earlier)
        if kept is not None:
            entry = BackendEntry(digest, kept.device, kept.precision)
            return OpenedNetwork(kept, entry, f"{_label(entry)}, as in the journal")
    choice = fastest(options, model, lambda: _pixels(request, plan), digests)
    entry = BackendEntry(digest, choice.model.device, choice.model.precision)
    if warning:
        warning = f"{warning}; the rest is made with {_label(entry)}"
    elif request.resume and earlier is not None and earlier != entry:
        warning = f"Earlier results of this job were made with {_label(earlier)}; the rest is made with {_label(entry)}"
    return OpenedNetwork(choice.model, entry, choice.text, tuple(filter(None, (warning, *choice.warnings))))


def _check(request: Request, model: Model) -> None:
    name, scale = request.model_name, request.scale
    if scale is not None and scale > 1 and model.spec.scale == 1:
        raise ModelError(f"--scale {scale:g} contradicts --model {name}, which does not enlarge: remove one of them")
    if request.strength is not None and not model.spec.strength:
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


def _pixels(request: Request, plan: Plan) -> float:
    """Number of pixels in a job's pictures by their headers, as far as they can be read and until they are many."""
    if request.dry_run or request.watch or request.again:
        # After a crash no header is read here: the step is not recorded, and may be what crashed.
        return math.inf if request.watch else 0
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
