"""Open a model by name, in the precision that suits the device."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from restore.errors import ModelError
from restore.runtime.cpu import INT8_FEATURES, cpu_features
from restore.runtime.devices import TilePlan
from restore.runtime.fp16_probe import half_fault
from restore.runtime.model import Model, file_spec, find_device, open_model
from restore.spec import ModelSpec
from restore.zoo.find import find
from restore.zoo.precision import Precision, choose, family


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
        name: of a model at hand, or a path to an ONNX file.
        device: see :func:`restore.runtime.devices.choose`.
        precision: see :func:`restore.zoo.precision.choose`.
        threads: see :func:`restore.runtime.model.open_model`; so are the others.
        given: spec fields that win over the file's.
        plan: the shapes that will come.

    A model in 16 bits is tried on its GPU first. What gives no pictures there is replaced by its fp32 file, and the
    model's ``note`` says so; unless fp16 was asked for.

    Raises:
        ModelError: there is no such model, or not in that precision; or it cannot be opened, or gives no pictures.
        DeviceError: the device that was asked for cannot be used.
    """
    file = find(name)

    @functools.cache  # a look into a file takes a session
    def spec(path: Path) -> ModelSpec:
        return file_spec(path, given)

    def belongs(twin: Path, model: Path) -> bool:
        return spec(twin).trained_as == spec(model).trained_as

    def suited(where: str) -> Path:
        fast_int8 = bool(cpu_features() & INT8_FEATURES)
        return choose(file, precision, where, fast_int8, lambda path: spec(path).loss_db, belongs)

    def stale(path: Path) -> str:
        wide = family(file).get("fp32", path)
        try:
            fits = path == wide or belongs(path, wide)
        except ModelError:  # of the file that is not run
            fits = True
        return "" if fits else f"{path.name} was made of another file than {wide.name}, which lies beside it"

    wanted = find_device(device).name
    path = suited(wanted)
    model = open_model(path, device, threads, given, plan)
    if model.device != wanted and (better := suited(model.device)) != path:
        # The GPU could not be used after all, and what suits it does not suit the CPU.
        path, note = better, model.note
        model = open_model(path, model.device, threads, given, plan)
        model.note = note
    if model.spec.precision == "fp16" and model.device != "cpu" and (fault := half_fault(model)):
        wide = family(file).get("fp32")
        if precision == "fp16" or wide in (None, model.file):
            raise ModelError(f"{model.file}: in 16 bits it gives no pictures on {model.device}: {fault}")
        where = model.device
        model = open_model(wide, where, threads, given, plan)
        path = wide
        model.note = (
            f"in 16 bits this model gives no pictures on {where} ({fault}): running it in fp32, which is slower"
        )
    model.note = "; ".join(filter(None, (model.note, stale(path))))
    return model
