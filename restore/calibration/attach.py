"""Add a transport of latent patches to the end of an ONNX model, with its strength as an input."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from restore.calibration.gaussian import Transport
from restore.calibration.patches import PatchCode
from restore.spec import ModelSpec

_OWN = "calibration/"


def attach(
    model: onnx.ModelProto, spec: ModelSpec, code: PatchCode, map: Transport, reach: float = 1.0
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
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    output, faithful = graph.output[0].name, f"{_OWN}faithful"
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [faithful if name == output else name for name in names]
    weights, bias = _change(spec, code, map, reach)
    _hold(graph, {"weights": weights, "bias": bias, "shape": np.array([-1, 1, 1, 1], np.int64)})
    ends, blocks = code.patch - 1, f"{_OWN}blocks"
    steps = [
        helper.make_node("SpaceToDepth", [faithful], [blocks], blocksize=code.factor),
        helper.make_node(
            "Conv", [blocks, f"{_OWN}weights", f"{_OWN}bias"], [f"{_OWN}moved"], pads=[ends] * 4, name=f"{_OWN}Conv"
        ),
        helper.make_node("DepthToSpace", [f"{_OWN}moved"], [f"{_OWN}change"], blocksize=code.factor),
        helper.make_node("Reshape", ["strength", f"{_OWN}shape"], [f"{_OWN}strength"]),
        helper.make_node("Mul", [f"{_OWN}change", f"{_OWN}strength"], [f"{_OWN}share"]),
        helper.make_node("Add", [faithful, f"{_OWN}share"], [output]),
    ]
    graph.node.extend(steps)
    batch = graph.input[0].type.tensor_type.shape.dim[0]
    count = batch.dim_value or batch.dim_param or None
    graph.input.append(helper.make_tensor_value_info("strength", TensorProto.FLOAT, [count]))
    kept = [value for value in graph.value_info if value.name != output]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    return made, _spec(spec, code)


def _change(
    spec: ModelSpec, code: PatchCode, map: Transport, reach: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights and biases of what the transport adds, for values on the model's range."""
    weights, bias = code.kernel(map)
    bias = (spec.high - spec.low) * bias + spec.low * (1 - weights.sum(axis=(1, 2, 3)))
    middle = code.patch - 1
    weights[range(code.channels), range(code.channels), middle, middle] -= 1
    return (reach * weights).astype(np.float32), (reach * bias).astype(np.float32)


def _hold(graph: onnx.GraphProto, values: Mapping[str, NDArray[np.generic]]) -> None:
    graph.initializer.extend(numpy_helper.from_array(value, f"{_OWN}{name}") for name, value in values.items())


def _spec(spec: ModelSpec, code: PatchCode) -> ModelSpec:
    """Tiles begin at whole blocks, and see all blocks that reach them; so does the picture, by its mirror image."""
    multiple = math.lcm(spec.multiple, code.factor // math.gcd(code.factor, spec.scale))
    more = -(-code.reach // spec.scale)
    border = -(-(spec.border + more) // multiple) * multiple
    return spec.but(strength=True, halo=spec.halo + more, border=border, multiple=multiple)
