"""A 16-bit twin: half the size, and twice as fast where the hardware has 16-bit units."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from restore.errors import ExportError
from restore.export.to_onnx import describe, quiet, with_names
from restore.spec import ModelSpec
from restore.verify.half import LARGEST, largest_in_half, magnitudes

# Sums over many values, differences of nearly equal ones and steep functions lose more than rounding in 16 bits; what
# places pixels must count them exactly.
SENSITIVE = (
    *("ReduceMean", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "GlobalAveragePool", "AveragePool"),
    *("LayerNormalization", "InstanceNormalization", "GroupNormalization", "BatchNormalization", "LpNormalization"),
    *("Softmax", "LogSoftmax", "Exp", "Log", "Pow", "Sqrt", "Reciprocal", "Div", "CumSum", "Einsum"),
    *("Resize", "GridSample", "Range", "TopK"),
)

# Values are measured on a few pictures; others may drive the network further.
_ROOM = 8.0


def to_half(model: onnx.ModelProto, spec: ModelSpec) -> onnx.ModelProto:
    """Convert a float32 model to float16, what would suffer left in float32; inputs and outputs stay float32.

    Left are :data:`SENSITIVE` operators, and all that meets a value that 16 bits would not hold with room to spare,
    as measured on pictures that drive the network far.

    Raises:
        ExportError: nothing of it can be had in 16 bits.
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
        raise ExportError(f"{spec.name}: nothing of this network can be had in 16 bits")
    name, value = largest_in_half(done, spec)
    if not value <= LARGEST:
        raise ExportError(f"{spec.name}: {name} reaches {value:.3g} in 16 bits, which hold {LARGEST:,.0f}")
    onnx.checker.check_model(done, full_check=True)
    return done


def _tidy(model: onnx.ModelProto) -> None:
    """Put right what the converter leaves: casts made twice, and those to 16 bits and back between two in 32.

    The latter would round, or lose, just what is kept in 32 bits; a value that 16 do not hold is infinite after them.
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
        else:  # whole numbers, such as sizes: straight to 32 bits
            node.input[0] = before
    _keep(model, [node for node in model.graph.node if node.output[0] not in same])
    for node in model.graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
    used = {name for node in model.graph.node for name in node.input} | ends
    _keep(model, [node for node in model.graph.node if set(node.output) & used])
    for number, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{number}"


def _once(model: onnx.ModelProto) -> None:
    """Leave out nodes that make what another has made."""
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
    """The kinds of numbers of all values."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info)}
    return types | {tensor.name: tensor.data_type for tensor in graph.initializer}


def _casts(node: onnx.NodeProto, to: int) -> bool:
    return node.op_type == "Cast" and any(a.name == "to" and a.i == to for a in node.attribute)


def _too_large(model: onnx.ModelProto, spec: ModelSpec) -> list[str]:
    """The nodes that a value too large for 16 bits goes into or comes out of."""
    inferred = onnx.shape_inference.infer_shapes(model)
    floats = {v.name for v in inferred.graph.value_info if v.type.tensor_type.elem_type == TensorProto.FLOAT}
    made = [name for node in model.graph.node for name in node.output if name in floats]
    found = magnitudes(model, made, spec)
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and tensor.dims:
            found[tensor.name] = float(np.abs(numpy_helper.to_array(tensor)).max(initial=0))
    large = {name for name, value in found.items() if not value <= LARGEST / _ROOM}
    return [node.name for node in model.graph.node if large & {*node.input, *node.output}]
