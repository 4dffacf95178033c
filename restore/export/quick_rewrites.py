"""Keep onnxscript's optimizer from taking time that grows with the square of a network's size."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir
    from onnxscript.rewriter import MatchingTracer, RewriteRule

# The only rule whose pattern has two results. For each node, of whatever kind, its search walks through the whole graph
# before it looks at the node: minutes for SwinIR's 8,000 nodes, and hours for larger attention networks.
_RULE, _BEGINS_WITH, _SEARCH = "SlicesSplit", "Slice", "try_rewrite"


@contextlib.contextmanager
def quick_rewrites() -> Iterator[None]:
    """Make the search for pairs of slices, which become one split, begin at slices only; the result is the same."""
    from onnxscript.rewriter import RewriteRule

    search = RewriteRule.try_rewrite

    def searched(
        rule: RewriteRule,
        model: ir.Model,
        graph: ir.Graph | ir.Function,
        node: ir.Node,
        *,
        verbose: int | None = None,
        tracer: MatchingTracer | None = None,
    ) -> object:
        if rule.name == _RULE and node.op_type != _BEGINS_WITH:
            return None
        return search(rule, model, graph, node, verbose=verbose, tracer=tracer)

    setattr(RewriteRule, _SEARCH, searched)
    try:
        yield
    finally:
        setattr(RewriteRule, _SEARCH, search)
