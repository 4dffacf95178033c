"""Measure on picture patches how close a model is to its network after each export step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import nn

from restore.data.folder import list_photos
from restore.data.sampling import generator
from restore.errors import ExportError, ModelError, SizesError
from restore.export.inference import Answer, Ask, asking
from restore.export.quantize import Batch
from restore.imaging.decode import read_rgb8
from restore.metrics.psnr import psnr
from restore.runtime.session import cpu_session, first_line
from restore.spec import ModelSpec
from restore.verify.feed import of_pixels
from restore.verify.pictures import scene

# Minimum PSNR to the network in dB: 80 is a uniform difference of 1/10000, 50 of less than one level in 255.
LEAST = {"fp32": 80.0, "fp16": 50.0}
# Maximum difference of class probabilities, 0..1, and of the numbers of an edit, which are about as large. Both are
# computed in floating point.
MOST_TOLD_APART = {"fp32": 1e-3, "fp16": 2e-2, "int8": 5e-2}
# The outputs besides the result, in words.
TOLD = {"belief": "class probabilities", "edit": "the numbers of the edit"}

_PATCHES, _PHOTOS, _SIDE = 4, 16, 64


@dataclass(frozen=True)
class Step:
    """An export step, and the PSNR in dB between the network and the model after it; infinite if equal."""

    name: str
    psnr: float


class Fidelity:
    """Compares a model with its network after each step.

    Args:
        network: in evaluation mode; or the float32 model that a twin is made from.
        spec: describes the inputs of both.
        batches: inputs by name; synthetic patches if empty.
    """

    def __init__(self, network: nn.Module | onnx.ModelProto, spec: ModelSpec, batches: Sequence[Batch] = ()) -> None:
        self.steps: list[Step] = []
        self._spec = spec
        self._batches = list(batches) or formula_patches(spec)
        try:
            ask = asking(network, spec) if isinstance(network, nn.Module) else _of_model(network, spec)
            self._wanted = [ask(batch) for batch in self._batches]
        except ModelError as error:
            raise ExportError(str(error)) from error

    def watch(self, step: str, model: onnx.ModelProto) -> None:
        """Measure a float32 model; the ``watch`` argument of :func:`restore.export.to_onnx.to_onnx`."""
        self.measure(step, model, "fp32")

    def measure(self, step: str, model: onnx.ModelProto, precision: str) -> float:
        """Measure a model.

        Returns:
            Its PSNR to the network, in dB.

        Raises:
            ExportError: it cannot be run, or differs from the network by more than its precision explains; in float32 a
                :class:`SizesError`, because the exporter may have baked in a size as a constant.
        """
        far = SizesError if precision == "fp32" else ExportError
        try:
            ask = _of_model(model, self._spec)
            got = [ask(batch) for batch in self._batches]
        except ModelError as error:
            raise far(f"{self._spec.name}: after the step '{step}': {error}") from error
        if not all(np.isfinite(answer.output).all() for answer in (*got, *self._wanted)):
            raise ExportError(f"{self._spec.name}: after the step '{step}' there are NaN or infinite values")
        value = self._psnr(got)
        if not value >= LEAST[precision]:
            raise far(
                f"{self._spec.name}: after the step '{step}' the PSNR between model and network is {value:.1f} dB, but "
                f"{precision} must reach {LEAST[precision]:.0f} dB"
            )
        for name in self._spec.outputs[1:]:
            apart = max(answer.told_apart(wanted, name) for answer, wanted in zip(got, self._wanted, strict=True))
            if not apart <= MOST_TOLD_APART[precision]:
                raise far(
                    f"{self._spec.name}: after the step '{step}' the model and the network differ by {apart:.3f} in "
                    f"{TOLD[name]}, but {precision} allows {MOST_TOLD_APART[precision]}"
                )
        self.steps.append(Step(step, value))
        return value

    def _psnr(self, got: Sequence[Answer]) -> float:
        if all(np.array_equal(a.output, b.output) for a, b in zip(got, self._wanted, strict=True)):
            return float("inf")
        return psnr(_rows(got), _rows(self._wanted), peak=self._spec.high - self._spec.low)


def _of_model(model: onnx.ModelProto, spec: ModelSpec) -> Ask:
    session = cpu_session(model.SerializeToString(), spec.name)
    # The picture is the first input, whatever its name; the others are matched by name.
    names = [end.name for end in session.get_inputs()]

    def ask(batch: Batch) -> Answer:
        try:
            output, *told = session.run(None, {name: batch.get(name, batch["input"]) for name in names})
            return Answer(output, dict(zip(spec.outputs[1:], told, strict=True)))
        except Exception as error:  # onnxruntime raises a different class for every cause
            raise ModelError(f"onnxruntime cannot run the exported model: {first_line(error)}") from error

    return ask


def formula_patches(spec: ModelSpec) -> list[Batch]:
    """Synthetic patches that resemble pictures, batched as the model expects."""
    count, height, width = spec.shape or (1, spec.side(_SIDE), spec.side(_SIDE))
    patches: list[Batch] = []
    for number in range(_PATCHES):
        batch, beside = of_pixels([scene(height, width, seed=10 * number + i) for i in range(count)], spec)
        patches.append({"input": batch, **beside})
    return patches


def picture_patches(folder: Path, spec: ModelSpec) -> list[Batch]:
    """Patches of photographs, of the same size as :func:`formula_patches`.

    Raises:
        DataError: there are none in the folder.
    """
    photos = list_photos([folder])
    count, height, width = spec.shape or (1, spec.side(_SIDE), spec.side(_SIDE))
    patches: list[Batch] = []
    for number in range(_PHOTOS):
        cut = []
        for i in range(count):
            draw = generator(0, number * count + i)
            pixels = read_rgb8(photos[int(draw.integers(len(photos)))])
            grow = [(0, max(0, least - have)) for least, have in zip((height, width), pixels.shape, strict=False)]
            pixels = np.pad(pixels, (*grow, (0, 0)), mode="symmetric")
            top, left = (int(draw.integers(n - m + 1)) for n, m in zip(pixels.shape, (height, width), strict=False))
            cut.append(pixels[top : top + height, left : left + width])
        batch, beside = of_pixels(cut, spec)
        patches.append({"input": batch, **beside})
    return patches


def _rows(answers: Sequence[Answer]) -> NDArray[np.float32]:
    """All results as one column."""
    return np.concatenate([answer.output.reshape(-1, 1) for answer in answers])
