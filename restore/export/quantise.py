"""An 8-bit twin of an ONNX model, and what it costs in quality."""

from __future__ import annotations

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

# What a network takes at once, by the names of its inputs.
Batch = Mapping[str, NDArray[np.float32]]


class NothingLeftError(ExportError):
    """All convolutions of a network stay in floating point."""


Method = Literal["MinMax", "Entropy", "Percentile"]


@dataclass(frozen=True)
class Rounding:
    """How activations are rounded; ``scripts/compare_quantisation.py`` measures the others on a model.

    Attributes:
        signed: activations as int8 and not as uint8.
        method: what a tensor's range is taken from: its extremes, or a histogram's least divergence or percentile.
    """

    signed: bool = False
    method: Method = "MinMax"


def quantise(
    model: onnx.ModelProto, patches: Sequence[Batch], last: int = 1, rounding: Rounding | None = None
) -> onnx.ModelProto:
    """Quantise a network's convolutions to 8 bits, the activations' ranges taken from real patches.

    Static QDQ: weights int8 with one scale a channel, activations uint8 with one scale a tensor, which is what x86
    processors with VNNI multiply fastest. The ends stay in floating point, where 8 bits would round the picture itself
    and not only what is made of it: the first and the last convolutions, and all additions. So does what looks at a
    thumbnail (:mod:`restore.export.weight_compression` makes its weights small): it is a small part of the work, and
    decides about the whole picture.

    Args:
        model: with an input ``input``, float32 (N, 3, H, W), the picture.
        patches: what it takes, ``input`` and the others, on the model's range, as it will come.
        last: how many of the last convolutions stay in floating point.
        rounding: how activations are rounded.

    Returns:
        The quantised model, metadata kept.

    Raises:
        ExportError: nothing to take the ranges from, or (:class:`NothingLeftError`) nothing to quantise.
    """
    model = with_names(model)
    layers = _layers(model, last)
    if not layers:
        raise NothingLeftError("nothing of this network can be had in 8 bits: its convolutions are its first and last")
    return quantise_layers(model, patches, layers, rounding)


def quantised_by_default(model: onnx.ModelProto) -> set[str]:
    """The convolutions that :func:`quantise` takes, by their names in :func:`restore.export.to_onnx.with_names`."""
    return set(_layers(with_names(model), 1))


def quantise_layers(
    model: onnx.ModelProto, patches: Sequence[Batch], layers: Sequence[str], rounding: Rounding | None = None
) -> onnx.ModelProto:
    """Quantise some convolutions and nothing else; see :func:`quantise`, and for the arguments too.

    Args:
        model: see there.
        patches: see there.
        layers: names of convolutions, as :func:`restore.export.to_onnx.with_names` has them.
        rounding: see there.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    rounding = rounding or Rounding()
    if not patches:
        raise ExportError("no patches to take the ranges of the 8-bit activations from")
    with tempfile.TemporaryDirectory() as folder, quiet():
        source, prepared, target = (str(Path(folder, f"{name}.onnx")) for name in ("source", "prepared", "quantised"))
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
        )
        done = onnx.load(target)
    del done.metadata_props[:]
    done.metadata_props.extend(model.metadata_props)
    done.producer_name, done.producer_version = model.producer_name, model.producer_version
    onnx.checker.check_model(done, full_check=True)
    return done


def _layers(model: onnx.ModelProto, last: int) -> list[str]:
    """All convolutions but those of the input, the last ones of the others, and all that look at a thumbnail."""
    of_picture = made_of(model, "input")
    apart = made_of(model, "thumbnail") - of_picture
    before_any = made_of(model, "input", until="Conv")
    convs = [number for number, node in enumerate(model.graph.node) if node.op_type == "Conv"]
    rest = [number for number in convs if number not in before_any | apart]
    return [model.graph.node[number].name for number in rest[: max(0, len(rest) - last)]]


class _Reader:
    """What onnxruntime calls a CalibrationDataReader."""

    def __init__(self, patches: Sequence[Batch]) -> None:
        self._patches: Iterator[Batch] = iter(patches)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        patch = next(self._patches, None)
        return None if patch is None else dict(patch)


def made_of(model: onnx.ModelProto, name: str, until: str = "") -> set[int]:
    """The places among the nodes of those that an input has a part in.

    Args:
        model: with its nodes sorted, as ONNX demands.
        name: of the input.
        until: of this kind of nodes, the first on each way and none after it.
    """
    values, nodes = {name}, set()
    for number, node in enumerate(model.graph.node):
        if values & set(node.input):
            nodes.add(number)
            if node.op_type != until:
                values |= set(node.output)
    return nodes
