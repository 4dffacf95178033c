"""An 8-bit twin of an ONNX model, and what it costs in quality."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from restore.errors import ExportError

Batch = NDArray[np.float32]


def quantise(model: onnx.ModelProto, patches: Sequence[Batch]) -> onnx.ModelProto:
    """Quantise a network's convolutions to 8 bits, the activations' ranges taken from real patches.

    Static QDQ: weights int8 with one scale a channel, activations uint8 with one scale a tensor, which is what x86
    processors with VNNI multiply fastest. What touches the picture itself stays in floating point: the first
    convolution, and the addition of the input at the end. There 8 bits would round the picture, not only the detail.

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
    with tempfile.TemporaryDirectory() as folder, _quiet():
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
            op_types_to_quantize=["Conv", "Add"],
            nodes_to_exclude=_near_the_picture(onnx.load(prepared)),
        )
        done = onnx.load(target)
    del done.metadata_props[:]
    done.metadata_props.extend(model.metadata_props)
    done.producer_name, done.producer_version = model.producer_name, model.producer_version
    onnx.checker.check_model(done, full_check=True)
    return done


def _near_the_picture(model: onnx.ModelProto) -> list[str]:
    """Nodes that read the input, and those that add something made of it alone to the network's detail."""
    picture = {value.name for value in model.graph.input}
    first = [node for node in model.graph.node if picture & set(node.input)]
    made = {name for node in first for name in node.output}
    last = [node for node in model.graph.node if node.op_type == "Add" and _is_anchor(node, made, model)]
    return [node.name for node in [*first, *last]]


def _is_anchor(node: onnx.NodeProto, made: set[str], model: onnx.ModelProto) -> bool:
    """An addition near the end: what it gives reaches the output through reshuffling alone."""
    outputs = {value.name for value in model.graph.output}
    behind = [n for n in model.graph.node if set(node.output) & set(n.input)]
    ends = set(node.output) <= outputs or all(n.op_type == "DepthToSpace" and set(n.output) <= outputs for n in behind)
    return bool(made & set(node.input)) and ends


class _Reader:
    """What onnxruntime calls a CalibrationDataReader."""

    def __init__(self, patches: Sequence[Batch]) -> None:
        self._patches: Iterator[Batch] = iter(patches)

    def get_next(self) -> dict[str, Batch] | None:
        patch = next(self._patches, None)
        return None if patch is None else {"input": patch}


@contextlib.contextmanager
def _quiet() -> Any:
    """The quantiser advises on the root logger and prints; what matters is the loss, which is measured."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
