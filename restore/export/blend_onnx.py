"""Interpolate between two model files of one architecture."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, NodeProto, TensorProto, numpy_helper

from restore.errors import ModelError
from restore.imaging.arrays import AnyArray


class DifferentError(ModelError):
    """Two models are not of one architecture."""


def blend_onnx(a: onnx.ModelProto, b: onnx.ModelProto, alpha: float) -> onnx.ModelProto:
    """A model whose weights lie between those of two models with the same graph.

    Args:
        a: the model for ``alpha`` 0; gives the names and the metadata.
        b: the model for ``alpha`` 1.
        alpha: 0..1.

    Raises:
        DifferentError: their graphs differ; says where.
    """
    return _Blend(a, b, alpha).run()


def between(a: AnyArray, b: AnyArray, alpha: float) -> AnyArray:
    """``(1 - alpha) * a + alpha * b`` for arrays of one float type; exact at 0, at 1 and where both agree."""
    mixed = (1 - alpha) * a.astype(np.float64) + alpha * b.astype(np.float64)
    ends = a if alpha == 0 else b if alpha == 1 else None
    result: AnyArray = ends if ends is not None else np.where(a == b, a, mixed).astype(a.dtype)
    return result


class _Blend:
    def __init__(self, a: onnx.ModelProto, b: onnx.ModelProto, alpha: float) -> None:
        self._a, self._b, self._alpha = a, b, alpha
        self._weights_a = {tensor.name: tensor for tensor in a.graph.initializer}
        self._weights_b = {tensor.name: tensor for tensor in b.graph.initializer}
        self._names: dict[str, str] = {}  # of values: those of b by those of a
        self._made: dict[tuple[str, str], TensorProto] = {}

    def run(self) -> onnx.ModelProto:
        versions = [{one.domain: one.version for one in model.opset_import} for model in (self._a, self._b)]
        if versions[0] != versions[1]:
            raise DifferentError(f"they use different versions of ONNX's operators: {versions[0]} and {versions[1]}")
        if self._a.functions or self._b.functions:
            raise DifferentError("models with functions of their own cannot be blended")
        result = onnx.ModelProto()
        result.CopyFrom(self._a)
        nodes = list(result.graph.node), list(self._b.graph.node)
        if len(nodes[0]) != len(nodes[1]):
            raise DifferentError(f"one has {len(nodes[0])} operators and the other {len(nodes[1])}")
        self._same_ends()
        for place, (mine, theirs) in enumerate(zip(*nodes, strict=True)):
            self._node(mine, theirs, f"operator {place + 1}")
        outputs = [[value.name for value in model.graph.output] for model in (self._a, self._b)]
        if [self._names.get(name) for name in outputs[0]] != outputs[1]:
            raise DifferentError("their outputs come from different operators")
        del result.graph.initializer[:]
        result.graph.initializer.extend(self._made.values())
        return result

    def _same_ends(self) -> None:
        mine, theirs = (
            [value.name for value in graph.input if value.name not in held]
            for graph, held in ((self._a.graph, self._weights_a), (self._b.graph, self._weights_b))
        )
        if len(mine) != len(theirs):
            raise DifferentError(f"one has {len(mine)} inputs and the other {len(theirs)}")
        self._names.update(zip(mine, theirs, strict=True))

    def _node(self, mine: NodeProto, theirs: NodeProto, where: str) -> None:
        if (mine.op_type, mine.domain) != (theirs.op_type, theirs.domain):
            raise DifferentError(f"{where} is {mine.op_type} in one and {theirs.op_type} in the other")
        where = f"{where} ({mine.op_type})"
        if len(mine.input) != len(theirs.input) or len(mine.output) != len(theirs.output):
            raise DifferentError(f"{where} has other inputs or outputs")
        self._attributes(mine, theirs, where)
        for i, (one, other) in enumerate(zip(mine.input, theirs.input, strict=True)):
            mine.input[i] = self._input(one, other, where)
        self._names.update(zip(mine.output, theirs.output, strict=True))

    def _input(self, one: str, other: str, where: str) -> str:
        """The name of an input; weights that one model uses twice, and the other does not, get names of their own."""
        if one in self._weights_a and other in self._weights_b:
            key = one, other
            if key not in self._made:
                tensor = self._tensor(self._weights_a[one], self._weights_b[other], where)
                taken = {held.name for held in self._made.values()}
                tensor.name = one if one not in taken else f"{one}_{len(taken)}"
                self._made[key] = tensor
            return self._made[key].name
        if (one or other) and (one in self._weights_a or self._names.get(one) != other):
            raise DifferentError(f"{where} takes something else")
        return one

    def _attributes(self, mine: NodeProto, theirs: NodeProto, where: str) -> None:
        own = {one.name: one for one in mine.attribute}
        others = {one.name: one for one in theirs.attribute}
        if own.keys() != others.keys():
            raise DifferentError(f"{where} has other settings")
        for name, one in own.items():
            other = others[name]
            if one.type == other.type == AttributeProto.TENSOR:
                one.t.CopyFrom(self._tensor(one.t, other.t, where))
            elif one.SerializeToString(deterministic=True) != other.SerializeToString(deterministic=True):
                raise DifferentError(f"{where} has another {name}")

    def _tensor(self, mine: TensorProto, theirs: TensorProto, where: str) -> TensorProto:
        a, b = numpy_helper.to_array(mine), numpy_helper.to_array(theirs)
        if a.shape != b.shape or a.dtype != b.dtype:
            raise DifferentError(f"{where}: {_described(a)} in one and {_described(b)} in the other")
        if a.dtype not in (np.float32, np.float64):
            if not np.array_equal(a, b):
                raise DifferentError(f"{where}: numbers that are not learned differ")
            return numpy_helper.from_array(a, mine.name)
        return numpy_helper.from_array(np.ascontiguousarray(between(a, b, self._alpha)), mine.name)


def _described(values: NDArray[np.generic]) -> str:
    return f"{values.dtype} {'x'.join(map(str, values.shape)) or 'number'}"
