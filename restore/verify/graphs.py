"""Traverse a model's graph and its subgraphs: branches, loops, functions."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator

import onnx
from onnx import NodeProto, TensorProto, numpy_helper

# Types of learned values. Shapes, axes and indices have other types.
_LEARNED = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
_ROUNDED = (TensorProto.INT8, TensorProto.UINT8)


def graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """The graph, and all subgraphs of its nodes and functions."""
    yield model.graph
    yield from _within(model.graph.node)
    for function in model.functions:
        yield from _within(function.node)


def _within(nodes: Iterable[NodeProto]) -> Iterator[onnx.GraphProto]:
    for node in nodes:
        for attribute in node.attribute:
            inner = [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
            for graph in inner:
                yield graph
                yield from _within(graph.node)


def nodes_of(model: onnx.ModelProto) -> Iterator[NodeProto]:
    """All nodes, including those of subgraphs and functions."""
    for graph in graphs(model):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def inputs_of(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """A model's inputs, without weights, which old files list as inputs too."""
    held = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in held]


def weights(model: onnx.ModelProto) -> Iterator[TensorProto]:
    """All tensors that may have been learned, both initializers and constants."""
    kinds = (*_LEARNED, *_ROUNDED)
    for graph in graphs(model):
        yield from (tensor for tensor in graph.initializer if tensor.data_type in kinds)
    for node in nodes_of(model):
        if node.op_type == "Constant":
            yield from (a.t for a in node.attribute if a.name == "value" and a.t.data_type in kinds)


def count_weights(model: onnx.ModelProto) -> int:
    """Total number of values in :func:`weights`."""
    return sum(math.prod(tensor.dims) for tensor in weights(model))


def weights_digest(model: onnx.ModelProto) -> str:
    """SHA-256 of the :func:`weights`, independent of their names and storage."""
    digest = hashlib.sha256()
    for tensor in weights(model):
        values = numpy_helper.to_array(tensor)
        digest.update(f"{values.dtype}{values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
