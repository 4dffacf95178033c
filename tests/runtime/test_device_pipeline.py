"""The chain of sessions gives the pixels of the numpy path, on the CPU as elsewhere."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from restore.errors import ModelError
from restore.runtime.device_pipeline import GRAPHS, DeviceChain
from restore.runtime.pixels import FloatNetwork
from restore.runtime.stream import StreamOptions, enhance_stream
from restore.spec import ModelSpec
from tests.conftest import picture


def scripts_module() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "make_graphs.py"
    spec = importlib.util.spec_from_file_location("make_graphs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_what_the_script_makes() -> None:
    made = scripts_module().make_graphs()
    assert {path.name for path in GRAPHS.iterdir()} == set(made)
    for name, model in made.items():
        assert onnx.load(GRAPHS / name) == model, f"{name}: run scripts/make_graphs.py"


def session(nodes: list, scale: int = 1) -> ort.InferenceSession:
    """A network of a few nodes between ``input`` and ``output``."""
    constants = [
        helper.make_tensor("scales", TensorProto.FLOAT, [4], [1, 1, scale, scale]),
        helper.make_tensor("two", TensorProto.FLOAT, [], [2.0]),
        helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
    ]
    shape = ["n", 3, "h", "w"]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 3, "a", "b"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


ENLARGE = [helper.make_node("Resize", ["input", "", "scales"], ["output"], mode="linear")]
STRETCH = [helper.make_node("Mul", ["input", "two"], ["output"])]
BREAK = [helper.make_node("Div", ["input", "zero"], ["output"])]


def both(nodes: list, spec: ModelSpec) -> tuple[DeviceChain, FloatNetwork]:
    network = session(nodes, spec.scale)
    return DeviceChain(network, spec, "cpu"), FloatNetwork(lambda b: network.run(None, {"input": b})[0], spec)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
@pytest.mark.parametrize(("nodes", "scale"), [(ENLARGE, 3), (STRETCH, 1)], ids=["enlarge", "overshoot"])
def test_exactly_the_same_pixels(dtype: type, low: float, high: float, nodes: list, scale: int) -> None:
    chain, plain = both(nodes, ModelSpec(scale=scale, halo=1, low=low, high=high))
    top = np.iinfo(dtype).max
    batch = np.random.default_rng(1).integers(0, top + 1, (2, 61, 47, 3), dtype=dtype)
    out = chain.enlarge(batch)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, plain.enlarge(batch))


def test_streams(small_model: Path) -> None:
    network = ort.InferenceSession(str(small_model), providers=["CPUExecutionProvider"])
    spec = ModelSpec(name="small", scale=2, halo=8)
    chain = DeviceChain(network, spec, "cpu")
    plain = FloatNetwork(lambda b: network.run(None, {"input": b})[0], spec)
    pixels = [picture(40 + i, 50, seed=i) for i in range(3)]
    options = StreamOptions(32, 2, True)
    for one, other in zip(enhance_stream(pixels, chain, options), enhance_stream(pixels, plain, options), strict=True):
        np.testing.assert_array_equal(one, other)


def test_not_a_number_is_refused() -> None:
    chain, _ = both(BREAK, ModelSpec(scale=1, halo=0))
    with pytest.raises(ModelError, match="NaN or infinite"):
        chain.enlarge(picture(6, 6)[None])


def test_a_wrong_scale_is_told() -> None:
    network = session(ENLARGE, 2)
    with pytest.raises(ModelError, match="--spec scale=N"):
        DeviceChain(network, ModelSpec(scale=4, halo=0), "cpu").enlarge(picture(6, 6)[None])


def test_a_failing_network_is_a_model_error() -> None:
    wrong = [helper.make_node("Reshape", ["input", "shape"], ["output"])]
    network = session([helper.make_node("Constant", [], ["shape"], value_ints=[1, 3, 5, 5]), *wrong])
    with pytest.raises(ModelError, match="failed on"):
        DeviceChain(network, ModelSpec(scale=1, halo=0), "cpu").enlarge(picture(6, 6)[None])
