"""Which nodes of a graph an input has a part in."""

from __future__ import annotations

import onnx


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
