"""Open models by name, in the best precision for the device."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from restore.errors import ModelError
from restore.runtime.cpu import INT8_FEATURES, cpu_features
from restore.runtime.devices import TilePlan
from restore.runtime.fp16_probe import half_fault
from restore.runtime.model import Model, file_spec, find_device, open_model
from restore.zoo.find import find
from restore.zoo.precision import Precision, choose, family, precision_of


class _Specs:
    """The specs of a model's files, each read once."""

    def __init__(self, given: Mapping[str, str] | None) -> None:
        # Reading a spec opens a session.
        self.of = functools.cache(lambda path: file_spec(path, given))

    def belongs(self, twin: Path, model: Path) -> bool:
        return bool(self.of(twin).trained_as == self.of(model).trained_as)

    def choose(self, file: Path, precision: Precision, where: str) -> Path:
        fast_int8 = bool(cpu_features() & INT8_FEATURES)
        return choose(file, precision, where, fast_int8, lambda path: self.of(path).loss_db, self.belongs)


def uses_int8(file: Path, given: Mapping[str, str] | None = None) -> bool:
    """Whether this CPU would run a model's 8-bit twin by the rule of :func:`restore.zoo.precision.choose`."""
    return precision_of(_Specs(given).choose(file, "auto", "cpu")) == "int8"


def open_named(
    name: str,
    device: str = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
    given: Mapping[str, str] | None = None,
    plan: TilePlan | None = None,
) -> Model:
    """Open a model.

    Args:
        name: of an available model, or a path to an ONNX file.
        device: see :func:`restore.runtime.devices.choose`.
        precision: see :func:`restore.zoo.precision.choose`.
        threads: see :func:`restore.runtime.model.open_model`, also for the remaining arguments.
        given: spec fields that override the file's.
        plan: the expected input shapes.

    A 16-bit model is tested on the GPU first. If its results are unusable, the fp32 file is opened instead and the
    model's ``note`` says so, unless fp16 was requested.

    Raises:
        ModelError: there is no such model or precision, it cannot be opened, or its results are unusable.
        DeviceError: the requested device cannot be used.
    """
    file = find(name)
    specs = _Specs(given)

    def suited(where: str) -> Path:
        return specs.choose(file, precision, where)

    def stale(path: Path) -> str:
        wide = family(file).get("fp32", path)
        try:
            fits = path == wide or specs.belongs(path, wide)
        except ModelError:  # concerns a file that is not run
            fits = True
        return "" if fits else f"{path.name} was not made from the {wide.name} next to it"

    wanted = find_device(device).name
    path = suited(wanted)
    model = open_model(path, device, threads, given, plan, bf16=precision == "bf16")
    if model.device != wanted and (better := suited(model.device)) != path:
        # The GPU could not be used after all, and the CPU prefers another file.
        path, note = better, model.note
        model = open_model(path, model.device, threads, given, plan)
        model.note = note
    if model.spec.precision == "fp16" and model.device != "cpu" and (fault := half_fault(model)):
        wide = family(file).get("fp32")
        if precision == "fp16" or wide in (None, model.file):
            raise ModelError(f"{model.file}: fp16 does not work on {model.device}: {fault}")
        where = model.device
        model = open_model(wide, where, threads, given, plan)
        path = wide
        model.note = f"fp16 does not work with this model on {where} ({fault}): running in fp32, which is slower"
    model.note = "; ".join(filter(None, (model.note, stale(path))))
    return model
