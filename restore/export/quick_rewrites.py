"""Keep onnxscript's optimizer from taking time that grows with the square of a network's size."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir
    from onnxscript.rewriter import RewriteRule

# The only rule whose pattern has two results. For each node, of whatever kind, its search walks through the whole graph
# before it looks at the node: minutes for SwinIR's 8,000 nodes, and hours for larger attention networks.
_RULE, _BEGINS_WITH = "SlicesSplit", "Slice"


@contextlib.contextmanager
def quick_rewrites() -> Iterator[None]:
    """Make the search for pairs of slices, which become one split, begin at slices only; the result is the same."""
    from onnxscript.rewriter import RewriteRule

    search = RewriteRule.try_rewrite

    def searched(rule: RewriteRule, model: ir.Model, graph: ir.Graph, node: ir.Node, **options: object) -> object:
        if rule.name == _RULE and node.op_type != _BEGINS_WITH:
            return None
        return search(rule, model, graph, node, **options)

    RewriteRule.try_rewrite = searched
    try:
        yield
    finally:
        RewriteRule.try_rewrite = search
