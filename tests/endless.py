"""A model that never ends: a loop of 2**62 steps."""

from __future__ import annotations

from pathlib import Path


def endless_model(path: Path, name: str = "endless") -> Path:
    """A model with the metadata of a restoring one, whose run takes a thousand years."""
    import onnx
    from onnx import TensorProto, helper

    def value(name: str, kind: int, shape: list[object] | None) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    picture = ["n", 3, "h", "w"]
    body = helper.make_graph(
        [helper.make_node("Identity", ["more"], ["again"]), helper.make_node("Identity", ["x"], ["y"])],
        "body",
        [value("i", TensorProto.INT64, []), value("more", TensorProto.BOOL, []), value("x", TensorProto.FLOAT, None)],
        [value("again", TensorProto.BOOL, []), value("y", TensorProto.FLOAT, None)],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["steps", "true", "input"], ["output"], body=body)],
        "endless",
        [value("input", TensorProto.FLOAT, picture)],
        [value("output", TensorProto.FLOAT, picture)],
        [
            helper.make_tensor("steps", TensorProto.INT64, [], [2**62]),
            helper.make_tensor("true", TensorProto.BOOL, [], [True]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"restore.spec": f'{{"name": "{name}", "scale": 1, "halo": 0}}'})
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path
