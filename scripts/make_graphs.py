"""Make restore/runtime/graphs: ONNX graphs from pixels to floats and back, and the model that `restore doctor` runs.

python scripts/make_graphs.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from restore.spec import ModelSpec

FOLDER = Path(__file__).parents[1] / "restore" / "runtime" / "graphs"

# Old enough for every supported onnxruntime.
OPSET, IR_VERSION = 17, 8
TYPES = {"uint8": TensorProto.UINT8, "uint16": TensorProto.UINT16}
PIXELS, VALUES = ["n", "h", "w", 3], ["n", 3, "h", "w"]


def main() -> None:
    """Write every graph."""
    FOLDER.mkdir(exist_ok=True)
    for name, model in make_graphs().items():
        (FOLDER / name).write_bytes(model.SerializeToString())


def make_graphs() -> dict[str, ModelProto]:
    """File name and content of every graph."""
    graphs = {"probe.onnx": probe()}
    for name in TYPES:
        graphs[f"from_{name}.onnx"] = from_pixels(name)
        graphs[f"to_{name}.onnx"] = to_pixels(name)
    return graphs


def from_pixels(dtype: str) -> ModelProto:
    """Pixels (N, H, W, 3) to float32 (N, 3, H, W): times a gain, plus an offset."""
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["values"]),
    ]
    inputs = [helper.make_tensor_value_info("pixels", TYPES[dtype], PIXELS), *line()]
    return model(nodes, inputs, [helper.make_tensor_value_info("values", TensorProto.FLOAT, VALUES)])


def to_pixels(dtype: str) -> ModelProto:
    """Float32 (N, 3, H, W) to pixels (N, H, W, 3): times a gain, plus an offset, clipped, rounded.

    ``finite`` (N) is zero for each picture whose values are all finite, because finite values times zero are zero;
    otherwise it is not a number.
    """
    nodes = [
        helper.make_node("Mul", ["values", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["shifted"]),
        helper.make_node("Clip", ["shifted", "bottom", "top"], ["clipped"]),
        helper.make_node("Round", ["clipped"], ["rounded"]),
        helper.make_node("Cast", ["rounded"], ["planes"], to=TYPES[dtype]),
        helper.make_node("Transpose", ["planes"], ["pixels"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["values", "bottom"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros", "axes"], ["finite"], keepdims=0),
    ]
    constants = {
        "bottom": np.float32(0),
        "top": np.float32(np.iinfo(dtype).max),
        "axes": np.array([1, 2, 3], np.int64),
    }
    inputs = [helper.make_tensor_value_info("values", TensorProto.FLOAT, VALUES), *line()]
    outputs = [
        helper.make_tensor_value_info("pixels", TYPES[dtype], PIXELS),
        helper.make_tensor_value_info("finite", TensorProto.FLOAT, ["n"]),
    ]
    return model(nodes, inputs, outputs, constants)


def probe() -> ModelProto:
    """One convolution that blurs each color, with a known result."""
    blur = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16
    weights = np.zeros((3, 3, 3, 3), np.float32)
    weights[range(3), range(3)] = blur
    made = model(
        [helper.make_node("Conv", ["input", "weights"], ["output"], pads=[1, 1, 1, 1])],
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, VALUES)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, VALUES)],
        {"weights": weights},
    )
    helper.set_model_props(made, ModelSpec(name="probe", task="probe", scale=1, halo=1).metadata())
    return made


def line() -> list[object]:
    """The inputs of a straight line."""
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, []) for name in ("gain", "offset")]


def model(
    nodes: list[object], inputs: list[object], outputs: list[object], constants: dict[str, np.ndarray] | None = None
) -> ModelProto:
    """A checked model of fixed versions."""
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    made = helper.make_model(
        helper.make_graph(nodes, "restore", inputs, outputs, tensors),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="restore",
    )
    checker.check_model(made, full_check=True)
    return made


if __name__ == "__main__":
    main()
