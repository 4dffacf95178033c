"""From an fp32 model file to its 8-bit twin, measured before it is written."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from rich.console import Console

from restore.atomic import write_bytes
from restore.data.folder import list_photos
from restore.data.patches import PatchPairs
from restore.data.places import generator
from restore.errors import DataError, ExportError, ModelError
from restore.evaluation.model import evaluate_model
from restore.export.describe import describe
from restore.export.quantise import Batch, Method, NothingLeftError, Rounding, quantise
from restore.imaging.decode import read_rgb8
from restore.runtime.aside import PictureAside
from restore.runtime.model import Model, open_model
from restore.runtime.tiling import Span, Tile
from restore.spec import ModelSpec

# More patches gained nothing on the shipped models.
_PATCHES, _SIDE = 64, 64

# How many of the last convolutions stay in floating point: as many more as the loss asks for. Before that, ranges by
# percentiles: what lies outside is clipped, which costs some networks less than coarser steps and others more
# (scripts/compare_quantisation.py). Those by entropy and signed activations gained nothing.
_LAST = (1, 2, 4, 6)
_METHODS: tuple[Method, ...] = ("MinMax", "Percentile")


class Check(NamedTuple):
    """A folder of pictures as they should be, which of its files, and where the inputs lie; None to make them."""

    folder: Path
    pattern: str = "*"
    inputs: Path | None = None


@dataclass(frozen=True)
class Twin:
    """What was written.

    Attributes:
        path: the file.
        spec: what it says of itself.
        losses: in dB of PSNR, for each folder that it was measured on.
        last: how many of the last convolutions stay in floating point.
        method: what the ranges of the activations were taken from.
    """

    path: Path
    spec: ModelSpec
    losses: dict[str, float]
    last: int
    method: Method


def export_twin(
    source: Path,
    target: Path,
    calibrate: Path,
    check: Sequence[Check],
    most: float,
    overwrite: bool,
    screen: Console,
) -> Twin:
    """Quantise a model file to 8 bits, its last convolutions left in floating point as far as the loss asks for it.

    Args:
        source: an fp32 model file that says what it is.
        target: an ``.onnx`` file, or a folder for ``NAME.int8.onnx``.
        calibrate: photographs to take the activations' ranges from; never those of ``check``.
        check: what to measure the loss on.
        most: the largest loss allowed, in dB of PSNR, on any of the folders.
        overwrite: replace a file that is there.
        screen: for progress.

    Raises:
        ExportError: the twin loses more than ``most``, or exists; nothing is written.
        ModelError: the source is missing or not a model of ours.
        DataError: a folder is missing or holds no pictures, or the inputs of a model that does not enlarge are missing.
    """
    wide = open_model(source, "cpu")
    if wide.spec.precision != "fp32":
        raise ModelError(f"{source} is {wide.spec.precision}: give the fp32 file")
    if wide.spec.shape:
        raise ModelError(f"{source} takes one shape alone: make the int8 twin of a file that takes all")
    path = target if target.suffix == ".onnx" else target / f"{wide.spec.name}.int8.onnx"
    if path.exists() and not overwrite:
        raise ExportError(f"{path} exists already: add --overwrite to replace it")
    patches = calibration_patches(calibrate, wide.spec)
    tried: list[tuple[float, str]] = []
    for last, method in product(_LAST, _METHODS):
        try:
            narrow = quantise(onnx.load(source), patches, last, Rounding(method=method))
        except NothingLeftError:
            if tried:
                break
            raise
        with tempfile.TemporaryDirectory() as folder:
            trial = Path(folder, "trial.onnx")
            describe(narrow, wide.spec.model_copy(update={"precision": "int8"}))
            onnx.save(narrow, trial)
            losses = measure_losses(wide, open_model(trial, "cpu"), check, screen)
        worst = max(losses.values())
        if worst <= most:
            break
        tried.append((worst, max(losses, key=lambda name: losses[name])))
    if not worst <= most:
        least, where = min(tried)
        raise ExportError(
            f"int8 loses {least:.3f} dB on {where}, more than the {most} allowed, however many of its last "
            "convolutions stay in fp32: calibrate on photographs more like those, or allow more with --max-loss"
        )
    spec = wide.spec.model_copy(update={"precision": "int8", "loss_db": round(max(0.0, worst), 4)})
    describe(narrow, spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, narrow.SerializeToString(), overwrite=overwrite)
    return Twin(path, spec, losses, last, method)


def calibration_patches(folder: Path, spec: ModelSpec) -> list[Batch]:
    """Patches of pictures as the model will see them: photographs reduced by its scale, inputs as they are at 1."""
    photos = list_photos([folder])
    gain, offset = np.float32((spec.high - spec.low) / 255), np.float32(spec.low)
    patches: list[Batch] = []
    if spec.scale > 1:
        pairs = PatchPairs(photos, spec.scale, _SIDE, seed=0)
        for number in range(_PATCHES):
            low = pairs.cut(number)[0].transpose(2, 0, 1)[None]
            patches.append({"input": np.ascontiguousarray(low, dtype=np.float32) * gain + offset})
        return patches
    for number in range(_PATCHES):
        draw = generator(0, number)
        pixels = read_rgb8(photos[int(draw.integers(len(photos)))])
        tile = Tile(*(_stretch(length, draw, spec.multiple) for length in pixels.shape[:2]))
        seen = pixels[tile.rows.start : tile.rows.stop, tile.columns.start : tile.columns.stop]
        values = np.ascontiguousarray(seen.transpose(2, 0, 1)[None], dtype=np.float32) * gain + offset
        patches.append({"input": values, **PictureAside(pixels, spec).of(tile)})
    return patches


def _stretch(length: int, draw: np.random.Generator, multiple: int) -> Span:
    """Up to a patch's side, anywhere along an axis.

    Raises:
        DataError: the axis is too short for the network.
    """
    side = min(_SIDE, length) // multiple * multiple
    if side == 0:
        raise DataError(f"a picture with a side of {length} pixels, and the network takes multiples of {multiple}")
    start = int(draw.integers(0, length - side + 1))
    return Span(start, start + side, start, start + side)


def measure_losses(wide: Model, narrow: Model, check: Sequence[Check], screen: Console) -> dict[str, float]:
    """PSNR that the second model lacks of the first, averaged over each folder: on Y, at scale 1 on RGB."""
    losses = {}
    for folder, pattern, inputs in check:
        scores = [
            evaluate_model(
                model, model.spec, folder, screen, pattern=pattern, low_folder=inputs, metrics=["psnr"]
            ).mean(model.spec.name, "psnr")
            for model in (wide, narrow)
        ]
        losses[str(folder)] = scores[0] - scores[1]
    return losses
