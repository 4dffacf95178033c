"""Exporting a network of thousands of operations takes time in proportion, and gives what the optimizer gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxscript.optimizer import optimize_ir
from onnxscript.rewriter import RewriteRule

from restore.export.quick_rewrites import quick_rewrites


def graph(nodes: list[onnx.NodeProto], result: str, values: dict[str, list[int]] | None = None) -> ir.Model:
    """A network of (1, 8) to ``result``, with constants."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in ("x", result)]
    constants = [numpy_helper.from_array(np.array(v, np.int64), name) for name, v in (values or {}).items()]
    made = helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)
    return ir.serde.deserialize_model(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)]))


def halves() -> ir.Model:
    """Two slices of one value, which could be one split."""
    nodes = [
        helper.make_node("Slice", ["x", "start", "middle", "axis"], ["a"]),
        helper.make_node("Slice", ["x", "middle", "end", "axis"], ["b"]),
        helper.make_node("Concat", ["b", "a"], ["y"], axis=1),
    ]
    return graph(nodes, "y", {"start": [0], "middle": [4], "end": [8], "axis": [1]})


def chain(length: int) -> ir.Model:
    names = ["x", *(f"v{i}" for i in range(length))]
    nodes = [helper.make_node(("Tanh", "Sin")[i % 2], [names[i]], [names[i + 1]]) for i in range(length)]
    return graph(nodes, names[-1])


def test_only_searches_that_find_nothing_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two slices are tried for a split as without; every other rule is tried on every node."""
    tried: list[tuple[str | None, str]] = []
    match = RewriteRule.match

    def noted(rule: RewriteRule, model: ir.Model, graph: ir.Graph, node: ir.Node, **options: object) -> object:
        tried.append((rule.name, node.op_type))
        return match(rule, model, graph, node, **options)

    monkeypatch.setattr(RewriteRule, "match", noted)
    found = []
    for how in (nullcontext(), quick_rewrites()):
        tried.clear()
        with how:
            optimize_ir(model := halves())
        found.append((sorted(set(tried), key=str), [node.op_type for node in model.graph]))
    (plain, plain_nodes), (quick, quick_nodes) = found
    assert set(plain) - set(quick) == {("SlicesSplit", "Concat")}
    assert ("SlicesSplit", "Slice") in quick
    assert plain_nodes == quick_nodes


def test_the_graph_is_not_walked_for_each_node(monkeypatch: pytest.MonkeyPatch) -> None:
    walks = 0
    walk = ir.Graph.__iter__

    def counted(self: ir.Graph) -> Iterator[ir.Node]:
        nonlocal walks
        walks += 1
        return walk(self)

    monkeypatch.setattr(ir.Graph, "__iter__", counted)
    found = []
    for length in (20, 120):
        walks = 0
        with quick_rewrites():
            optimize_ir(chain(length))
        found.append(walks)
    assert found[0] == found[1]
    walks = 0
    optimize_ir(chain(120))
    assert walks > 100, "what the optimizer does by itself; if it no longer does, quick_rewrites can go"
