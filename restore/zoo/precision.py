"""Choose a model's file to run: ``NAME.onnx`` (float32), or its twin ``NAME.int8.onnx`` or ``NAME.fp16.onnx``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from restore.errors import ModelError

Kind = Literal["fp32", "fp16", "int8"]
# bf16 is no file: OpenVINO computes the fp32 file so.
Precision = Literal["auto", "fp32", "bf16", "fp16", "int8"]

TWINS: tuple[Kind, ...] = ("int8", "fp16")

# Maximum PSNR loss in dB against fp32, on any standard set, for automatic selection: too small to be visible.
MOST_LOST = 0.1


def family(model: Path) -> dict[Kind, Path]:
    """The existing files of a model by precision, fp32 first.

    Args:
        model: its folder, or any of its files.
    """
    folder, name = (model, model.name) if model.is_dir() else (model.parent, _stem(model))
    named: dict[Kind, Path] = {"fp32": folder / f"{name}.onnx"}
    named |= {kind: folder / f"{name}.{kind}.onnx" for kind in TWINS}
    return {kind: path for kind, path in named.items() if path.is_file()}


def precision_of(file: Path) -> Kind:
    """The precision in a file's name."""
    return next((kind for kind in TWINS if file.stem.endswith(f".{kind}")), "fp32")


def choose(
    model: Path,
    precision: Precision,
    device: str,
    fast_int8: bool,
    measured: Callable[[Path], float | None],
    belongs: Callable[[Path, Path], bool] = lambda _twin, _model: True,
) -> Path:
    """Choose which of a model's files to run.

    ``auto`` selects int8 on CPUs with 8-bit dot-product instructions if the twin's measured loss is at most
    :data:`MOST_LOST`; fp16 on NVIDIA GPUs; fp32 otherwise. If ``model`` is itself a twin, that file is used.

    Args:
        model: its folder, or any of its files.
        precision: the requested precision.
        device: device to run on: ``cpu``, ``cuda:0``, ...
        fast_int8: whether the CPU has such instructions.
        measured: returns the loss in a file's metadata, in dB; None if unknown.
        belongs: whether a twin was made from the given fp32 file, and not from a predecessor.

    Raises:
        ModelError: no such file; lists the existing ones.
    """
    files = family(model)
    if precision == "bf16":
        precision = "fp32"
    if precision != "auto":
        if precision not in files:
            raise ModelError(f"{model}: this model has no {precision} file; available: {_listed(files)}")
        return files[precision]
    if model.is_file() and precision_of(model) != "fp32":
        return model

    def usable(kind: Kind) -> bool:
        return kind in files and ("fp32" not in files or belongs(files[kind], files["fp32"]))

    if device == "cpu" and fast_int8 and usable("int8"):
        loss = measured(files["int8"])
        if loss is not None and loss <= MOST_LOST:
            return files["int8"]
    if device.startswith(("cuda", "tensorrt")) and usable("fp16"):
        return files["fp16"]
    if "fp32" not in files:
        raise ModelError(f"{model}: this model has no fp32 file; available: {_listed(files)}")
    return files["fp32"]


def _stem(file: Path) -> str:
    return file.stem.removesuffix(f".{precision_of(file)}")


def _listed(files: Mapping[Kind, Path]) -> str:
    return ", ".join(f"{kind} ({path.name})" for kind, path in files.items()) or "none"
