"""The 8-bit twin: 8 bits where they may be, close to the original, and no file where they cost too much."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from click.testing import CliRunner
from onnx import numpy_helper
from PIL import Image
from rich.console import Console

from restore.cli.main import main
from restore.errors import ExportError, ModelError
from restore.export import quantize as quantize_module
from restore.export import quantized_model as twin_module
from restore.export.layer_sensitivity import explain
from restore.export.quantize import Batch, Quantizer, Rounding, quantize
from restore.export.quantized_model import BenchmarkSet, Twin, calibration_patches, export_twin
from restore.export.to_onnx import describe, to_onnx, with_names
from restore.metrics.psnr import psnr
from restore.networks.plain import PlainSR
from restore.networks.residual import ResidualSR
from restore.runtime.model import Model, open_model
from restore.runtime.stream import enhance_pixels
from restore.spec import ModelSpec
from restore.zoo.open import open_named
from restore.zoo.precision import family
from tests.conftest import picture, save
from tests.export.test_weight_compression import COLOR, modulated_color
from tests.networks.test_bilateral_grid import network
from tests.runtime.test_conditioning import SPEC as LIGHT

SCREEN = Console(quiet=True)
FACTS = {"network": "x", "parameters": 1, "licence": "MIT", "data": "none", "made_with": "a test"}


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("wide") / "small.onnx"
    network = ResidualSR(2, 16, 2)
    spec = ModelSpec(name="small", scale=2, halo=6, measured={"psnr_to_network_db": 133.0}, **FACTS)
    file.write_bytes(to_onnx(network, spec).SerializeToString())
    return file


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(3):
        save(folder / f"{i}.png", picture(140, 150, seed=i))
    return folder


def make(wide: Path, target: Path, pictures: Path, most: float = 1.0) -> Twin:
    return export_twin(wide, target, pictures, [BenchmarkSet(pictures, "*.png")], most, False, SCREEN)


def test_the_twin_is_close_and_says_what_it_is(wide: Path, pictures: Path, tmp_path: Path) -> None:
    done = make(wide, tmp_path, pictures)
    assert done.path == tmp_path / "small.int8.onnx"
    model, original = open_model(done.path, "cpu"), open_model(wide, "cpu")
    assert model.spec == original.spec.but(precision="int8", loss_db=model.spec.loss_db, measured={})
    assert model.spec.loss_db == pytest.approx(max(0, *done.losses.values()), abs=1e-4)
    batch = picture(61, 47, seed=9).transpose(2, 0, 1)[None].astype(np.float32) / 255
    assert 40 < psnr(model(batch), original(batch), peak=1.0) < 100, "neither broken nor left in fp32"


def test_eight_bits_everywhere_but_beside_the_picture(wide: Path, pictures: Path) -> None:
    spec = open_model(wide, "cpu").spec
    model = quantize(onnx.load(wide), calibration_patches(pictures, spec))
    maker = {name: node for node in model.graph.node for name in node.output}
    values = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    convs = [node for node in model.graph.node if node.op_type == "Conv"]
    assert len([c for c in convs if c.input[0] == "input"]) == 2, "the first layer and the anchor"
    *narrow, last = (c for c in convs if c.input[0] != "input")
    assert last.input[1] in values, "weights in floating point"
    assert len(narrow) == 4
    for conv in narrow:
        data, weight = (maker[name] for name in conv.input[:2])
        assert (data.op_type, weight.op_type) == ("DequantizeLinear", "DequantizeLinear")
        assert values[data.input[2]].dtype == np.uint8
        assert values[weight.input[0]].dtype == np.int8
        assert values[weight.input[1]].shape == (values[weight.input[0]].shape[0],), "one scale a channel"
    shuffle = next(node for node in model.graph.node if node.op_type == "DepthToSpace")
    assert maker[shuffle.input[0]].op_type == "Add", "the picture is added in floating point"


def test_what_blocks_add_up_is_not_rounded(pictures: Path) -> None:
    """Each addition takes the sum so far as it is, and from its block the output of a convolution in 8 bits.

    A network on squares of pixels keeps its first layer and its anchor in floating point, too, although what moves the
    pixels there is exported as a convolution.
    """
    torch.manual_seed(0)
    network = ResidualSR(1, 16, 3, unshuffle=2)
    spec = ModelSpec(name="squares", scale=1, halo=16, multiple=2, **FACTS)
    model = quantize(to_onnx(network, spec), calibration_patches(pictures, spec))
    maker = {name: node for node in model.graph.node for name in node.output}
    kinds = [
        [maker[name].op_type for name in node.input if name in maker]
        for node in model.graph.node
        if node.op_type == "Add"
    ]
    assert kinds[:3] == [["Conv", "DequantizeLinear"], ["Add", "DequantizeLinear"], ["Add", "DequantizeLinear"]]
    assert kinds[3:] == [["Conv", "Conv"]], "the detail and the picture"
    values = {i.name for i in model.graph.initializer}
    convs = [node for node in model.graph.node if node.op_type == "Conv"]
    assert sum(conv.input[1] in values for conv in convs) == 4, "unshuffle, first, last and anchor"
    assert len(convs) == 10


def test_calibration_is_on_the_models_range(pictures: Path) -> None:
    unit = calibration_patches(pictures, ModelSpec(scale=2, halo=1))
    signed = calibration_patches(pictures, ModelSpec(scale=2, halo=1, low=-1, high=1))
    first = unit[0]["input"]
    assert (first.shape, first.dtype) == ((1, 3, 64, 64), np.float32)
    assert all(0 <= p["input"].min() < p["input"].max() <= 1 for p in unit)
    np.testing.assert_allclose(signed[5]["input"], unit[5]["input"] * 2 - 1, atol=1e-6)


def test_a_model_that_enlarges_with_a_strength_has_a_twin_too(pictures: Path, tmp_path: Path) -> None:
    """Both of its ends are in it."""
    torch.manual_seed(0)
    file = tmp_path / "ends.onnx"
    spec = ModelSpec(name="ends", scale=2, halo=6, strength=True, measured={"psnr_to_network_db": 133.0}, **FACTS)
    file.write_bytes(to_onnx(ResidualSR(2, 16, 2, strength=True), spec).SerializeToString())
    assert all(sorted(patch) == ["input", "strength"] for patch in calibration_patches(pictures, spec))
    twin = make(file, tmp_path / "ends.int8.onnx", pictures)
    pixels = picture(40, 50)
    for strength in (0.0, 1.0):
        both = [enhance_pixels(pixels, open_model(f, "cpu"), spec, strength=strength) for f in (file, twin.path)]
        assert 30 < psnr(*both) < 80


@pytest.mark.slow
def test_a_model_of_light_has_a_twin_too(pictures: Path, tmp_path: Path) -> None:
    """Its context stays in floating point, and its loss is measured on pairs."""
    file, dark = tmp_path / "light.onnx", tmp_path / "dark"
    file.write_bytes(to_onnx(network(), LIGHT.but(**FACTS)).SerializeToString())
    for path in pictures.iterdir():
        save(dark / path.name, np.asarray(Image.open(path)) // 3)
    patches = calibration_patches(dark, LIGHT)
    assert all(sorted(p) == ["columns", "input", "rows", "strength", "thumbnail"] for p in patches)
    assert all(p["input"].max() <= 1 / 3 for p in patches)
    options = ["--precision", "int8", "--calibrate", str(dark), "--check", str(pictures), "--max-loss", "9"]
    result = CliRunner().invoke(main, ["export", str(file), str(tmp_path), *options])
    assert result.exit_code == 2
    assert "give the folder of its inputs" in result.output
    result = CliRunner().invoke(main, ["export", str(file), str(tmp_path), *options, "--check-input", str(dark)])
    assert result.exit_code == 0, result.output
    model = onnx.load(tmp_path / "light.int8.onnx")
    maker = {name for node in model.graph.node for name in node.output}
    narrow = [node for node in model.graph.node if node.op_type == "Conv" and node.input[1] in maker]
    assert len(narrow) == 2, "the two in the middle of the local branch"
    pixels = picture(50, 60)
    both = [enhance_pixels(pixels, open_model(f, "cpu"), LIGHT) for f in (file, tmp_path / "light.int8.onnx")]
    assert 30 < psnr(*both) < 80
    options += ["--check-input", str(dark), "--check-input", str(dark)]
    result = CliRunner().invoke(main, ["export", str(file), str(tmp_path), *options])
    assert "1 --check and 2 --check-input: give one --check-input for each --check" in result.output


def test_too_much_lost_is_refused(wide: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load(wide)
    monkeypatch.setattr(Quantizer, "but_last", lambda *_: model)  # which would take a second for every attempt
    monkeypatch.setattr(twin_module, "measure_losses", lambda *_: {"a": 0.01, "b": 0.3})
    with pytest.raises(ExportError, match=r"int8 loses 0\.300 dB on b"):
        make(wide, tmp_path, pictures, most=0.1)
    monkeypatch.setattr(twin_module, "measure_losses", lambda *_: {"a": float("nan")})
    with pytest.raises(ExportError, match="loses nan"):
        make(wide, tmp_path, pictures, most=0.1)
    assert list(tmp_path.iterdir()) == []


def test_more_of_the_end_stays_in_floating_point_as_the_loss_asks_for_it(
    wide: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([0.3, 0.2, 0.05])
    monkeypatch.setattr(twin_module, "measure_losses", lambda *_: {"a": next(losses)})
    done = make(wide, tmp_path, pictures, most=0.1)
    assert (done.last, done.method) == (2, "MinMax"), "after other ranges for the first"
    graph = onnx.load(done.path).graph
    values = {i.name for i in graph.initializer}
    convs = [node for node in graph.node if node.op_type == "Conv" and node.input[0] != "input"]
    assert [conv.input[1] in values for conv in convs] == [False, False, False, True, True]


@pytest.mark.slow
def test_fp32_is_measured_once(wide: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, measured = twin_module.evaluate_model, []

    def counting(model: Model, *rest: object, **more: object) -> object:
        measured.append(model.spec.precision)
        return original(model, *rest, **more)

    monkeypatch.setattr(twin_module, "evaluate_model", counting)
    with pytest.raises(ExportError, match="more than the -9"):
        make(wide, tmp_path, pictures, most=-9)
    assert measured.count("fp32") == 1
    assert measured.count("int8") == 6, "of four convolutions in the middle: 1, 2 and 4 in floating point, in two ways"


def unnamed(model: onnx.ModelProto, name: str = "") -> onnx.ModelProto:
    """As many programs write it: no node has a name, or all have the same."""
    for node in model.graph.node:
        node.name = name
    return model


@pytest.mark.parametrize("name", ["", "conv"])
def test_nodes_need_no_names(name: str, wide: Path, pictures: Path, tmp_path: Path) -> None:
    spec = open_model(wide, "cpu").spec
    patches = calibration_patches(pictures, spec)
    right, model = quantize(onnx.load(wide), patches), quantize(unnamed(onnx.load(wide), name), patches)
    for values in ([node.op_type for node in m.graph.node] for m in (right, model)):
        assert values == [node.op_type for node in right.graph.node]
    results = [
        ort.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, dict(patches[0]))[0]
        for m in (right, model)
    ]
    np.testing.assert_array_equal(*results)
    onnx.save(unnamed(onnx.load(wide)), tmp_path / "m.onnx")  # two of one name onnxruntime would not open
    layers = explain(tmp_path / "m.onnx", pictures, SCREEN)
    assert len({layer.name for layer in layers}) == len(layers) == 7
    assert sum("in 8 bits in the twin" in layer.what for layer in layers) == 4


def test_each_node_gets_a_name_of_its_own() -> None:
    make_node = onnx.helper.make_node
    nodes = [make_node("Relu", ["a"], ["b"], name=n) for n in ("", "Relu_0", "x", "x", "only")]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [], []))
    names = [node.name for node in with_names(model).graph.node]
    assert names == ["Relu_0_", "Relu_0", "Relu_2", "Relu_3", "only"]
    assert [node.name for node in with_names(with_names(model)).graph.node] == names


def test_inputs_of_other_names_are_told(wide: Path, pictures: Path, tmp_path: Path) -> None:
    model = onnx.load(wide)
    model.graph.input[0].name = "picture"
    for node in model.graph.node:
        node.input[:] = ["picture" if name == "input" else name for name in node.input]
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="calls its input 'picture': use 'restore import'"):
        make(tmp_path / "m.onnx", tmp_path, pictures)


def test_a_twin_that_keeps_no_promise_is_not_written(wide: Path, pictures: Path, tmp_path: Path) -> None:
    model = onnx.load(wide)
    describe(model, open_model(wide, "cpu").spec.but(halo=0))
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ExportError, match="does not match its metadata: tiles"):
        make(tmp_path / "m.onnx", tmp_path / "out", pictures)
    assert not (tmp_path / "out").exists()


def test_ranges_are_chosen_by_the_loss(
    wide: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([0.3, 0.05])
    monkeypatch.setattr(twin_module, "measure_losses", lambda *_: {"a": next(losses)})
    done = make(wide, tmp_path, pictures, most=0.1)
    assert (done.last, done.method) == (1, "Percentile")


def test_deep_networks_keep_more_of_the_end_before_percentiles_are_tried(
    wide: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([0.3, 0.3, 0.05])
    monkeypatch.setattr(twin_module, "measure_losses", lambda *_: {"a": next(losses)})
    monkeypatch.setattr(quantize_module, "_DEEP", 3)
    done = make(wide, tmp_path, pictures, most=0.1)
    assert (done.last, done.method) == (4, "MinMax")


def steps(model: onnx.ModelProto) -> dict[str, float]:
    """The step of each activation's 8 bits, by the convolution that takes it."""
    maker = {name: node for node in model.graph.node for name in node.output}
    values = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    convs = [node for node in model.graph.node if node.op_type == "Conv" and node.input[0] in maker]
    made = {conv.name: maker[conv.input[0]] for conv in convs}
    return {name: float(values[n.input[1]]) for name, n in made.items() if n.op_type == "DequantizeLinear"}


def test_percentiles_clip_and_signed_is_signed(wide: Path, pictures: Path) -> None:
    model, patches = onnx.load(wide), calibration_patches(pictures, open_model(wide, "cpu").spec)
    extremes, percentiles = (
        steps(quantize(model, patches, rounding=Rounding(method=m))) for m in ("MinMax", "Percentile")
    )
    assert extremes.keys() == percentiles.keys()
    assert all(percentiles[name] <= extremes[name] for name in extremes)
    assert sum(percentiles.values()) < 0.99 * sum(extremes.values())
    signed = quantize(model, patches, rounding=Rounding(signed=True))
    assert np.uint8 not in {numpy_helper.to_array(i).dtype.type for i in signed.graph.initializer}


@pytest.mark.slow
def test_each_layer_is_explained(wide: Path, pictures: Path) -> None:
    """All of them, the worst first, each alone; and which of them a twin computes in 8 bits."""
    layers = explain(wide, pictures, SCREEN)
    convs = [node.name for node in onnx.load(wide).graph.node if node.op_type == "Conv"]
    assert sorted(layer.name for layer in layers) == sorted(convs)
    assert [layer.psnr for layer in layers] == sorted(layer.psnr for layer in layers)
    assert sum("in 8 bits in the twin" in layer.what for layer in layers) == 4
    assert all("3x3" in layer.what or "1x1" in layer.what for layer in layers)
    # One by one they lose less than together.
    model = onnx.load(wide)
    patches = calibration_patches(pictures, open_model(wide, "cpu").spec)

    def apart(names: list[str]) -> float:
        sessions = [
            ort.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"])
            for m in (model, Quantizer(model, patches).only(names))
        ]
        both = [np.concatenate([s.run(None, dict(p))[0].ravel() for p in patches[:16]]) for s in sessions]
        return float(-10 * np.log10(np.mean((both[0] - both[1]) ** 2)))

    assert apart([layers[0].name]) == pytest.approx(layers[0].psnr, abs=1e-3)
    assert apart([layer.name for layer in layers]) < layers[0].psnr
    result = CliRunner().invoke(
        main, ["export", str(wide), "--precision", "int8", "--explain", "--calibrate", str(pictures)]
    )
    assert result.exit_code == 0, result.output
    assert layers[0].name in next(line for line in result.output.splitlines() if " dB " in line)
    assert CliRunner().invoke(main, ["export", str(wide), "x.onnx", "--explain"]).exit_code == 2


def test_a_network_of_a_first_and_a_last_layer_has_nothing_in_8_bits(pictures: Path, tmp_path: Path) -> None:
    spec = ModelSpec(name="short", scale=2, halo=2)
    network = PlainSR(2, width=16, depth=0).deployed()
    (tmp_path / "short.onnx").write_bytes(to_onnx(network, spec).SerializeToString())
    with pytest.raises(ExportError, match="nothing in this network can be quantized"):
        quantize(onnx.load(tmp_path / "short.onnx"), calibration_patches(pictures, spec))


def test_a_twin_has_no_twin_and_nothing_is_replaced_unasked(wide: Path, pictures: Path, tmp_path: Path) -> None:
    done = make(wide, tmp_path, pictures)
    with pytest.raises(ExportError, match="--overwrite"):
        make(wide, tmp_path, pictures)
    with pytest.raises(ModelError, match="give the fp32 file"):
        make(done.path, tmp_path / "again", pictures)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["runs/x", "out", "--precision", "int8"], "needs an fp32 .onnx file"),
        (["x.onnx", "out", "--precision", "int8"], "--calibrate FOLDER and --check FOLDER"),
        (["x.onnx", "out", "--precision", "int8", "--calibrate", "c", "--check", "d"], "x.onnx: no such model"),
        (["x.onnx", "--precision", "int8", "--explain"], "--explain needs --calibrate FOLDER, to"),
        (["x.onnx", "out", "--precision", "int8", "--explain"], "OUT applies to weights and the fp16 twin"),
        (
            ["x.onnx", "--precision", "int8", "--explain", "--check", "d"],
            "--check applies to weights and the fp16 twin",
        ),
        (["x.onnx", "--explain"], "--explain needs --precision int8"),
        (["runs/x", "out", "--max-loss", "1"], "--max-loss applies to --precision int8, not to weights"),
        (
            ["runs/x", "out", "--calibrate", "c"],
            "--calibrate applies to --precision int8 and --explain, not to weights",
        ),
        (["runs/x", "out", "--precision", "fp16", "--pattern", "*"], "--pattern applies to --precision int8"),
        (["x.onnx", "out", "--precision", "fp16", "--check-input", "c"], "--check-input applies to --precision int8"),
        (
            ["x.onnx", "out", "--precision", "fp16", "--which", "last"],
            "--which applies to weights, not to the fp16 twin",
        ),
        (
            ["x.onnx", "out", "--precision", "int8", "--opset", "18"],
            "--opset applies to weights, not to --precision int8",
        ),
        (["x.onnx", "out", "--precision", "int8", "--spec", "a=b"], "--spec applies to weights"),
        (["runs/x"], "Missing argument 'OUT'"),
        (["runs/x", "out"], "runs/x: no such run or checkpoint"),
    ],
)
def test_wrong_use(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(main, ["export", *arguments])
    assert result.exit_code == 2
    assert says in " ".join(result.output.replace("\n", " ").split())


def test_from_the_command_line(wide: Path, pictures: Path, tmp_path: Path) -> None:
    options = ["--precision", "int8", "--calibrate", str(pictures), "--check", str(pictures), "--max-loss", "1"]
    result = CliRunner().invoke(main, ["export", str(wide), str(tmp_path / "x.int8.onnx"), *options])
    assert result.exit_code == 0, result.output
    assert "int8 loses" in result.output
    assert (tmp_path / "x.int8.onnx").is_file()


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_a_twin_is_found_beside_a_file_of_another_name(
    precision: str, wide: Path, pictures: Path, tmp_path: Path
) -> None:
    """The README's own line: the model is called small, its file mine.onnx."""
    mine = tmp_path / "mine.onnx"
    mine.write_bytes(wide.read_bytes())
    options = ["--precision", precision]
    if precision == "int8":
        options += ["--calibrate", str(pictures), "--check", str(pictures), "--max-loss", "1"]
    result = CliRunner().invoke(main, ["export", str(mine), *options])
    assert result.exit_code == 0, result.output
    assert "by itself" not in result.output
    assert ("it was calibrated on these pictures too" in result.output) == (precision == "int8")
    assert open_named(str(mine), "cpu", precision).spec.precision == precision
    assert family(mine)[precision] == tmp_path / f"mine.{precision}.onnx"


def test_a_twin_that_is_not_found_says_so(wide: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["export", str(wide), str(tmp_path / "far"), "--precision", "fp16"])
    assert result.exit_code == 0, result.output
    assert f"--model {wide} does not select it by itself; that needs {wide.with_suffix('')}.fp16.onnx" in result.output
    assert (tmp_path / "far/small.fp16.onnx").is_file()


@pytest.mark.slow
def test_a_network_without_convolutions_of_the_picture_is_stored_in_8_bits(pictures: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    said = {"network": "modulated-colour", "licence": "MIT", "data": "none", "made_with": "a test"}
    spec = COLOR.but(name="color", parameters=sum(p.numel() for p in modulated_color().parameters()), **said)
    file = tmp_path / "color.onnx"
    file.write_bytes(to_onnx(modulated_color(), spec).SerializeToString())
    options = ["--precision", "int8", "--calibrate", str(pictures), "--check", str(pictures), "--max-loss", "1"]
    result = CliRunner().invoke(
        main, ["export", str(file), str(tmp_path), *options, "--check-input", str(pictures)], env={"COLUMNS": "300"}
    )
    assert "color, int8, weights only: computed in fp32" in result.output
    twin = tmp_path / "color.int8.onnx"
    assert twin.stat().st_size < 0.5 * file.stat().st_size
    pixels = picture(50, 60)
    both = [enhance_pixels(pixels, open_model(path, "cpu"), spec) for path in (file, twin)]
    assert psnr(*both) > 30
    assert open_model(twin, "cpu").spec.precision == "int8"


def test_deep_networks_are_calibrated_piece_by_piece(
    wide: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at once, the activations of 350 layers take more memory than most machines have."""
    patches = calibration_patches(pictures, open_model(wide, "cpu").spec)
    methods = [Rounding(method=method) for method in ("MinMax", "Percentile")]
    extremes, percentile = (quantize(onnx.load(wide), patches[:16], rounding=rounding) for rounding in methods)
    pieces: list[int] = []

    class Noted(quantize_module._Reader):
        def __init__(self, some: Sequence[Batch]) -> None:
            pieces.append(len(some))
            super().__init__(some)

    monkeypatch.setattr(quantize_module, "_Reader", Noted)
    monkeypatch.setattr(quantize_module, "_DEEP", 3)
    apart = [quantize(onnx.load(wide), patches, rounding=rounding) for rounding in methods]
    assert pieces == [8] * 4, "two pieces for each method"
    assert apart[0] == extremes, "the range of all is that of the pieces' ranges"
    results = []
    for number, model in enumerate((percentile, apart[1])):
        onnx.save(model, tmp_path / f"{number}.onnx")
        results.append(open_model(tmp_path / f"{number}.onnx", "cpu")(patches[0]["input"]))
    assert psnr(results[0], results[1], peak=1.0) > 45


def test_ranges_are_measured_once_for_each_method(wide: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running the patches is what takes long, and the ranges do not depend on which layers get 8 bits."""
    model, patches = onnx.load(wide), calibration_patches(pictures, open_model(wide, "cpu").spec)
    runs: list[int] = []

    class Noted(quantize_module._Reader):
        def __init__(self, some: Sequence[Batch]) -> None:
            runs.append(len(some))
            super().__init__(some)

    monkeypatch.setattr(quantize_module, "_Reader", Noted)
    quantizer = Quantizer(model, patches)
    some, most = (quantizer.but_last(last) for last in (2, 1))
    assert runs == [64]
    quantizer.but_last(1, Rounding(signed=True))
    assert runs == [64]
    quantizer.but_last(1, Rounding(method="Percentile"))
    assert runs == [64, 64]
    assert (some, most) == (quantize(model, patches, 2), quantize(model, patches, 1)), "as if made alone"
    assert some != most
