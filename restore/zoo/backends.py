"""Choose by measurement which backend runs a model on this CPU, and in which precision.

Candidates are onnxruntime and OpenVINO's plug-in, each with the float32 file and, where the usual rule permits it, the
8-bit twin; OpenVINO also in bfloat16 on CPUs with instructions for it. A candidate whose results for three probe
pictures deviate from onnxruntime's in float32 is refused.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from restore.errors import RestoreError
from restore.runtime.cpu import cpu_name, usable_cores
from restore.runtime.plugin_providers import NoPluginDeviceError, plugin_devices, plugin_version
from restore.runtime.throughput import seconds_each
from restore.zoo.agreement import LIMITS, Results, batch, fault, less_than_twin, probe_pictures, results
from restore.zoo.backend_cache import Backend, Verdict, read, write
from restore.zoo.find import find
from restore.zoo.open import open_named, uses_int8
from restore.zoo.precision import Precision, family, precision_of

if TYPE_CHECKING:
    from restore.runtime.devices import TilePlan
    from restore.runtime.model import Model

# Jobs of fewer input pixels are over before a measurement would pay off, on any machine.
LEAST_PIXELS = 4e6
# A measurement may take this share of a job's estimated time, or the second if the CPU multiplies bfloat16 numbers,
# which makes most models several times as fast.
MOST_SHARE, MOST_SHARE_BF16 = 0.05, 0.25
# A backend that is less exact, or not onnxruntime, must be this much faster to be chosen.
LEAST_GAIN = 1.1

_SIDE, _SMALL_SIDE = 192, 96
_RUNS_SECONDS, _MOST_ROUNDS = 0.3, 5
# Estimated cost of a candidate: tiles that it runs, and the time to open it.
_TILES, _OPENING_SECONDS = 2.5, 0.15


@dataclass(frozen=True)
class OpenOptions:
    """What the user asked for; see :func:`restore.zoo.open.open_named`."""

    name: str
    device: str = "auto"
    precision: Precision = "auto"
    threads: int | None = None
    given: Mapping[str, str] | None = None
    plan: TilePlan | None = None

    @property
    def file(self) -> Path:
        """The model's file."""
        return find(self.name)

    def open(self, backend: Backend | None = None) -> Model:
        """Open the model, on a backend if one is given.

        Raises:
            RestoreError: that is not possible.
        """
        device = backend.device if backend else self.device
        precision = cast("Precision", backend.precision) if backend else self.precision
        return open_named(self.name, device, precision, self.threads, self.given, self.plan)


@dataclass(frozen=True)
class Choice:
    """An opened model, and why it runs where it does.

    Attributes:
        model: the model.
        text: a sentence about the measurement; empty if nothing was measured.
        warnings: what was refused, and why.
    """

    model: Model
    text: str = ""
    warnings: tuple[str, ...] = ()


def backend_of(model: Model) -> Backend:
    """The backend of an opened model."""
    return Backend(model.device, model.precision)


def may_measure(options: OpenOptions, model: Model) -> bool:
    """Whether a model opened by the usual rule may run on another backend instead."""
    return (
        model.on_cpu
        and options.device in ("auto", "openvino")
        and options.precision != "bf16"
        and "fp32" in family(options.file)
        and precision_of(options.file) == "fp32"
        and (
            plugin_version("openvino") != "" or (options.precision == "auto" and uses_int8(options.file, options.given))
        )
    )


def fastest(options: OpenOptions, model: Model, pixels: Callable[[], float], digests: Mapping[str, str]) -> Choice:
    """Find the fastest backend for a job: from the cache, or by a measurement if the job is large enough.

    Args:
        options: what the user asked for.
        model: the model as opened by the usual rule.
        pixels: returns the number of input pixels of the job; not called if the answer is known.
        digests: of the model's files, by precision.
    """
    if not may_measure(options, model):
        return Choice(model)
    key = _key(options, digests)
    known = read(key)
    warnings: list[str] = []
    opened: dict[Backend, Model] = {backend_of(model): model}
    if known is None:
        size = pixels()
        if size < LEAST_PIXELS:
            return Choice(model)
        at_hand = candidates(options, warnings)
        if len(at_hand) < 2 or _is_short(model, size, at_hand):
            return Choice(model, warnings=tuple(warnings))
        found = _measure(at_hand, options, opened, warnings)
        if found is None:
            return Choice(model, warnings=tuple(warnings))
        known = write(key, found)
    try:
        chosen = opened.get(known.backend) or options.open(known.backend)
    except RestoreError as error:
        warnings.append(f"{known.backend.label} was the fastest before, and cannot be used now: {error}")
        return Choice(model, warnings=tuple(warnings))
    if chosen is not model:
        chosen.note = "; ".join(filter(None, (model.note, chosen.note)))
    return Choice(chosen, known.text, tuple(warnings))


def _key(options: OpenOptions, digests: Mapping[str, str]) -> dict[str, str]:
    """What a measurement is valid for."""
    import onnxruntime

    return {
        "cpu": cpu_name(),
        "cores": str(usable_cores()),
        "threads": str(options.threads or usable_cores()),
        "system": f"{platform.system()} {platform.machine()}",
        "onnxruntime": str(onnxruntime.__version__),
        "openvino": plugin_version("openvino"),
        "device": options.device,
        "precision": options.precision,
        "spec": repr(sorted((options.given or {}).items())),
        **{f"{kind} file": digest for kind, digest in sorted(digests.items())},
    }


def candidates(options: OpenOptions, warnings: list[str]) -> list[Backend]:
    """The backends at hand that the user permits, the most exact first.

    Args:
        options: what the user asked for.
        warnings: a plug-in that is installed but broken is added here.
    """
    devices, bf16 = ["cpu"] if options.device == "auto" else [], False
    if plugin_version("openvino"):
        try:
            place = plugin_devices("openvino")[0]
            devices += ["openvino"] * (place.hardware == "CPU")
            bf16 = place.bf16
        except NoPluginDeviceError:
            pass
        except RestoreError as error:
            warnings.append(f"OpenVINO is not used: {str(error).removeprefix('--device openvino: ')}")
    int8 = "int8" in family(options.file) and (options.precision == "int8" or uses_int8(options.file, options.given))
    found = [Backend(device, "fp32") for device in devices]
    found += [Backend("openvino", "bf16")] * ("openvino" in devices and bf16)
    found += [Backend(device, "int8") for device in devices if int8]
    return [backend for backend in found if options.precision in ("auto", backend.precision)]


def _is_short(model: Model, pixels: float, candidates: list[Backend]) -> bool:
    """Whether a measurement would take too large a part of a job."""
    small = batch(probe_pictures(model.spec, _SMALL_SIDE)[0], model.spec)
    seconds_each(model, *small)
    each = seconds_each(model, *small) / small[0][..., 0].size
    needed = len(candidates) * (_TILES * _SIDE**2 * each + _OPENING_SECONDS)
    share = MOST_SHARE_BF16 if any(backend.precision == "bf16" for backend in candidates) else MOST_SHARE
    return needed > share * pixels * each


def _measure(
    candidates: list[Backend], options: OpenOptions, opened: dict[Backend, Model], warnings: list[str]
) -> Verdict | None:
    """Compare candidates; fills ``opened``. None if the reference itself cannot be run."""
    exact, twin = Backend("cpu", "fp32"), Backend("cpu", "int8")
    wanted: dict[Backend, Results] = {}
    for reference in (exact, twin):
        if reference == exact or Backend("openvino", "int8") in candidates:
            try:
                model = opened.get(reference) or options.open(reference)
                wanted[reference] = results(model)
            except RestoreError as error:
                warnings.append(f"no backend was measured: {reference.label}: {error}")
                return None
            opened[reference] = model
    agreeing, refused = [], []
    for backend in candidates:
        try:
            model = opened.get(backend) or options.open(backend)
            found = wanted.get(backend) or results(model)
            why = fault(found, wanted[exact], LIMITS[backend.precision])
            if not why and backend.precision == "int8" and backend != twin:
                why = less_than_twin(found, wanted[twin], wanted[exact])
        except RestoreError as error:
            why = str(error)
        if why:
            warnings.append(f"{backend.label} is not used: {why}")
            refused.append(backend)
        else:
            opened[backend] = model
            agreeing.append(backend)
    if not agreeing:
        return None
    times = _times({backend: opened[backend] for backend in agreeing})
    best = agreeing[0]
    for backend in agreeing[1:]:
        if times[backend] * LEAST_GAIN < times[best]:
            best = backend
    return Verdict(best, _sentence(best, times) + "".join(f"; {backend.label} refused" for backend in refused))


def _times(models: Mapping[Backend, Model]) -> dict[Backend, float]:
    """The least seconds of each model for one tile, in alternation, since other work on the machine comes and goes."""
    spec = next(iter(models.values())).spec
    tile = batch(probe_pictures(spec, _SIDE)[0], spec)
    for model in models.values():
        seconds_each(model, *tile)  # the first run of a shape prepares for it
    times = dict.fromkeys(models, float("inf"))
    began = time.perf_counter()
    for _ in range(_MOST_ROUNDS):
        for backend, model in models.items():
            times[backend] = min(times[backend], seconds_each(model, *tile))
        if time.perf_counter() - began > _RUNS_SECONDS:
            break
    return times


def _sentence(best: Backend, times: Mapping[Backend, float]) -> str:
    base = next(iter(times))
    if best != base:
        return f"{best.label}: {times[base] / times[best]:.1f}x {base.label}"
    others = ", ".join(f"{other.label} {times[base] / times[other]:.1f}x" for other in times if other != base)
    return f"{best.label}: no other backend is faster" + (f" ({others})" if others else "")
