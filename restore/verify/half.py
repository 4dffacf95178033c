"""Check for overflow in 16 bits. A CPU computes in 32 bits and would not show it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from restore.errors import ModelError, TimeLimitError
from restore.runtime.running import run_options
from restore.runtime.session import cpu_session, first_line, quiet_options
from restore.spec import ModelSpec
from restore.verify.feed import of_pixels
from restore.verify.graphs import graphs, nodes_of
from restore.verify.pictures import EXTREME, scene

# The largest finite float16.
LARGEST = 65504.0


def largest_in_half(model: onnx.ModelProto, spec: ModelSpec) -> tuple[str, float]:
    """The largest magnitude of a model's float16 values, over pictures with extreme values.

    Computed in float32, where nothing overflows.

    Returns:
        The value's name and magnitude; infinite if it is NaN or infinite.
    """
    found = magnitudes(*widened(model), spec)
    worst = max(found, key=lambda name: found[name], default="")
    return worst, found.get(worst, 0.0)


def widened(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """The model converted to float32, and the names of the values that were float16."""
    inferred = onnx.shape_inference.infer_shapes(model)
    half = [v.name for v in inferred.graph.value_info if v.type.tensor_type.elem_type == TensorProto.FLOAT16]
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    for graph in graphs(wide):
        del graph.value_info[:]
        for value in (*graph.input, *graph.output):
            if value.type.tensor_type.elem_type == TensorProto.FLOAT16:
                value.type.tensor_type.elem_type = TensorProto.FLOAT
        for tensor in graph.initializer:
            if tensor.data_type == TensorProto.FLOAT16:
                _widen(tensor)
    for node in nodes_of(wide):
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT16:
                attribute.i = TensorProto.FLOAT
            if attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type == TensorProto.FLOAT16:
                _widen(attribute.t)
    return wide, half


def magnitudes(model: onnx.ModelProto, names: list[str], spec: ModelSpec) -> dict[str, float]:
    """The largest magnitudes of some values of a float32 model, over pictures with extreme values.

    Args:
        model: in float32.
        names: of values in the model.
        spec: of the model.

    Raises:
        ModelError: it cannot be opened or fails.
    """
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    given = {value.name for value in exposed.graph.output}
    shown = [name for name in names if name not in given]
    exposed.graph.output.extend(onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in shown)
    # Unoptimized: fused values are never stored here, but another device may fuse less.
    session = cpu_session(exposed.SerializeToString(), spec.name, quiet_options(optimized=False))
    size = spec.shape[1:] if spec.shape else (spec.side(40), spec.side(56))
    found = dict.fromkeys(names, 0.0)
    for make in (*EXTREME.values(), scene):
        batch, beside = of_pixels([make(*size)] * (spec.shape[0] if spec.shape else 1), spec)
        feed = {session.get_inputs()[0].name: batch, **beside}
        for name, values in zip(names, _run(session, names, feed, spec), strict=True):
            top = float(np.abs(values).max()) if np.isfinite(values).all() else float("inf")
            found[name] = max(found[name], top)
    return found


def _run(
    session: ort.InferenceSession, names: list[str], feed: Mapping[str, NDArray[np.float32]], spec: ModelSpec
) -> list[NDArray[np.float32]]:
    try:
        with run_options(spec.name) as options:
            found: list[NDArray[np.float32]] = session.run(names, feed, options) if names else []
    except TimeLimitError:
        raise
    except Exception as error:  # onnxruntime raises a different class for every cause
        raise ModelError(f"{spec.name} fails in 32 bits: {first_line(error)}") from error
    return found


def _widen(tensor: TensorProto) -> None:
    values = numpy_helper.to_array(tensor).astype(np.float32)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
