"""A wrong file is caught, by the check that should, and a right one passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper

from restore.cli.main import main
from restore.export.fp16 import to_half
from restore.export.to_onnx import describe
from restore.runtime.model import open_model
from restore.spec import METADATA_KEY, ModelSpec
from restore.verify.check import Check
from restore.verify.half import largest_in_half
from restore.verify.pictures import EXTREME, scene
from restore.verify.run import verify_file
from restore.zoo.find import entries, find

SPEC = ModelSpec(
    name="m",
    task="restoration",
    scale=1,
    halo=2,
    network="two convolutions",
    parameters=162,
    licence="MIT",
    data="none",
    made_with="a test",
)


def graph(
    *,
    gain: float = 1.0,
    order: tuple[int, int, int] = (0, 1, 2),
    size: tuple[object, ...] = ("n", 3, "h", "w"),
    middle: list[onnx.NodeProto] | None = None,
    tensors: list[onnx.TensorProto] | None = None,
    after: str = "b",
) -> onnx.ModelProto:
    """Two 3x3 convolutions with a ReLU between: a blur that is told to ``gain`` inside, and is put right after."""
    first, second = (np.zeros((3, 3, 3, 3), np.float32) for _ in range(2))
    for c in range(3):
        first[c, c] = gain / 12
        first[c, c, 1, 1] = gain / 3
        second[c, order[c]] = 1 / gain / 12
        second[c, order[c], 1, 1] = 1 / gain / 3
    nodes = [
        helper.make_node("Conv", ["input", "w1"], ["a"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        *(middle or []),
        helper.make_node("Conv", [after, "w2"], ["output"], name="second", pads=[1, 1, 1, 1]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name in ("input", "output")]
    weights = [numpy_helper.from_array(first, "w1"), numpy_helper.from_array(second, "w2"), *(tensors or [])]
    made = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def write(path: Path, model: onnx.ModelProto, spec: ModelSpec | None = SPEC) -> Path:
    if spec is not None:
        describe(model, spec)
    onnx.save(model, path)
    return path


def failed(path: Path) -> set[str]:
    return {check.name for check in verify_file(path) if check.passed is False}


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_right_file_passes(tmp_path: Path) -> None:
    checks = list(verify_file(write(tmp_path / "m.onnx", graph())))
    assert {check.name for check in checks if check.passed is not True} == set()
    assert {check.name for check in checks} >= {
        *("metadata", "onnx", "axes", "precision", "shapes", "batch", "determinism", "tiles", "numbers", "range"),
        "colours",
    }


@pytest.mark.parametrize("path", [file for entry in entries() for file in entry.files.values()], ids=lambda p: p.name)
def test_shipped_files_pass(path: Path) -> None:
    open_to_judgment = {"strength"} if open_model(path, "cpu").spec.scale > 1 else set()  # 0 may also take off noise
    for check in verify_file(path):
        assert check.passed or (check.passed is None and check.name in open_to_judgment), check


def swapped() -> onnx.ModelProto:
    return graph(order=(2, 1, 0))


def of_another_range() -> onnx.ModelProto:
    """Takes 0..1, gives 0..255."""
    model = graph()
    weights = next(t for t in model.graph.initializer if t.name == "w2")
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * 255, "w2"))
    return model


def of_one_shape() -> onnx.ModelProto:
    """Its axes say that they are free, and a reshape inside is not."""
    shape = numpy_helper.from_array(np.array([1, 3, 31, 31], np.int64), "shape")
    reshape = helper.make_node("Reshape", ["b", "shape"], ["c"], name="baked")
    return graph(middle=[reshape], tensors=[shape], after="c")


def of_one_batch() -> onnx.ModelProto:
    """All pictures of a batch are judged by what all of them are, as a batch normalization left in training does."""
    mean = helper.make_node("ReduceMean", ["b", "axes"], ["mean"], keepdims=1, name="mean")
    less = helper.make_node("Sub", ["b", "mean"], ["c0"], name="less")
    more = helper.make_node("Add", ["c0", "half"], ["c"], name="more")
    axes = numpy_helper.from_array(np.array([0, 2, 3], np.int64), "axes")
    half = numpy_helper.from_array(np.float32(0.5), "half")
    return graph(middle=[mean, less, more], tensors=[axes, half], after="c")


def of_chance() -> onnx.ModelProto:
    draw = helper.make_node("RandomNormalLike", ["b"], ["r"], scale=0.01, name="draw")
    add = helper.make_node("Add", ["b", "r"], ["c"], name="add")
    return graph(middle=[draw, add], after="c")


def of_no_numbers() -> onnx.ModelProto:
    """Divides by how bright the picture is at most: black breaks it."""
    top = helper.make_node("ReduceMax", ["b", "axes"], ["top"], keepdims=1, name="top")
    divide = helper.make_node("Div", ["b", "top"], ["c"], name="divide")
    return graph(
        middle=[top, divide], tensors=[numpy_helper.from_array(np.array([1, 2, 3], np.int64), "axes")], after="c"
    )


@pytest.mark.parametrize(
    ("make", "caught"),
    [
        (swapped, {"colours"}),
        (of_another_range, {"range"}),
        (of_one_shape, {"shapes"}),
        (of_one_batch, {"batch", "tiles"}),
        (of_chance, {"determinism"}),
        (of_no_numbers, {"numbers"}),
    ],
)
def test_a_wrong_network_is_caught(make: Callable[[], onnx.ModelProto], caught: set[str], tmp_path: Path) -> None:
    assert caught <= failed(write(tmp_path / "m.onnx", make()))


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        ({"halo": 1}, {"tiles"}),
        ({"halo": 0}, {"tiles"}),
        ({"scale": 2}, {"shapes"}),
        ({"high": 1e-3}, set()),  # a network of no offsets has no range of its own
        ({"precision": "int8", "loss_db": 0.0}, {"precision"}),
        ({"precision": "fp16", "loss_db": 0.0}, {"precision"}),
        ({"licence": ""}, {"metadata"}),
        ({"data": "", "made_with": ""}, {"metadata"}),
        ({"steps": 5}, {"metadata"}),  # of which recipe?
        ({"name": "unnamed"}, {"metadata"}),
    ],
)
def test_a_wrong_promise_is_caught(change: dict[str, object], caught: set[str], tmp_path: Path) -> None:
    spec = ModelSpec.model_validate({**SPEC.model_dump(), **change})
    found = failed(write(tmp_path / "m.onnx", graph(), spec))
    assert caught <= found
    if not caught:
        assert found == set()


def test_tiles_that_are_not_promised_are_told_and_not_judged(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"halo": 0, "exact_tiles": False})
    (tiles,) = [c for c in verify_file(write(tmp_path / "m.onnx", graph(), spec)) if c.name == "tiles"]
    assert tiles.passed is None
    assert "its metadata allows this" in tiles.measured


def test_fixed_axes_must_be_said(tmp_path: Path) -> None:
    model = graph(size=(1, 3, 48, 64))
    assert "axes" in failed(write(tmp_path / "m.onnx", model))
    assert failed(write(tmp_path / "m.onnx", model, SPEC.model_copy(update={"shape": (1, 48, 64)}))) == set()


def test_no_metadata(tmp_path: Path) -> None:
    file = write(tmp_path / "m.onnx", graph(), None)
    result = run("verify", file)
    assert result.exit_code == 2
    assert "--spec scale=N" in result.output
    result = run("verify", file, "--spec", "scale=1", "--spec", "halo=2")
    assert result.exit_code == 1
    assert f"FAIL metadata: no '{METADATA_KEY}'" in result.output


def test_an_overflow_of_16_bits_is_caught(tmp_path: Path) -> None:
    """A CPU computes in 32 bits and shows nothing of it."""
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    gain = 100_000.0
    careless = OnnxModel(convert_float_to_float16(graph(gain=gain), keep_io_types=True))
    careless.topological_sort()
    spec = SPEC.model_copy(update={"precision": "fp16", "measured": {"psnr": 60.0}})
    file = write(tmp_path / "m.onnx", careless.model, spec)
    batch = scene(16, 16).transpose(2, 0, 1)[None].astype(np.float32) / 255
    assert np.isfinite(open_model(file, "cpu")(batch)).all(), "what it computes here looks right"
    assert failed(file) == {"overflow"}
    assert largest_in_half(careless.model, spec)[1] == pytest.approx(gain, rel=0.01)
    # Converted with care, what is too large stays in 32 bits: here, everything.
    wide = graph(gain=gain)
    describe(wide, SPEC)
    from restore.errors import ExportError

    with pytest.raises(ExportError, match="nothing in this network can be converted to 16 bits"):
        to_half(wide, SPEC)


def test_strength_0_must_leave_the_picture(tmp_path: Path) -> None:
    """One that takes it and does nothing with it."""
    model = graph()
    model.graph.input.append(helper.make_tensor_value_info("strength", TensorProto.FLOAT, ["n"]))
    shape = numpy_helper.from_array(np.array([-1, 1, 1, 1], np.int64), "s")
    model.graph.initializer.extend([shape, numpy_helper.from_array(np.float32(0), "zero")])
    nodes = list(model.graph.node)
    nodes[-1].output[0] = "o"
    del model.graph.node[:]
    model.graph.node.extend(
        [
            *nodes,
            helper.make_node("Reshape", ["strength", "s"], ["each"]),
            helper.make_node("Mul", ["each", "zero"], ["nothing"]),
            helper.make_node("Add", ["o", "nothing"], ["output"]),
        ]
    )
    assert failed(write(tmp_path / "m.onnx", model, SPEC.model_copy(update={"strength": True}))) == {"strength"}


def test_strength_of_a_network_that_enlarges_is_told_and_not_judged(tmp_path: Path) -> None:
    """What leaves a picture as it is, twice as large, is not agreed upon."""
    model = graph()
    model.graph.input.append(helper.make_tensor_value_info("strength", TensorProto.FLOAT, ["n"]))
    del model.graph.output[0].type.tensor_type.shape.dim[2:]
    for _ in range(2):
        model.graph.output[0].type.tensor_type.shape.dim.add()
    model.graph.node[-1].output[0] = "o"
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"))
    model.graph.node.append(helper.make_node("Resize", ["o", "", "twice"], ["output"], mode="nearest"))
    spec = SPEC.but(strength=True, scale=2)
    (check,) = [c for c in verify_file(write(tmp_path / "m.onnx", model, spec)) if c.name == "strength"]
    assert check.passed is None
    assert "downscaled result" in check.measured


@pytest.mark.parametrize(("end", "says"), [("input", "takes x, not input"), ("output", "gives x, not output")])
def test_other_names_are_told(end: str, says: str, tmp_path: Path) -> None:
    """The page that says what a file takes says how it is called; this runtime goes by the place."""
    model = graph()
    for value in (*model.graph.input, *model.graph.output):
        value.name = {end: "x"}.get(value.name, value.name)
    for node in model.graph.node:
        node.input[:] = [{end: "x"}.get(name, name) for name in node.input]
        node.output[:] = [{end: "x"}.get(name, name) for name in node.output]
    file = write(tmp_path / "m.onnx", model)
    checks = [check for check in verify_file(file) if check.passed is False]
    assert [check.name for check in checks] == ["names"]
    assert says in checks[0].measured


def test_weights_among_the_inputs_are_not_the_picture(tmp_path: Path) -> None:
    """As files of the first versions have them, and before the picture."""
    model = graph(size=(1, 3, 48, 64))
    named = [helper.make_tensor_value_info(n, TensorProto.FLOAT, (3, 3, 3, 3)) for n in ("w1", "w2")]
    inputs = [*named, *model.graph.input]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    (axes,) = [c for c in verify_file(write(tmp_path / "m.onnx", model)) if c.name == "axes"]
    assert "input is fixed at batch 1, height 48, width 64" in axes.measured
    assert "--spec shape=1x48x64" in axes.measured
    assert failed(write(tmp_path / "m.onnx", model, SPEC.but(shape=(1, 48, 64)))) == set()


def test_the_cure_for_fixed_axes_cures(tmp_path: Path) -> None:
    file = write(tmp_path / "m.onnx", graph(size=(1, 3, 48, 64)))
    assert run("verify", file).exit_code == 1
    assert run("verify", file, "--spec", "shape=1x48x64").exit_code == 0


def test_the_halo_of_one_shape_is_looked_at(tmp_path: Path) -> None:
    """No whole picture to compare with, but windows that overlap, as the runtime lays them."""
    model = graph(size=(2, 3, 24, 30))
    for halo, wrong in ((2, set()), (1, {"tiles"}), (0, {"tiles"})):
        spec = SPEC.but(shape=(2, 24, 30), halo=halo)
        assert failed(write(tmp_path / "m.onnx", model, spec)) == wrong, halo
    told = SPEC.but(shape=(2, 24, 30), halo=0, exact_tiles=False)
    assert failed(write(tmp_path / "m.onnx", model, told)) == set()


def test_an_axis_that_leaves_no_room_does_not_hide_the_other(tmp_path: Path) -> None:
    model, spec = graph(size=(1, 3, 24, 3)), SPEC.but(shape=(1, 24, 3), halo=1)
    assert failed(write(tmp_path / "m.onnx", model, spec)) == {"tiles"}, "3 wide: halo, one pixel, halo"


def test_one_shape_with_a_stride_keeps_to_its_multiple(tmp_path: Path) -> None:
    """Pairs of pixels are halved and doubled: windows may begin at even pixels alone."""
    size = (1, 3, 24, 32)
    down, up = (numpy_helper.from_array(np.array([1, 1, f, f], np.float32), n) for f, n in ((0.5, "down"), (2, "up")))
    nodes = [
        helper.make_node("Resize", ["b", "", "down"], ["small"], mode="nearest", name="down"),
        helper.make_node("Resize", ["small", "", "up"], ["c"], mode="nearest", name="up"),
    ]
    model = graph(size=size, middle=nodes, tensors=[down, up], after="c")
    spec = SPEC.but(shape=(1, 24, 32), halo=4)
    assert failed(write(tmp_path / "m.onnx", model, spec.but(multiple=2))) == set()
    assert failed(write(tmp_path / "m.onnx", model, spec)) == {"tiles"}


def test_16_bits_in_a_branch_are_looked_into(tmp_path: Path) -> None:
    """A part of the graph that is taken or not, with weights and values of its own."""
    half = TensorProto.FLOAT16

    def branch(name: str, factor: float) -> onnx.GraphProto:
        weight = numpy_helper.from_array(np.full((1, 3, 1, 1), factor, np.float16), f"{name}_w")
        nodes = [
            helper.make_node("Cast", ["b"], [f"{name}_b"], to=half),
            helper.make_node("Mul", [f"{name}_b", f"{name}_w"], [f"{name}_o"]),
        ]
        made = helper.make_tensor_value_info(f"{name}_o", half, ("n", 3, "h", "w"))
        return helper.make_graph(nodes, name, [], [made], [weight])

    nodes = [
        helper.make_node("If", ["yes"], ["o16"], then_branch=branch("then", 1.0), else_branch=branch("else", 2.0)),
        helper.make_node("Cast", ["o16"], ["c"], to=TensorProto.FLOAT),
    ]
    model = graph(middle=nodes, tensors=[numpy_helper.from_array(np.array(True), "yes")], after="c")
    spec = SPEC.but(precision="fp16", measured={"psnr": 60.0})
    assert failed(write(tmp_path / "m.onnx", model, spec)) == set()


def test_16_bits_that_fail_to_run_are_told(tmp_path: Path) -> None:
    shape = numpy_helper.from_array(np.array([1, 3, 7, 7], np.int64), "shape")
    nodes = [
        helper.make_node("Cast", ["b"], ["b16"], to=TensorProto.FLOAT16),
        helper.make_node("Reshape", ["b16", "shape"], ["c16"]),
        helper.make_node("Cast", ["c16"], ["c"], to=TensorProto.FLOAT),
    ]
    spec = SPEC.but(precision="fp16", measured={"psnr": 60.0})
    file = write(tmp_path / "m.onnx", graph(middle=nodes, tensors=[shape], after="c"), spec)
    assert {"overflow", "shapes"} <= failed(file)


@pytest.mark.slow
def test_a_model_of_light_passes(tmp_path: Path) -> None:
    """With a thumbnail, places and a strength."""
    pytest.importorskip("torch")
    from restore.export.to_onnx import to_onnx
    from tests.networks.test_bilateral_grid import network
    from tests.runtime.test_conditioning import SPEC as LIGHT

    facts = {"network": "bilateral-grid", "parameters": 1, "licence": "MIT", "data": "none", "made_with": "a test"}
    right = LIGHT.model_copy(update=facts)
    (tmp_path / "m.onnx").write_bytes(to_onnx(network(), right).SerializeToString())
    assert failed(tmp_path / "m.onnx") == set()
    # The halo is in the metadata alone.
    wrong = onnx.load(tmp_path / "m.onnx")
    del wrong.metadata_props[:]
    for key, value in right.model_copy(update={"halo": 0}).metadata().items():
        wrong.metadata_props.add(key=key, value=value)
    onnx.save(wrong, tmp_path / "m.onnx")
    assert failed(tmp_path / "m.onnx") == {"tiles"}


@pytest.mark.parametrize(
    ("make", "caught"), [(swapped, {"network", "pictures"}), (of_another_range, {"network", "pictures"})]
)
def test_against_its_origin(make: Callable[[], onnx.ModelProto], caught: set[str], tmp_path: Path) -> None:
    origin = write(tmp_path / "origin.onnx", graph())
    assert run("verify", write(tmp_path / "same.onnx", graph()), "--against", origin).exit_code == 0
    result = run("verify", write(tmp_path / "m.onnx", make()), "--against", origin, "--json")
    assert result.exit_code == 1
    checks = [Check(**json.loads(line)) for line in result.stdout.splitlines()]
    assert caught <= {check.name for check in checks if check.passed is False}


def test_promises_are_compared_with_the_origins(tmp_path: Path) -> None:
    origin = write(tmp_path / "origin.onnx", graph())
    model = write(tmp_path / "m.onnx", graph(), SPEC.model_copy(update={"halo": 1, "high": 255.0}))
    result = run("verify", model, "--against", origin)
    assert result.exit_code == 1
    assert "high 255.0, not 1.0; halo 1, less than 2" in result.output


@pytest.mark.parametrize(
    ("ours", "says"),
    [
        ({"multiple": 2}, "sides of multiples of 2 from 2, not a multiple of 4"),
        ({"multiple": 8, "minimum": 8}, ""),
        ({"multiple": 4, "minimum": 4}, "sides of multiples of 4 from 4, shorter than 8"),
        ({"shape": (1, 16, 18), "minimum": 8}, "sides of 16 and 18, not a multiple of 4"),
        ({"multiple": 4, "minimum": 8, "steps": 5}, "steps 5, not 0"),
    ],
)
def test_what_sizes_it_takes_is_compared(ours: dict[str, object], says: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from restore.export.compare_to_source import _promises

    check = _promises(SPEC.but(**ours), SPEC.but(multiple=4, minimum=8))
    assert (check.passed is True) == (says == "")
    assert says in check.measured


def test_a_twin_is_no_origin(tmp_path: Path) -> None:
    model = write(tmp_path / "m.onnx", graph())
    result = run("verify", model, "--against", find("sr-x2").with_name("sr-x2.int8.onnx"))
    assert result.exit_code == 2
    assert "is int8, a twin: give the fp32 file" in result.output


def test_against_a_checkpoint_of_another_network(tmp_path: Path) -> None:
    result = run("verify", find("sr-x2"), "--against", tmp_path / "none.pth")
    assert result.exit_code == 2
    assert "no such checkpoint" in result.output


def test_weights_in_another_file_are_told(tmp_path: Path) -> None:
    model = graph()
    describe(model, SPEC)
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").is_file()
    (check,) = [c for c in verify_file(tmp_path / "m.onnx") if c.name == "onnx"]
    assert check.passed is False
    assert "is incomplete by itself" in check.measured


def test_the_pictures_are_telling() -> None:
    shown = {name: make(24, 40) for name, make in EXTREME.items()}
    assert all(p.shape == (24, 40, 3) and p.dtype == np.uint8 for p in shown.values())
    assert set(np.unique(shown["black and white"])) == {0, 255}
    assert len({tuple(c) for c in shown["primaries"].reshape(-1, 3)}) == 8
    planes = scene(64, 96).reshape(-1, 3).T
    like = np.corrcoef(planes)
    assert np.abs(like - np.eye(3)).max() < 0.4, "a color that is put for another must show"
