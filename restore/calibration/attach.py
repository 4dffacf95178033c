"""Add a transport of latent patches to the end of an ONNX model, with its strength as an input."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx
import onnx.compose
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from restore.calibration.gaussian import Transport
from restore.calibration.learned_code import LearnedCode
from restore.calibration.opsets import at_opset, opset_of
from restore.calibration.patches import PatchCode
from restore.export.to_onnx import OPSETS
from restore.spec import ModelSpec

_OWN = "calibration/"
_FAITHFUL, _CHANGE = f"{_OWN}faithful", f"{_OWN}change"


def attach(
    model: onnx.ModelProto, spec: ModelSpec, code: PatchCode | LearnedCode, map: Transport, reach: float = 1.0
) -> tuple[onnx.ModelProto, ModelSpec]:
    """A model whose result at strength 0 is the given model's, bit for bit, and at strength 1 the transported one.

    output = faithful + strength reach (transported - faithful)

    Args:
        model: with the outputs that the spec names.
        spec: of the model, without a strength.
        code: how results become patches.
        map: between patches of results on 0..1, without its noise, so that equal inputs have equal results.
        reach: how far strength 1 goes: 1 is the transport, more goes beyond it.

    Returns:
        The new model, and its spec with the strength, and with the halo and the border that the transport needs.

    Raises:
        ExportError: the model and the autoencoder cannot be written in one version of ONNX's operators.
    """
    made = onnx.ModelProto()
    if isinstance(code, LearnedCode):
        opset = min(max(opset_of(model), code.autoencoder.opset, OPSETS[0]), OPSETS[-1])
        made.CopyFrom(at_opset(model, opset, spec.name))
    else:
        made.CopyFrom(model)
    graph = made.graph
    output = graph.output[0].name
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [_FAITHFUL if name == output else name for name in names]
    if isinstance(code, LearnedCode):
        _add_autoencoder(made, spec, code, map, reach)
    else:
        _add_convolution(graph, spec, code, map, reach)
    _hold(graph, {"shape": np.array([-1, 1, 1, 1], np.int64)})
    graph.node.extend(
        [
            helper.make_node("Reshape", ["strength", f"{_OWN}shape"], [f"{_OWN}strength"]),
            helper.make_node("Mul", [_CHANGE, f"{_OWN}strength"], [f"{_OWN}share"]),
            helper.make_node("Add", [_FAITHFUL, f"{_OWN}share"], [output]),
        ]
    )
    batch = graph.input[0].type.tensor_type.shape.dim[0]
    count = batch.dim_value or batch.dim_param or None
    graph.input.append(helper.make_tensor_value_info("strength", TensorProto.FLOAT, [count]))
    kept = [value for value in graph.value_info if value.name != output]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    return made, _spec(spec, code)


def _add_convolution(graph: onnx.GraphProto, spec: ModelSpec, code: PatchCode, map: Transport, reach: float) -> None:
    """The change of a code that is blocks of pixels."""
    weights, bias = _change(spec, code, map, reach)
    _hold(graph, {"weights": weights, "bias": bias})
    ends, blocks = code.patch - 1, f"{_OWN}blocks"
    graph.node.extend(
        [
            helper.make_node("SpaceToDepth", [_FAITHFUL], [blocks], blocksize=code.factor),
            helper.make_node(
                "Conv", [blocks, f"{_OWN}weights", f"{_OWN}bias"], [f"{_OWN}moved"], pads=[ends] * 4, name=f"{_OWN}Conv"
            ),
            helper.make_node("DepthToSpace", [f"{_OWN}moved"], [_CHANGE], blocksize=code.factor),
        ]
    )


def _change(
    spec: ModelSpec, code: PatchCode, map: Transport, reach: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights and biases of what the transport adds, for values on the model's range."""
    weights, bias = code.kernel(map)
    bias = (spec.high - spec.low) * bias + spec.low * (1 - weights.sum(axis=(1, 2, 3)))
    middle = code.patch - 1
    weights[range(code.channels), range(code.channels), middle, middle] -= 1
    return (reach * weights).astype(np.float32), (reach * bias).astype(np.float32)


def _add_autoencoder(made: onnx.ModelProto, spec: ModelSpec, code: LearnedCode, map: Transport, reach: float) -> None:
    """The change of a code that is an autoencoder's, with its encoder and decoder."""
    tail = onnx.compose.add_prefix(code.autoencoder.exported(code.change(map), opset_of(made)), f"{_OWN}autoencoder/")
    taken, given = tail.graph.input[0].name, tail.graph.output[0].name
    span = spec.high - spec.low
    numbers = {"black": spec.low, "span": span, "reach": reach * span}
    _hold(made.graph, {name: np.array(value, np.float32) for name, value in numbers.items()})
    made.graph.node.extend(
        [
            helper.make_node("Sub", [_FAITHFUL, f"{_OWN}black"], [f"{_OWN}above"]),
            helper.make_node("Div", [f"{_OWN}above", f"{_OWN}span"], [taken]),
            *tail.graph.node,
            helper.make_node("Mul", [given, f"{_OWN}reach"], [_CHANGE]),
        ]
    )
    made.graph.initializer.extend(tail.graph.initializer)
    known = {entry.domain for entry in made.opset_import}
    made.opset_import.extend(entry for entry in tail.opset_import if entry.domain not in {*known, "", "ai.onnx"})
    made.ir_version = max(made.ir_version, tail.ir_version)


def _hold(graph: onnx.GraphProto, values: Mapping[str, NDArray[np.generic]]) -> None:
    graph.initializer.extend(numpy_helper.from_array(value, f"{_OWN}{name}") for name, value in values.items())


def _spec(spec: ModelSpec, code: PatchCode | LearnedCode) -> ModelSpec:
    """Tiles begin at whole places of the code, and see all that reaches them; so does the picture, by its mirror image.

    What an autoencoder adds to the reach counts for tiles alone: its own zeros around the picture are those of any
    network, whose border the spec has.
    """
    multiple = math.lcm(spec.multiple, code.multiple // math.gcd(code.multiple, spec.scale))
    needs = code.autoencoder.needs if isinstance(code, LearnedCode) else None
    more = -(-code.reach // spec.scale)
    border = -(-(spec.border + more) // multiple) * multiple
    halo = spec.halo + -(-(code.reach + (needs.halo if needs else 0)) // spec.scale)
    grown = spec.but(strength=True, halo=halo, border=border, multiple=multiple)
    if needs is None:
        return grown
    minimum = max(spec.minimum, -(-needs.minimum // spec.scale))
    return grown.but(minimum=minimum, exact_tiles=spec.exact_tiles and needs.exact)
