"""Quantize ONNX models to 8 bits."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from restore.errors import ExportError
from restore.export.to_onnx import quiet, with_names

if TYPE_CHECKING:
    from onnxruntime.quantization.calibrate import TensorsData

# A batch of a network's inputs, by name.
Batch = Mapping[str, NDArray[np.float32]]


class NothingLeftError(ExportError):
    """All convolutions of a network stay in floating point."""


Method = Literal["MinMax", "Entropy", "Percentile"]

# Networks of more convolutions than this are deep. Each patch then takes a second or more: 8 and 16 of them give
# Real-ESRGAN's 8-bit file the same PSNR to 0.01 dB. Histograms need the activations of all patches in memory, 20 GB for
# its 350 convolutions and 64 patches, so only so many are held at once, which shifts a percentile a little.
_DEEP, _FEW, _AT_ONCE = 64, 16, 8


@dataclass(frozen=True)
class Rounding:
    """How activations are rounded; ``scripts/compare_quantization.py`` compares the alternatives on a model.

    Attributes:
        signed: int8 activations instead of uint8.
        method: how a tensor's range is calibrated: by its extremes, or by a histogram's divergence or percentile.
    """

    signed: bool = False
    method: Method = "MinMax"


def quantize(
    model: onnx.ModelProto, patches: Sequence[Batch], last: int = 1, rounding: Rounding | None = None
) -> onnx.ModelProto:
    """Quantize a network's convolutions to 8 bits once; see :meth:`Quantizer.but_last`."""
    return Quantizer(model, patches).but_last(last, rounding)


def quantized_by_default(model: onnx.ModelProto) -> set[str]:
    """The convolutions that :func:`quantize` quantizes, named by :func:`restore.export.to_onnx.with_names`."""
    return set(_layers(with_names(model), 1))


class Quantizer:
    """Quantizes a network to 8 bits in several ways; its activation ranges are measured once for each method.

    Running the patches takes nearly all the time of quantizing a deep network.

    Args:
        model: with an input ``input``, float32 (N, 3, H, W), the picture.
        patches: representative inputs, ``input`` and the others, on the model's range.

    Raises:
        ExportError: there are no patches.
    """

    def __init__(self, model: onnx.ModelProto, patches: Sequence[Batch]) -> None:
        if not patches:
            raise ExportError("no patches to calibrate the ranges of 8-bit activations on")
        self._model = with_names(model)
        self._patches = patches
        self._ranges: dict[Method, TensorsData] = {}

    def but_last(self, last: int = 1, rounding: Rounding | None = None) -> onnx.ModelProto:
        """Quantize the convolutions with activation ranges calibrated on the patches.

        Static QDQ: int8 weights with one scale per channel, uint8 activations with one scale per tensor, which x86
        processors with VNNI multiply fastest. The first and last convolutions and all additions stay in floating point,
        because 8 bits would round the picture itself there; convolutions that only move its pixels count as neither.
        So does the thumbnail branch, which is a small part of the work but affects the whole picture
        (:mod:`restore.export.weight_compression` compresses its weights).

        Args:
            last: number of last convolutions that stay in floating point.
            rounding: how activations are rounded.

        Returns:
            The quantized model, with the metadata kept.

        Raises:
            NothingLeftError: there is nothing to quantize.
        """
        layers = _layers(self._model, last)
        if not layers:
            raise NothingLeftError("nothing in this network can be quantized: it has only first and last convolutions")
        return self.only(layers, rounding)

    def only(self, layers: Sequence[str], rounding: Rounding | None = None) -> onnx.ModelProto:
        """Quantize only the given convolutions; see :meth:`but_last`.

        Args:
            layers: names of convolutions, set by :func:`restore.export.to_onnx.with_names`.
            rounding: how activations are rounded.
        """
        from onnxruntime.quantization import QDQQuantizer, QuantType

        rounding = rounding or Rounding()
        copy = onnx.ModelProto()
        copy.CopyFrom(self._prepared)
        with quiet():
            quantizer = QDQQuantizer(
                copy,
                per_channel=True,
                reduce_range=False,
                weight_qType=QuantType.QInt8,
                activation_qType=QuantType.QInt8 if rounding.signed else QuantType.QUInt8,
                tensors_range=self._measured(rounding.method),
                nodes_to_quantize=list(layers),
                nodes_to_exclude=[],
                op_types_to_quantize=["Conv"],
                extra_options={},
            )
            quantizer.quantize_model()
            _keep_the_rest_exact(quantizer.model.model, layers)
            quantizer.model.topological_sort()
        done: onnx.ModelProto = quantizer.model.model
        del done.metadata_props[:]
        done.metadata_props.extend(self._model.metadata_props)
        done.producer_name, done.producer_version = self._model.producer_name, self._model.producer_version
        onnx.checker.check_model(done, full_check=True)
        return done

    @property
    def deep(self) -> bool:
        """Whether the network has so many convolutions that calibrating it takes long, histograms above all."""
        return len([node for node in self._model.graph.node if node.op_type == "Conv"]) > _DEEP

    @cached_property
    def _prepared(self) -> onnx.ModelProto:
        """The model as onnxruntime wants it: with the shapes of all values, and constants computed."""
        from onnxruntime.quantization.quant_utils import load_model_with_shape_infer
        from onnxruntime.quantization.shape_inference import quant_pre_process

        with tempfile.TemporaryDirectory() as folder, quiet():
            source, prepared = (str(Path(folder, f"{name}.onnx")) for name in ("source", "prepared"))
            onnx.save(self._model, source)
            quant_pre_process(source, prepared, skip_symbolic_shape=True)
            loaded: onnx.ModelProto = load_model_with_shape_infer(Path(prepared))
        return loaded

    def _measured(self, method: Method) -> TensorsData:
        """The ranges of all activations."""
        from onnxruntime.quantization import CalibrationMethod, create_calibrator

        if method not in self._ranges:
            with tempfile.TemporaryDirectory() as folder:
                prepared = Path(folder, "prepared.onnx")
                onnx.save(self._prepared, prepared)
                calibrator = create_calibrator(
                    prepared, ["Conv"], str(Path(folder, "augmented.onnx")), CalibrationMethod[method]
                )
                patches = self._patches[:_FEW] if self.deep else self._patches
                some = _AT_ONCE if self.deep else len(patches)
                for start in range(0, len(patches), some):
                    calibrator.collect_data(_Reader(patches[start : start + some]))
                self._ranges[method] = calibrator.compute_data()
        return self._ranges[method]


def _layers(model: onnx.ModelProto, last: int) -> list[str]:
    """All convolutions except those at the input, the last ones, and those of the thumbnail branch."""
    of_picture = made_of(model, "input")
    apart = made_of(model, "thumbnail") - of_picture
    moving = _moving_pixels(model)
    before_any = made_of(model, "input", until="Conv", but=moving)
    convs = [number for number, node in enumerate(model.graph.node) if node.op_type == "Conv"]
    rest = [number for number in convs if number not in before_any | apart | moving]
    return [model.graph.node[number].name for number in rest[: max(0, len(rest) - last)]]


def _keep_the_rest_exact(model: onnx.ModelProto, layers: Sequence[str]) -> None:
    """Give everything but the quantized convolutions values in floating point where there are some, in place.

    onnxruntime rounds the input of a quantized convolution for all who use it. In a residual network that is also the
    addition behind the block, so that each block would round what all blocks before it have added up.
    """
    narrow = {
        *layers,
        *(node.name for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")),
    }
    made_by = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.name in narrow:
            continue
        for place, name in enumerate(node.input):
            rounded = made_by.get(name)
            if rounded is None or rounded.op_type != "DequantizeLinear" or rounded.input[0] not in made_by:
                continue
            exact = made_by[rounded.input[0]].input[0]
            if exact in made_by and made_by[exact].name not in narrow:
                node.input[place] = exact


def _moving_pixels(model: onnx.ModelProto) -> set[int]:
    """Indices of the convolutions that only move pixels, as a pixel unshuffle does: they pass on the picture."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    found = set()
    for number, node in enumerate(model.graph.node):
        if node.op_type == "Conv" and len(node.input) == 2 and node.input[1] in weights:
            kernels = onnx.numpy_helper.to_array(weights[node.input[1]])
            kernels = kernels.reshape(len(kernels), -1)
            if (np.count_nonzero(kernels, axis=1) == 1).all() and (kernels.sum(axis=1) == 1).all():
                found.add(number)
    return found


class _Reader:
    """A CalibrationDataReader of onnxruntime."""

    def __init__(self, patches: Sequence[Batch]) -> None:
        self._rest: Iterator[Batch] = iter(patches)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        patch = next(self._rest, None)
        return None if patch is None else dict(patch)


def made_of(model: onnx.ModelProto, name: str, until: str = "", but: Collection[int] = ()) -> set[int]:
    """Indices of the nodes that depend on an input.

    Args:
        model: with topologically sorted nodes, as ONNX requires.
        name: of the input.
        until: operator type at which each path stops, after including the first such node.
        but: nodes of that type at which none stops.
    """
    values, nodes = {name}, set()
    for number, node in enumerate(model.graph.node):
        if values & set(node.input):
            nodes.add(number)
            if node.op_type != until or number in but:
                values |= set(node.output)
    return nodes
