"""Turn a network for BGR into one for RGB."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper
from torch import Tensor, nn

from restore.verify.channel_order import Order
from restore.verify.graphs import inputs_of


class ForRgb(nn.Module):
    """A network for BGR that takes and returns RGB; (N, 3, H, W)."""

    def __init__(self, network: nn.Module, order: Order) -> None:
        super().__init__()
        self.network = network
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.network(x.flip(1) if self.order.input else x)
        return made.flip(1) if self.order.output else made


def reorder(model: onnx.ModelProto, order: Order) -> None:
    """Make an ONNX model with one ``input`` and one ``output`` (N, 3, H, W) take and return RGB."""
    graph = model.graph
    if order.plain:
        return
    graph.initializer.append(numpy_helper.from_array(np.array([2, 1, 0], np.int64), "restore_bgr"))
    (picture,) = inputs_of(model)
    if order.input:
        _rename_uses(graph, picture.name, "restore_bgr_input")
        swap = helper.make_node(
            "Gather", [picture.name, "restore_bgr"], ["restore_bgr_input"], "restore_to_bgr", axis=1
        )
        graph.node.insert(0, swap)
    if order.output:
        name = graph.output[0].name
        for node in graph.node:
            node.output[:] = ["restore_bgr_output" if one == name else one for one in node.output]
            node.input[:] = ["restore_bgr_output" if one == name else one for one in node.input]
        graph.node.append(
            helper.make_node("Gather", ["restore_bgr_output", "restore_bgr"], [name], "restore_to_rgb", axis=1)
        )
    del graph.value_info[:]


def _rename_uses(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Let all nodes, also those of subgraphs, read another value."""
    waiting = [graph]
    while waiting:
        here = waiting.pop()
        for node in here.node:
            node.input[:] = [new if one == old else one for one in node.input]
            for attribute in node.attribute:
                waiting += [inner for inner in (attribute.g, *attribute.graphs) if inner.node]
