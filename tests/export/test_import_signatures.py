"""Files with other channel orders, layouts, outputs and sizes are made to fit, or refused for what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from restore.cli.main import main
from restore.errors import ModelError
from restore.export import narrate
from restore.export.channel_order import ForRgb
from restore.export.infer_spec import as_function, published_spec
from restore.export.narrate import narrated
from restore.networks.third_party_checkpoint import Published
from restore.runtime.model import open_model
from restore.verify.channel_order import Order, find_order
from restore.verify.sizes import Sizes
from restore.zoo.find import SEARCH_VARIABLE, find
from tests.conftest import picture

# A restoration network for RGB: a little sharper, and warmer, by a color matrix that is far from symmetric.
WARM = np.array([[1.02, 0.02, 0.0], [0.03, 0.97, 0.0], [0.0, 0.1, 0.85]], np.float32)
SIZE = ("n", 3, "h", "w")


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(SEARCH_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def file(
    path: Path,
    matrix: np.ndarray = WARM,
    *,
    last: bool = False,
    size: tuple[object, ...] = SIZE,
    more: tuple[tuple[str, tuple[object, ...]], ...] = (),
    kind: int = TensorProto.FLOAT,
) -> Path:
    """A 3x3 blur with a color matrix; with channels last if asked, and further outputs."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[:, :, 1, 1] = matrix * 0.92
    for row, column in ((0, 1), (1, 0), (1, 2), (2, 1)):
        kernel[:, :, row, column] = matrix * 0.02
    nodes = [helper.make_node("Conv", ["a", "w"], ["b"], pads=[1, 1, 1, 1])]
    if last:
        nodes.insert(0, helper.make_node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]))
        nodes.append(helper.make_node("Transpose", ["b"], ["y"], perm=[0, 2, 3, 1]))
        size = (size[0], size[2], size[3], size[1])
    else:
        nodes.insert(0, helper.make_node("Identity", ["x"], ["a"]))
        nodes.append(helper.make_node("Identity", ["b"], ["y"]))
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, size)]
    for name, shape in more:
        axes = [0] if len(shape) == 4 and shape[1] == 1 else []
        nodes.append(
            helper.make_node("ReduceMean", ["b"], [name], keepdims=1)
            if not axes
            else helper.make_node("Conv", ["b", "one"], [name])
        )
        outputs.insert(0, helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    weights = [numpy_helper.from_array(kernel, "w"), numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), "one")]
    inputs = [helper.make_tensor_value_info("x", kind, size)]
    if kind != TensorProto.FLOAT:
        nodes[0] = helper.make_node("Cast", ["x"], ["a"], to=TensorProto.FLOAT)
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def result_of(name: str, batch: np.ndarray) -> np.ndarray:
    return open_model(find(name), "cpu")(batch)


BATCH = picture(24, 30).transpose(2, 0, 1)[None].astype(np.float32) / 255


def test_channels_last(tmp_path: Path) -> None:
    """As TensorFlow exports them; the result is that of the same network with channels first."""
    assert run("import", file(tmp_path / "first.onnx"), "--spec", "high=1").exit_code == 0
    result = run("import", file(tmp_path / "last.onnx", last=True), "--spec", "high=1")
    assert result.exit_code == 0, result.output
    assert "it takes (N, H, W, 3); the installed file takes (N, 3, H, W)" in result.output
    assert "sides of any length, halo " in result.output
    np.testing.assert_allclose(result_of("last", BATCH), result_of("first", BATCH), atol=1e-6)


def test_channels_last_of_one_size(tmp_path: Path) -> None:
    result = run("import", file(tmp_path / "still.onnx", last=True, size=(1, 3, 40, 48)), "--spec", "high=1")
    assert result.exit_code == 0, result.output
    assert open_model(find("still"), "cpu").spec.shape == (1, 40, 48)


def test_the_picture_among_several_outputs(tmp_path: Path) -> None:
    made = file(tmp_path / "two.onnx", more=(("mask", ("n", 1, "h", "w")), ("score", (1, 1, 1, 1))))
    result = run("import", made, "--spec", "high=1")
    assert result.exit_code == 0, result.output
    assert "of its 3 outputs, 'y' is the picture; the others are dropped" in result.output
    assert run("import", file(tmp_path / "one.onnx"), "--spec", "high=1").exit_code == 0
    np.testing.assert_allclose(result_of("two", BATCH), result_of("one", BATCH), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"more": (("z", SIZE),)},
            "has 2 outputs ('z': n x 3 x h x w, 'y': n x 3 x h x w), and 2 of them are RGB pictures",
        ),
        ({"kind": TensorProto.UINT8}, "'x' is uint8, but restore exchanges float32"),
        ({"kind": TensorProto.FLOAT16}, "'x' is float16, but restore exchanges float32"),
        ({"size": ("n", 4, "h", "w"), "matrix": np.eye(4, dtype=np.float32)[:3]}, "takes 4 channels"),
    ],
)
def test_what_cannot_be_fitted_is_named(options: dict[str, object], says: str, tmp_path: Path) -> None:
    if "more" in options:
        made = file(tmp_path / "x.onnx")
        model = onnx.load(made)
        model.graph.node.append(helper.make_node("Identity", ["b"], ["z"]))
        model.graph.output.insert(0, helper.make_tensor_value_info("z", TensorProto.FLOAT, SIZE))
        onnx.save(model, made)
    elif "matrix" in options:
        made = file(tmp_path / "x.onnx")
        model = onnx.load(made)
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4
        onnx.save(model, made)
    else:
        made = file(tmp_path / "x.onnx", **options)
    result = run("import", made)
    assert result.exit_code == 2
    assert says in result.output


def test_a_classifier_is_named_as_what_it_is(tmp_path: Path) -> None:
    made = file(tmp_path / "x.onnx")
    model = onnx.load(made)
    model.graph.node.append(helper.make_node("ReduceMean", ["b"], ["scores"], axes=[2, 3], keepdims=0))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("scores", TensorProto.FLOAT, ("n", 3)))
    onnx.save(model, made)
    result = run("import", made)
    assert result.exit_code == 2
    assert "'scores' is n x 3, not a batch of pictures (N, 3, H, W)" in result.output


SWAP = np.eye(3, dtype=np.float32)[::-1]


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        (SWAP, "returns BGR"),
        (WARM @ SWAP, "it takes BGR and returns RGB"),
        (SWAP @ WARM, "it takes RGB and returns BGR"),
    ],
)
def test_a_file_that_swaps_the_colors_is_put_right(matrix: np.ndarray, says: str, tmp_path: Path) -> None:
    result = run("import", file(tmp_path / "odd.onnx", matrix), "--spec", "high=1")
    assert result.exit_code == 0, result.output
    assert says in result.output or "it takes BGR and returns RGB" in result.output
    made = result_of("odd", BATCH)
    for channel in range(3):
        assert np.corrcoef(made[0, channel].ravel(), BATCH[0, channel].ravel())[0, 1] > 0.9


def strong(gain: float) -> np.ndarray:
    """Leaves red alone and darkens blue, in the order of its own channels."""
    return np.diag([1.0, 1.0, gain]).astype(np.float32)


def test_a_file_for_bgr_on_both_sides(tmp_path: Path) -> None:
    """Whether the first or the last channel is red is only told by its publisher: it is asked for, not passed over."""
    made = file(tmp_path / "plain.onnx", strong(1.0))
    result = run("import", made, "--spec", "high=1")
    assert "if its publisher says BGR, import it with --colors bgr" in result.output
    assert run("import", file(tmp_path / "bgr.onnx", strong(0.5)), "--spec", "high=1", "--colors", "bgr").exit_code == 0
    assert run("import", file(tmp_path / "rgb.onnx", strong(0.5)), "--spec", "high=1", "--colors", "rgb").exit_code == 0
    np.testing.assert_allclose(result_of("bgr", BATCH), result_of("rgb", BATCH[:, ::-1].copy())[:, ::-1], atol=1e-6)


def test_the_range_is_found_of_a_file_that_swaps_colors(tmp_path: Path) -> None:
    """By a gray picture. An offset tells 0..1 from 0..255."""
    made = file(tmp_path / "off.onnx", SWAP)
    model = onnx.load(made)
    model.graph.initializer.append(numpy_helper.from_array(np.full(3, -0.03, np.float32), "offset"))
    model.graph.node[1].input.append("offset")
    for node in model.graph.node:  # clipped to its range
        if node.output[0] == "y":
            node.input[0] = "clipped"
    model.graph.node.insert(2, helper.make_node("Clip", ["b", "low", "high"], ["clipped"]))
    for name, value in (("low", 0.0), ("high", 1.0)):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    onnx.save(model, made)
    result = run("import", made)
    assert result.exit_code == 0, result.output
    assert open_model(find("off"), "cpu").spec.high == 1.0


class Swapping(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.avg_pool2d(x.flip(1), 3, 1, 1)


def test_a_checkpoint_that_swaps_colors() -> None:
    sizes = Sizes(1, 1, 1, True)
    order = find_order(as_function(Swapping()), sizes, 0.0, 1.0)
    assert order.input != order.output
    assert "the installed file takes and returns RGB" in order.note
    x = torch.rand(1, 3, 8, 8)
    made = ForRgb(Swapping(), order)(x)
    torch.testing.assert_close(made, nn.functional.avg_pool2d(x, 3, 1, 1))
    assert find_order(as_function(Swapping()), sizes, 0.0, 1.0, colors="bgr") == Order(True, True)


class Thick(nn.Module):
    """Fails on thin pictures, as RGT does: it reduces by what fits the larger side."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if min(x.shape[2:]) * 4 < max(x.shape[2:]):
            raise RuntimeError("Kernel size can't be greater than actual input size")
        return x * 0.9 + 0.1 * x.mean((2, 3), keepdim=True)


@pytest.mark.parametrize(("shape", "used"), [((1, 64, 64), (1, 64, 64)), (None, (1, 256, 256))])
def test_a_network_that_takes_no_thin_pictures_gets_one_shape(
    shape: tuple[int, int, int] | None, used: tuple[int, int, int]
) -> None:
    said: list[str] = []
    spec = published_spec(Published(Thick(), "Thick", 1, 1, 1, 0), "thick", {}, shape, said.append)
    assert spec.shape == used
    assert not spec.exact_tiles
    assert f"it takes no thin pictures: the file will take {used[1]} x {used[2]} only" in said


def test_a_network_that_takes_nothing_is_still_refused() -> None:
    class Never(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no")

    with pytest.raises(ModelError, match="it accepts no square picture"):
        published_spec(Published(Never(), "Never", 1, 1, 1, 0), "never", {})


def test_slow_work_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(narrate.time, "monotonic", lambda: now)
    lines: list[str] = []

    def slow(batch: np.ndarray) -> np.ndarray:
        nonlocal now
        now += 4
        return batch

    counted = narrated(slow, lines.append, "measuring")
    for _ in range(7):
        counted(np.zeros((1, 3, 8, 16), np.float32))
    assert lines == [
        "measuring: 3 runs in 12 s, the last on 1 x 3 x 8 x 16",
        "measuring: 6 runs in 24 s, the last on 1 x 3 x 8 x 16",
    ]
