"""A name for each node of a graph: the libraries that convert graphs tell nodes apart by it alone."""

from __future__ import annotations

import collections

import onnx


def with_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which every node has a name of its own; one that it has already stays, and so it can be done twice."""
    named = onnx.ModelProto()
    named.CopyFrom(model)
    count = collections.Counter(node.name for node in named.graph.node)
    for number, node in enumerate(named.graph.node):
        if node.name and count[node.name] == 1:
            continue
        node.name = f"{node.op_type}_{number}"
        while count[node.name]:
            node.name += "_"
        count[node.name] = 1
    return named
