"""Store weights in 8 bits where computing in 8 bits does not pay."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from restore.export.quantize import made_of

# Smaller tensors do not make a file smaller: each needs scales and a node.
_LEAST = 1024
# Output axis of the weights (the second input of these operators); each output channel gets a scale.
_OUTPUTS = {"Conv": 0, "Gemm": 0, "MatMul": 1}


def narrow_weights(model: onnx.ModelProto) -> int:
    """Store the weights of the thumbnail branch as int8, symmetric, with one scale per output channel.

    It is still computed in floating point, because it affects the whole picture and is a small part of the work; but it
    contains most of the weights, and so most of the file. Biases are not changed.

    Args:
        model: modified in place; unchanged unless it has inputs ``input`` and ``thumbnail``.

    Returns:
        Number of compressed tensors.
    """
    graph = model.graph
    constants = {one.name: one for one in graph.initializer}
    aside = made_of(model, "thumbnail") - made_of(model, "input")
    found: dict[str, int] = {}
    for number in sorted(aside):
        node = graph.node[number]
        if node.op_type in _OUTPUTS and node.input[1] in constants:
            turned = next((one.i for one in node.attribute if one.name == "transB"), 0)
            found[node.input[1]] = _OUTPUTS[node.op_type] if node.op_type != "Gemm" else 1 - turned
    nodes = []
    for name, axis in found.items():
        values = numpy_helper.to_array(constants[name])
        if values.dtype != np.float32 or values.size < _LEAST:
            continue
        rest = tuple(i for i in range(values.ndim) if i != axis)
        scales = np.abs(values).max(rest, keepdims=True) / 127
        scales[scales == 0] = 1
        narrow = np.round(values / scales).astype(np.int8)
        graph.initializer.remove(constants[name])
        graph.initializer.append(numpy_helper.from_array(narrow, f"{name}_int8"))
        graph.initializer.append(numpy_helper.from_array(scales.ravel(), f"{name}_scale"))
        inputs = [f"{name}_int8", f"{name}_scale"]
        nodes.append(helper.make_node("DequantizeLinear", inputs, [name], name=f"{name}_wide", axis=axis))
    for node in reversed(nodes):
        graph.node.insert(0, node)
    return len(nodes)
