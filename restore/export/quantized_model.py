"""Make the 8-bit twin of an fp32 model file, measured before it is written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from rich.console import Console

from restore.data.folder import list_photos
from restore.data.sampling import generator
from restore.data.sources.bicubic import PatchPairs
from restore.errors import DataError, ExportError, ModelError
from restore.evaluation.model import evaluate_model
from restore.export.build_model import prove
from restore.export.fidelity import MOST_TOLD_APART, TOLD, formula_patches
from restore.export.inference import asking
from restore.export.parity import Compared
from restore.export.quantize import Batch, Method, NothingLeftError, Quantizer, Rounding
from restore.export.run import refuse_existing
from restore.export.to_onnx import describe
from restore.export.twin_path import twin_path
from restore.export.weight_compression import narrow_weights
from restore.imaging.decode import read_rgb8
from restore.runtime.conditioning import PictureAside
from restore.runtime.model import Model, file_spec, open_model
from restore.runtime.tiling import Span, Tile
from restore.spec import ModelSpec
from restore.utils.atomic_write import write_bytes
from restore.verify.graphs import inputs_of

# More patches brought no improvement on the included models.
_PATCHES, _SIDE = 64, 64

# Number of last convolutions that stay in floating point, increased until the loss is small enough. Both ranges are
# tried for each: clipping costs some networks less than coarser steps, and others more
# (scripts/compare_quantization.py). Of a deep network, the last convolutions are a small part of the work, and are all
# tried before percentiles. Entropy ranges and signed activations brought no improvement.
_LAST = (1, 2, 4, 6)
_METHODS: tuple[Method, ...] = ("MinMax", "Percentile")


class BenchmarkSet(NamedTuple):
    """A folder of ground truth, a file pattern, and the folder of inputs; None to synthesize the inputs."""

    folder: Path
    pattern: str = "*"
    inputs: Path | None = None


@dataclass(frozen=True)
class Twin:
    """A twin that was written.

    Attributes:
        path: the file.
        spec: the file's metadata.
        losses: PSNR loss in dB for each folder it was measured on.
        last: number of last convolutions that stay in floating point; None if everything is computed in floating point
            and only weights are stored in 8 bits.
        method: calibration method of the activation ranges.
    """

    path: Path
    spec: ModelSpec
    losses: dict[str, float]
    last: int | None
    method: Method


def export_twin(
    source: Path,
    target: Path | None,
    calibrate: Path,
    check: Sequence[BenchmarkSet],
    most: float,
    overwrite: bool,
    screen: Console,
) -> Twin:
    """Quantize a model file to 8 bits; keep as many last convolutions in floating point as the loss limit requires.

    Args:
        source: an fp32 model file with metadata.
        target: an ``.onnx`` file, or a folder for ``NAME.int8.onnx``; None for the folder of ``source``.
        calibrate: photographs to calibrate the activation ranges on; never those of ``check``.
        check: benchmark sets to measure the loss on.
        most: maximum PSNR loss in dB on any benchmark set.
        overwrite: replace an existing file.
        screen: shows progress.

    Raises:
        ExportError: the twin loses more than ``most``, fails a check, or exists; nothing is written.
        ModelError: the source is missing or not a model of restore.
        DataError: a folder is missing or holds no pictures, or the inputs of a model that does not enlarge are missing.
    """
    model, spec = load_wide(source)
    path = twin_path(source, target, "int8")
    refuse_existing(path, overwrite)
    wide = open_model(source, "cpu")
    narrow, found = _search(wide, model, calibration_patches(calibrate, spec), check, most, screen)
    worst = max(found.losses.values())
    # Measurements of the fp32 file do not apply to this one.
    spec = spec.but(precision="int8", loss_db=round(max(0.0, worst), 4), measured={})
    describe(narrow, spec)
    data = narrow.SerializeToString()
    prove(data, lambda trial: _tells_alike(trial, wide))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data, overwrite=overwrite)
    return Twin(path, spec, found.losses, found.last, found.method)


def load_wide(source: Path) -> tuple[onnx.ModelProto, ModelSpec]:
    """Load a model file that can have an 8-bit twin.

    Raises:
        ModelError: it cannot be opened, is not fp32, has a fixed shape, or non-standard input names.
    """
    spec, model = file_spec(source), onnx.load(source)
    if spec.precision != "fp32":
        raise ModelError(f"{source} is {spec.precision}: give the fp32 file")
    if spec.shape:
        raise ModelError(f"{source} has a fixed input shape: give a file with dynamic shapes")
    names = tuple(value.name for value in inputs_of(model))
    if names != spec.inputs:
        raise ModelError(f"{source} calls its input {names[0]!r}: use 'restore import' to rename it to 'input'")
    return model, spec


class _Found(NamedTuple):
    losses: dict[str, float]
    last: int | None
    method: Method


def _search(
    wide: Model,
    model: onnx.ModelProto,
    patches: Sequence[Batch],
    check: Sequence[BenchmarkSet],
    most: float,
    screen: Console,
) -> tuple[onnx.ModelProto, _Found]:
    """Find the first variant with an acceptable loss, keeping more and more in floating point.

    Raises:
        ExportError: no variant is good enough; reports the best loss.
    """
    before = scores(wide, check, screen)
    tried: list[tuple[float, str]] = []
    for narrow, last, method in _ways(model, patches):
        with tempfile.TemporaryDirectory() as folder:
            trial = Path(folder, "trial.onnx")
            describe(narrow, wide.spec.but(precision="int8"))
            onnx.save(narrow, trial)
            losses = measure_losses(before, open_model(trial, "cpu"), check, screen)
        worst = max(losses.values())
        if worst <= most:
            return narrow, _Found(losses, last, method)
        tried.append((worst, max(losses, key=lambda name: losses[name])))
    least, where = min(tried)
    raise ExportError(
        f"int8 loses {least:.3f} dB on {where}, more than the {most} allowed, even with more of the last "
        "convolutions in fp32: calibrate on photographs more like those, or raise --max-loss"
    )


def _ways(model: onnx.ModelProto, patches: Sequence[Batch]) -> Iterator[tuple[onnx.ModelProto, int | None, Method]]:
    """Yield variants with less and less in 8 bits. Thumbnail branches always get 8-bit weights.

    Raises:
        NothingLeftError: nothing in the model can be quantized.
    """
    quantizer = Quantizer(model, patches)
    ways = list(product(_LAST, _METHODS))
    if quantizer.deep:
        ways.sort(key=lambda way: _METHODS.index(way[1]))
    for number, (last, method) in enumerate(ways):
        try:
            narrow = quantizer.but_last(last, Rounding(method=method))
        except NothingLeftError:
            stored = onnx.ModelProto.FromString(model.SerializeToString())
            if number == 0 and not narrow_weights(stored):
                raise
            if number == 0:
                yield stored, None, method
            return
        narrow_weights(narrow)
        yield narrow, last, method


def _tells_alike(trial: Path, wide: Model) -> list[Compared]:
    """Check that the twin tells the same as the original besides pictures, whose quality is measured as a loss.

    Raises:
        ExportError: class probabilities or edits differ.
    """
    if len(wide.spec.outputs) == 1:
        return []
    narrow = open_model(trial, "cpu")
    asks = asking(narrow, narrow.spec), asking(wide, wide.spec)
    pairs = [(asks[0](given), asks[1](given)) for given in formula_patches(wide.spec)]
    for name in wide.spec.outputs[1:]:
        apart = max(one.told_apart(other, name) for one, other in pairs)
        if not apart <= MOST_TOLD_APART["int8"]:
            raise ExportError(f"{wide.spec.name}: in int8, {TOLD[name]} differ by {apart:.3f}")
    return []


def calibration_patches(folder: Path, spec: ModelSpec) -> list[Batch]:
    """Representative input patches: photographs downscaled by the model's scale, or used directly at scale 1."""
    photos = list_photos([folder])
    gain, offset = np.float32((spec.high - spec.low) / 255), np.float32(spec.low)
    patches: list[Batch] = []
    if spec.scale > 1:
        pairs = PatchPairs(photos, spec.scale, _SIDE, seed=0)
        for number in range(_PATCHES):
            low = np.ascontiguousarray(pairs.cut(number)[0])
            values = np.ascontiguousarray(low.transpose(2, 0, 1)[None], dtype=np.float32) * gain + offset
            whole = Tile(*(Span(0, length, 0, length) for length in low.shape[:2]))
            patches.append({"input": values, **PictureAside(low, spec).of(whole)})
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
    """A random stretch of an axis, at most a patch's side long.

    Raises:
        DataError: the axis is too short for the network.
    """
    side = min(_SIDE, length) // multiple * multiple
    if side == 0:
        raise DataError(f"a picture has a side of {length} pixels, but the network needs multiples of {multiple}")
    start = int(draw.integers(0, length - side + 1))
    return Span(start, start + side, start, start + side)


def scores(model: Model, check: Sequence[BenchmarkSet], screen: Console) -> dict[str, float]:
    """Mean PSNR of each folder; on Y, or on RGB at scale 1."""
    found = {}
    for folder, pattern, inputs in check:
        measured = evaluate_model(
            model, model.spec, folder, screen, pattern=pattern, low_folder=inputs, metrics=["psnr"]
        )
        found[str(folder)] = measured.mean(model.spec.name, "psnr")
    return found


def measure_losses(
    before: Mapping[str, float], narrow: Model, check: Sequence[BenchmarkSet], screen: Console
) -> dict[str, float]:
    """How much worse a model's :func:`scores` are than those of its original, in dB."""
    after = scores(narrow, check, screen)
    return {name: before[name] - after[name] for name in after}
