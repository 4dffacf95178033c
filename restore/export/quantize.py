"""Quantize ONNX models to 8 bits."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from restore.errors import ExportError
from restore.export.to_onnx import quiet, with_names

# A batch of a network's inputs, by name.
Batch = Mapping[str, NDArray[np.float32]]


class NothingLeftError(ExportError):
    """All convolutions of a network stay in floating point."""


Method = Literal["MinMax", "Entropy", "Percentile"]

# Histograms need the activations of all patches in memory: 20 GB for the 350 convolutions of Real-ESRGAN. With more
# layers than this, only so many patches are held at once, which shifts a percentile a little.
_MANY, _AT_ONCE = 64, 8


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
    """Quantize a network's convolutions to 8 bits, with activation ranges calibrated on patches.

    Static QDQ: int8 weights with one scale per channel, uint8 activations with one scale per tensor, which x86
    processors with VNNI multiply fastest. The first and last convolutions and all additions stay in floating point,
    because 8 bits would round the picture itself there. So does the thumbnail branch, which is a small part of the work
    but affects the whole picture (:mod:`restore.export.weight_compression` compresses its weights).

    Args:
        model: with an input ``input``, float32 (N, 3, H, W), the picture.
        patches: representative inputs, ``input`` and the others, on the model's range.
        last: number of last convolutions that stay in floating point.
        rounding: how activations are rounded.

    Returns:
        The quantized model, with the metadata kept.

    Raises:
        ExportError: there are no patches, or (:class:`NothingLeftError`) nothing to quantize.
    """
    model = with_names(model)
    layers = _layers(model, last)
    if not layers:
        raise NothingLeftError("nothing in this network can be quantized: it has only first and last convolutions")
    return quantize_layers(model, patches, layers, rounding)


def quantized_by_default(model: onnx.ModelProto) -> set[str]:
    """The convolutions that :func:`quantize` quantizes, named by :func:`restore.export.to_onnx.with_names`."""
    return set(_layers(with_names(model), 1))


def quantize_layers(
    model: onnx.ModelProto, patches: Sequence[Batch], layers: Sequence[str], rounding: Rounding | None = None
) -> onnx.ModelProto:
    """Quantize only the given convolutions; see :func:`quantize`.

    Args:
        model: see :func:`quantize`.
        patches: see :func:`quantize`.
        layers: names of convolutions, set by :func:`restore.export.to_onnx.with_names`.
        rounding: see :func:`quantize`.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    rounding = rounding or Rounding()
    if not patches:
        raise ExportError("no patches to calibrate the ranges of 8-bit activations on")
    with tempfile.TemporaryDirectory() as folder, quiet():
        source, prepared, target = (str(Path(folder, f"{name}.onnx")) for name in ("source", "prepared", "quantized"))
        onnx.save(with_names(model), source)
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            target,
            _Reader(patches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8 if rounding.signed else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod[rounding.method],
            op_types_to_quantize=["Conv"],
            nodes_to_quantize=list(layers),
            extra_options={"CalibStridedMinMax": math.gcd(len(patches), _AT_ONCE)} if len(layers) > _MANY else None,
        )
        done = onnx.load(target)
    del done.metadata_props[:]
    done.metadata_props.extend(model.metadata_props)
    done.producer_name, done.producer_version = model.producer_name, model.producer_version
    onnx.checker.check_model(done, full_check=True)
    return done


def _layers(model: onnx.ModelProto, last: int) -> list[str]:
    """All convolutions except those at the input, the last ones, and those of the thumbnail branch."""
    of_picture = made_of(model, "input")
    apart = made_of(model, "thumbnail") - of_picture
    before_any = made_of(model, "input", until="Conv")
    convs = [number for number, node in enumerate(model.graph.node) if node.op_type == "Conv"]
    rest = [number for number in convs if number not in before_any | apart]
    return [model.graph.node[number].name for number in rest[: max(0, len(rest) - last)]]


class _Reader:
    """A CalibrationDataReader of onnxruntime."""

    def __init__(self, patches: Sequence[Batch]) -> None:
        self._patches = patches
        self._rest: Iterator[Batch] = iter(patches)

    def __len__(self) -> int:
        return len(self._patches)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._rest = iter(self._patches[start_index:end_index])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        patch = next(self._rest, None)
        return None if patch is None else dict(patch)


def made_of(model: onnx.ModelProto, name: str, until: str = "") -> set[int]:
    """Indices of the nodes that depend on an input.

    Args:
        model: with topologically sorted nodes, as ONNX requires.
        name: of the input.
        until: operator type at which each path stops, after including the first such node.
    """
    values, nodes = {name}, set()
    for number, node in enumerate(model.graph.node):
        if values & set(node.input):
            nodes.add(number)
            if node.op_type != until:
                values |= set(node.output)
    return nodes
