"""Small model files: one that doubles pictures, and its hostile relatives."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

SPEC: dict[str, Any] = {
    "name": "audit",
    "scale": 2,
    "halo": 0,
    "network": "nearest",
    "parameters": 1,
    "licence": "MIT",
    "data": "none",
    "made_with": "scripts/torture.py",
}


def model(
    nodes: Sequence[Any] | None = None,
    constants: Sequence[Any] = (),
    spec: str | None = None,
    kind: int = 1,
    shape: Sequence[str | int | None] = ("n", 3, "h", "w"),
    out: Sequence[str | int | None] = ("n", 3, "H", "W"),
) -> bytes:
    """A model file.

    Args:
        nodes: from ``input`` to ``output``; None for one that repeats each pixel.
        constants: initializers, besides ``scales``, which is (1, 1, 2, 2).
        spec: its metadata; None for those of a right model.
        kind: type of the input and the output, 1 for float32.
        shape: of the input.
        out: shape of the output.
    """
    from onnx import helper

    nodes = [resize("input", "output")] if nodes is None else nodes
    graph = helper.make_graph(
        nodes,
        "audit",
        [helper.make_tensor_value_info("input", kind, shape)],
        [helper.make_tensor_value_info("output", kind, out)],
        [helper.make_tensor("scales", 1, [4], [1.0, 1.0, 2.0, 2.0]), *constants],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(made, {"restore.spec": json.dumps(SPEC) if spec is None else spec})
    data: bytes = made.SerializeToString()
    return data


def resize(source: str, target: str) -> Any:
    """A node that repeats each pixel."""
    from onnx import helper

    settings = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return helper.make_node("Resize", [source, "", "scales"], [target], **settings)


def endless() -> bytes:
    """A loop of 2**62 steps."""
    from onnx import TensorProto, helper

    body = helper.make_graph(
        [helper.make_node("Identity", ["more"], ["again"]), helper.make_node("Identity", ["x"], ["y"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("more", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
        ],
    )
    constants = [
        helper.make_tensor("steps", TensorProto.INT64, [], [2**62]),
        helper.make_tensor("true", TensorProto.BOOL, [], [True]),
    ]
    loop = helper.make_node("Loop", ["steps", "true", "input"], ["looped"], body=body)
    return model([loop, resize("looped", "output")], constants)
