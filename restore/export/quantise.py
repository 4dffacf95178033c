"""An 8-bit twin of an ONNX model, and what it costs in quality."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from restore.errors import ExportError
from restore.export.quiet import quiet

Batch = NDArray[np.float32]


def quantise(model: onnx.ModelProto, patches: Sequence[Batch]) -> onnx.ModelProto:
    """Quantise a network's convolutions to 8 bits, the activations' ranges taken from real patches.

    Static QDQ: weights int8 with one scale a channel, activations uint8 with one scale a tensor, which is what x86
    processors with VNNI multiply fastest. The ends stay in floating point, where 8 bits would round the picture itself
    and not only what is made of it: the first and the last convolution, and all additions.

    Args:
        model: with an input ``input``, float32 (N, 3, H, W).
        patches: float32 (1, 3, h, w) on the model's range, as the network will see them.

    Returns:
        The quantised model, metadata kept.

    Raises:
        ExportError: nothing to take the ranges from.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    if not patches:
        raise ExportError("no patches to take the ranges of the 8-bit activations from")
    with tempfile.TemporaryDirectory() as folder, quiet():
        source, prepared, target = (str(Path(folder, f"{name}.onnx")) for name in ("source", "prepared", "quantised"))
        onnx.save(model, source)
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            target,
            _Reader(patches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=_ends(onnx.load(prepared)),
        )
        done = onnx.load(target)
    del done.metadata_props[:]
    done.metadata_props.extend(model.metadata_props)
    done.producer_name, done.producer_version = model.producer_name, model.producer_version
    onnx.checker.check_model(done, full_check=True)
    return done


def _ends(model: onnx.ModelProto) -> list[str]:
    """Convolutions of the input, and the last one of the others."""
    convs = [node for node in model.graph.node if node.op_type == "Conv"]
    picture = {value.name for value in model.graph.input}
    first = [node for node in convs if picture & set(node.input)]
    rest = [node for node in convs if node not in first]
    return [node.name for node in [*first, *rest[-1:]]]


class _Reader:
    """What onnxruntime calls a CalibrationDataReader."""

    def __init__(self, patches: Sequence[Batch]) -> None:
        self._patches: Iterator[Batch] = iter(patches)

    def get_next(self) -> dict[str, Batch] | None:
        patch = next(self._patches, None)
        return None if patch is None else {"input": patch}
