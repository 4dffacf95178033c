"""Convert models to 16 bits: half the size, and twice as fast on hardware with 16-bit units."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from restore.errors import ExportError
from restore.export.to_onnx import describe, quiet, with_names
from restore.spec import ModelSpec
from restore.verify.half import LARGEST, largest_in_half, magnitudes

# Sums over many values, differences of nearly equal values and steep functions lose more than rounding in 16 bits;
# operators that position pixels must count them exactly.
SENSITIVE = (
    *("ReduceMean", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "GlobalAveragePool", "AveragePool"),
    *("LayerNormalization", "InstanceNormalization", "GroupNormalization", "BatchNormalization", "LpNormalization"),
    *("Softmax", "LogSoftmax", "Exp", "Log", "Pow", "Sqrt", "Reciprocal", "Div", "CumSum", "Einsum"),
    *("Resize", "GridSample", "Range", "TopK"),
)

# Safety factor: values are measured on a few pictures, and others may reach larger ones.
_ROOM = 8.0


def to_half(model: onnx.ModelProto, spec: ModelSpec) -> onnx.ModelProto:
    """Convert a float32 model to float16, except sensitive operators; inputs and outputs stay float32.

    Kept in float32 are :data:`SENSITIVE` operators, and all nodes with a value too large for 16 bits (with a safety
    margin), as measured on pictures with extreme values.

    Raises:
        ExportError: nothing in it can be converted to 16 bits.
    """
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    named = with_names(model)
    too_large = _too_large(named, spec)
    with quiet():
        half = convert_float_to_float16(
            named,
            keep_io_types=True,
            op_block_list=[*DEFAULT_OP_BLOCK_LIST, *SENSITIVE],
            node_block_list=too_large,
        )
        sorted_ = OnnxModel(half)
        sorted_.topological_sort()
    done: onnx.ModelProto = sorted_.model
    del done.graph.value_info[:]
    _tidy(done)
    describe(done, spec.but(precision="fp16"))
    if not any(tensor.data_type == TensorProto.FLOAT16 for tensor in done.graph.initializer):
        raise ExportError(f"{spec.name}: nothing in this network can be converted to 16 bits")
    name, value = largest_in_half(done, spec)
    if not value <= LARGEST:
        raise ExportError(f"{spec.name}: {name} reaches {value:.3g} in 16 bits, which hold at most {LARGEST:,.0f}")
    onnx.checker.check_model(done, full_check=True)
    return done


def _tidy(model: onnx.ModelProto) -> None:
    """Clean up after the converter: duplicate casts, and casts to 16 bits and back between two float32 nodes.

    The latter would round exactly the values kept in 32 bits, and turn those that 16 bits cannot hold into infinity.
    """
    _once(model)
    types = _types(model)
    halved = {node.output[0]: node.input[0] for node in model.graph.node if _casts(node, TensorProto.FLOAT16)}
    ends = {value.name for value in model.graph.output}
    same: dict[str, str] = {}
    for node in model.graph.node:
        if not _casts(node, TensorProto.FLOAT) or node.input[0] not in halved:
            continue
        before = halved[node.input[0]]
        if types.get(before) == TensorProto.FLOAT and node.output[0] not in ends:
            same[node.output[0]] = before
        else:  # integers, for example sizes: cast directly to 32 bits
            node.input[0] = before
    _keep(model, [node for node in model.graph.node if node.output[0] not in same])
    for node in model.graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
    used = {name for node in model.graph.node for name in node.input} | ends
    _keep(model, [node for node in model.graph.node if set(node.output) & used])
    for number, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{number}"


def _once(model: onnx.ModelProto) -> None:
    """Remove nodes whose output another node already computes."""
    made: set[str] = set()
    nodes = []
    for node in model.graph.node:
        if not made & set(node.output):
            nodes.append(node)
        made |= set(node.output)
    _keep(model, nodes)


def _keep(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)


def _types(model: onnx.ModelProto) -> dict[str, int]:
    """The element types of all values."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info)}
    return types | {tensor.name: tensor.data_type for tensor in graph.initializer}


def _casts(node: onnx.NodeProto, to: int) -> bool:
    return node.op_type == "Cast" and any(a.name == "to" and a.i == to for a in node.attribute)


def _too_large(model: onnx.ModelProto, spec: ModelSpec) -> list[str]:
    """The nodes that read or write a value too large for 16 bits."""
    inferred = onnx.shape_inference.infer_shapes(model)
    floats = {v.name for v in inferred.graph.value_info if v.type.tensor_type.elem_type == TensorProto.FLOAT}
    made = [name for node in model.graph.node for name in node.output if name in floats]
    found = magnitudes(model, made, spec)
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and tensor.dims:
            found[tensor.name] = float(np.abs(numpy_helper.to_array(tensor)).max(initial=0))
    large = {name for name, value in found.items() if not value <= LARGEST / _ROOM}
    return [node.name for node in model.graph.node if large & {*node.input, *node.output}]
