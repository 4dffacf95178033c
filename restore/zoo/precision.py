"""Which of a model's files to run: ``NAME.onnx`` in float32, or its twin ``NAME.int8.onnx`` or ``NAME.fp16.onnx``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from restore.errors import ModelError

Kind = Literal["fp32", "fp16", "int8"]
Precision = Literal["auto", "fp32", "fp16", "int8"]

TWINS: tuple[Kind, ...] = ("int8", "fp16")

# The most that a twin may lose against fp32, in dB of PSNR on any standard set, to be taken unasked: less than shows.
MOST_LOST = 0.1


def family(model: Path) -> dict[Kind, Path]:
    """The files that there are of a model, by precision, fp32 first.

    Args:
        model: its folder, or any of its files.
    """
    folder, name = (model, model.name) if model.is_dir() else (model.parent, _stem(model))
    named: dict[Kind, Path] = {"fp32": folder / f"{name}.onnx"}
    named |= {kind: folder / f"{name}.{kind}.onnx" for kind in TWINS}
    return {kind: path for kind, path in named.items() if path.is_file()}


def precision_of(file: Path) -> Kind:
    """What a file's name says of its precision."""
    return next((kind for kind in TWINS if file.stem.endswith(f".{kind}")), "fp32")


def choose(
    model: Path,
    precision: Precision,
    device: str,
    fast_int8: bool,
    measured: Callable[[Path], float | None],
    belongs: Callable[[Path, Path], bool] = lambda _twin, _model: True,
) -> Path:
    """Which of a model's files to run.

    ``auto`` takes int8 on a CPU that sums products of bytes in one instruction, where the twin's loss was measured and
    is at most :data:`MOST_LOST`; fp16 on an NVIDIA GPU; fp32 otherwise. A file that is a twin itself is what was asked
    for.

    Args:
        model: its folder, or any of its files.
        precision: what was asked for.
        device: where it will run: ``cpu``, ``cuda:0``, ...
        fast_int8: whether the CPU has such an instruction.
        measured: the loss that a file states, in dB; None when it states none.
        belongs: whether a twin was made of that fp32 file, and not of one that was there before it.

    Raises:
        ModelError: no such file; names those that there are.
    """
    files = family(model)
    if precision != "auto":
        if precision not in files:
            raise ModelError(f"{model}: there is no {precision} file of this model; there is {_listed(files)}")
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
        raise ModelError(f"{model}: there is no fp32 file of this model; there is {_listed(files)}")
    return files["fp32"]


def _stem(file: Path) -> str:
    return file.stem.removesuffix(f".{precision_of(file)}")


def _listed(files: Mapping[Kind, Path]) -> str:
    return ", ".join(f"{kind} ({path.name})" for kind, path in files.items()) or "none"
