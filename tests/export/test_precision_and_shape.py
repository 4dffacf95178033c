"""fp16, one shape, another opset, other sources: each proved as the plain export is, or nothing is written."""

from __future__ import annotations

import collections
import functools
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner, Result
from onnx import TensorProto
from torch import nn

from restore.cli.main import main
from restore.errors import ExportError, SizesError
from restore.export.build_model import BuildOptions, build_model
from restore.export.fp16 import SENSITIVE, to_half
from restore.export.load_source import ExportSource
from restore.export.to_onnx import OPSETS, to_onnx
from restore.networks.anchored_shuffle import pixel_unshuffle
from restore.networks.base import deployed
from restore.networks.plain import PlainSR
from restore.networks.registry import NETWORKS
from restore.networks.residual import ResidualSR
from restore.runtime.model import open_model
from restore.runtime.stream import StreamOptions, enhance_pixels, enhance_stream
from restore.spec import ModelSpec
from restore.training.checkpoint import save_checkpoint
from restore.training.recipe_file import parse_recipe
from restore.verify.half import LARGEST, largest_in_half
from tests.conftest import picture
from tests.conftest import save as save_picture
from tests.export.published import build, save

FACTS = {"name": "m", "network": "x", "parameters": 1, "licence": "MIT", "data": "none", "made_with": "a test"}
RECIPE = "name: ours\nscale: 2\nnetwork: {kind: plain, width: 16, depth: 1}\ndata: {train: [.]}\n"


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def residual() -> ExportSource:
    torch.manual_seed(0)
    return ExportSource(ResidualSR(2, 16, 2).eval(), ModelSpec(scale=2, halo=6, **FACTS))


@functools.cache
def wide_file() -> bytes:
    """The network above in 32 bits: an export takes seconds."""
    return build_model(residual()).data


def checkpoint(path: Path) -> Path:
    """One of ours, as a run leaves it."""
    torch.manual_seed(0)
    recipe = parse_recipe(RECIPE, "recipe")
    network = recipe.network.build(recipe.scale)
    modules = {"network": network, "average": network}
    save_checkpoint(path, step=3, recipe_yaml=RECIPE, modules=modules, optimizers={}, facts={"seconds": 1.0})
    return path


# --- fp16


def test_half_is_half_the_size_and_near(tmp_path: Path) -> None:
    source = residual()
    half = build_model(source, BuildOptions("fp16"))
    assert len(half.data) < 0.6 * len(wide_file())
    assert [step.name for step in half.steps] == ["exported", "optimized", "slimmed", "fp16"]
    assert 50 < half.steps[-1].psnr < half.steps[-2].psnr - 10
    model = onnx.load_from_string(half.data)
    ends = [model.graph.input[0], model.graph.output[0]]
    assert {value.type.tensor_type.elem_type for value in ends} == {TensorProto.FLOAT}
    weights = {t.data_type for t in model.graph.initializer if len(t.dims) == 4}
    assert weights == {TensorProto.FLOAT16}
    assert half.spec.precision == "fp16"
    assert half.spec.measured["psnr_to_network_db"] == round(half.steps[-1].psnr, 1)


class Steep(nn.Module):
    """Works on 0..255 and squares it inside; normalizes by a mean and a softmax."""

    def __init__(self, gain: float = 255.0) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.gain = gain
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first(x * self.gain)
        y = self.second(y * y / self.gain)
        y = torch.softmax(y / self.gain, dim=1)
        return x + 0.1 * self.last(y)


def test_what_suffers_stays_in_32_bits(tmp_path: Path) -> None:
    source = ExportSource(Steep(gain=2000.0).eval(), ModelSpec(scale=1, halo=3, **FACTS))
    made = build_model(source, BuildOptions("fp16"))
    model = onnx.load_from_string(made.data)
    inferred = onnx.shape_inference.infer_shapes(model)
    types = {v.name: v.type.tensor_type.elem_type for v in inferred.graph.value_info}
    for node in model.graph.node:
        if node.op_type in SENSITIVE:
            assert all(types.get(name, TensorProto.FLOAT) == TensorProto.FLOAT for name in node.output), node.op_type
    assert "Softmax" in {node.op_type for node in model.graph.node}
    assert TensorProto.FLOAT16 in types.values()
    assert largest_in_half(model, made.spec)[1] <= LARGEST
    # The square of 2000 is what 16 bits do not hold: without care it is lost.
    squares = [n for n in model.graph.node if n.op_type == "Mul" and types.get(n.output[0]) == TensorProto.FLOAT]
    assert squares


class Explosive(nn.Module):
    """Multiplies differences of neighbors where they are large, as SPAN's attention does: 1e4 times on noise."""

    def __init__(self) -> None:
        super().__init__()
        self.smooth = nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False)
        nn.init.constant_(self.smooth.weight, 1 / 9)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rough = x - self.smooth(x)
        for _ in range(2):
            squares = (rough / 0.6) * (rough / 0.6)
            rough = rough * (1 + squares * squares * squares * squares)
        return x + rough


def test_what_blows_up_noise_is_compared_on_less_contrast() -> None:
    """In float32, its result for noise is wrong by more than the tolerance, in torch as in the file."""
    network = Explosive().eval()
    noise = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        apart = network(noise).double() - network.double()(noise.double())
    assert apart.abs().max() > 1e-2
    built = build_model(ExportSource(network.float(), ModelSpec(scale=1, halo=1, **FACTS)))
    assert max(compared.difference for compared in built.compared) < 1e-4
    assert all(check.passed is not False for check in built.checks)


class Counts(nn.Module):
    """Divides by how many pixels there are: whole numbers, made floats by a cast, beside what stays in 32 bits."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count = torch.scalar_tensor(x.shape[2] * x.shape[3], dtype=torch.float32)
        return self.conv(x) + (x.sum((2, 3), keepdim=True) / count).sqrt()


def test_whole_numbers_are_not_taken_for_halves() -> None:
    made = build_model(
        ExportSource(Counts().eval(), ModelSpec(scale=1, halo=1, exact_tiles=False, **FACTS)), BuildOptions("fp16")
    )
    model = onnx.load_from_string(made.data)
    onnx.checker.check_model(model, full_check=True)
    assert "Cast" in {node.op_type for node in model.graph.node}
    assert made.steps[-1].psnr > 60


def test_a_half_that_is_too_far_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from restore.export import build_model as make_module

    original = make_module.to_half

    def coarse(model: onnx.ModelProto, spec: ModelSpec) -> onnx.ModelProto:
        done = original(model, spec)
        for tensor in done.graph.initializer:
            if tensor.data_type == TensorProto.FLOAT16 and len(tensor.dims) == 4:
                values = onnx.numpy_helper.to_array(tensor)
                tensor.CopyFrom(onnx.numpy_helper.from_array(values * np.float16(0.98), tensor.name))
        return done

    monkeypatch.setattr(make_module, "to_half", coarse)
    result = run("export", checkpoint(tmp_path / "c.safetensors"), tmp_path / "out", "--precision", "fp16")
    assert result.exit_code == 1
    assert "fp16 must reach 50 dB" in result.output
    assert not (tmp_path / "out").exists()


def test_a_half_of_a_file(tmp_path: Path) -> None:
    """Its twin: of the same training, and beside it taken for a GPU."""
    (tmp_path / "m.onnx").write_bytes(wide_file())
    result = run("export", tmp_path / "m.onnx", tmp_path, "--precision", "fp16")
    assert result.exit_code == 0, result.output
    twin, wide = open_model(tmp_path / "m.fp16.onnx", "cpu"), open_model(tmp_path / "m.onnx", "cpu")
    assert twin.spec.trained_as == wide.spec.trained_as
    assert twin.spec.measured["psnr_to_fp32_db"] > 50
    pixels = picture(40, 52)
    assert (
        np.abs(enhance_pixels(pixels, twin, twin.spec).astype(int) - enhance_pixels(pixels, wide, wide.spec)).max() <= 1
    )
    assert run("verify", tmp_path / "m.fp16.onnx", "--against", tmp_path / "m.onnx").exit_code == 0
    assert run("export", tmp_path / "m.onnx", tmp_path, "--precision", "fp16").exit_code == 1, "it is there already"
    assert "give the fp32 file" in run("export", tmp_path / "m.fp16.onnx", tmp_path, "--precision", "fp16").output
    assert run("export", tmp_path / "m.onnx", tmp_path / "x").exit_code == 2


def test_what_is_no_number_is_refused() -> None:
    source = residual()
    with torch.no_grad():
        next(source.network.parameters())[0] = float("nan")
    with pytest.raises(ExportError, match="'exported' there are NaN or infinite values"):
        build_model(source)


# --- one shape


@pytest.mark.parametrize("shape", [pytest.param((1, 64, 64), marks=pytest.mark.slow), (3, 24, 48)])
def test_one_shape_runs_pictures_of_any_size(shape: tuple[int, int, int], tmp_path: Path) -> None:
    """Windows that are moved inwards at the border, filled up where a picture is smaller, the last batch filled."""
    source = residual()
    (tmp_path / "any.onnx").write_bytes(wide_file())
    (tmp_path / "one.onnx").write_bytes(build_model(source, BuildOptions(shape=shape)).data)
    sizes = [axis.dim_value for axis in onnx.load(tmp_path / "one.onnx").graph.input[0].type.tensor_type.shape.dim]
    assert sizes == [shape[0], 3, *shape[1:]]
    free, fixed = (open_model(tmp_path / f"{name}.onnx", "cpu") for name in ("any", "one"))
    assert fixed.spec.shape == shape
    pictures = [picture(h, w, seed=h) for h, w in ((64, 64), (24, 48), (100, 49), (25, 200), (71, 90))]
    for options in (StreamOptions(), StreamOptions(tile=16, batch=2, fixed=True)):
        results = enhance_stream(pictures, fixed, options)
        for pixels, result in zip(pictures, results, strict=True):
            wanted = enhance_pixels(pixels, free, free.spec)
            # A picture that is smaller is filled up with its mirror, which the network sees at that border.
            seen = [2 * (n if n >= least else n - 6) for n, least in zip(pixels.shape, shape[1:], strict=False)]
            assert result.shape == wanted.shape
            assert np.abs(result.astype(int) - wanted)[: seen[0], : seen[1]].max() <= 1, pixels.shape


def test_a_shape_that_does_not_fit() -> None:
    with pytest.raises(ExportError, match="sides of at least 13"):
        build_model(residual(), BuildOptions(shape=(1, 12, 64)))
    source = ExportSource(residual().network, ModelSpec(scale=2, halo=6, multiple=4, **FACTS))
    with pytest.raises(ExportError, match="multiples of 4"):
        build_model(source, BuildOptions(shape=(1, 42, 64)))


@pytest.mark.parametrize(
    ("text", "fits"), [("64", True), ("2x48x64", True), ("0", False), ("48x64", False), ("a", False)]
)
def test_shapes_on_the_command_line(text: str, fits: bool, tmp_path: Path) -> None:
    result = run("export", checkpoint(tmp_path / "c.safetensors"), tmp_path / "m.onnx", "--shape", text)
    assert (result.exit_code == 0) == fits, result.output
    assert (tmp_path / "m.onnx").exists() == fits
    if not fits:
        assert "write it as SIDE or BATCHxHEIGHTxWIDTH" in result.output


# --- opsets, sources, graphs


@pytest.mark.parametrize("opset", [OPSETS[0], OPSETS[-1]])
def test_opsets(opset: int) -> None:
    made = build_model(residual(), BuildOptions(opset=opset))
    assert [o.version for o in onnx.load_from_string(made.data).opset_import if o.domain == ""] == [opset]
    assert made.steps[-1].psnr > 100


def test_a_checkpoint_and_a_published_file_are_exported(tmp_path: Path) -> None:
    save_picture(tmp_path / "photos" / "a.png", picture(90, 100))
    ours = run("export", checkpoint(tmp_path / "c.safetensors"), tmp_path, "--check", tmp_path / "photos")
    assert ours.exit_code == 0, ours.output
    assert "exported: " in ours.output
    assert open_model(tmp_path / "ours.onnx", "cpu").spec.steps == 3
    theirs = run("export", save(build("compact"), tmp_path / "t.pth"), tmp_path, "--spec", "licence=BSD-3-Clause")
    assert theirs.exit_code == 0, theirs.output
    spec = open_model(tmp_path / "t.onnx", "cpu").spec
    assert (spec.licence, spec.network, spec.halo) == ("BSD-3-Clause", "RealESRGAN Compact", 4)
    assert (
        "its metadata comes from its recipe"
        in run("export", tmp_path / "c.safetensors", tmp_path, "--spec", "scale=3").output
    )


def test_a_checkpoint_of_ours_can_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTORE_MODELS", str(tmp_path / "models"))
    file = checkpoint(tmp_path / "c.safetensors")
    assert run("import", file, "--name", "mine").exit_code == 0
    save_picture(tmp_path / "a.png", picture(30, 44))
    assert run("enhance", tmp_path / "a.png", tmp_path / "b.png", "--model", "mine").exit_code == 0
    torch.manual_seed(0)
    network = deployed(NETWORKS["plain"](width=16, depth=1).build(2)).eval()
    x = picture(30, 44).transpose(2, 0, 1)[None].astype(np.float32) / 255
    model = open_model(tmp_path / "models/mine/mine.onnx", "cpu")
    with torch.no_grad():
        np.testing.assert_allclose(model(x), network(torch.from_numpy(x)).numpy(), atol=1e-4)


def test_a_network_that_is_one_shape_in_the_file_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch exports wrongly for all sizes is had for one, and that is said."""
    from restore.export import build_model as make_module

    original = make_module.to_onnx

    def baked(network: nn.Module, spec: ModelSpec, *more: object) -> onnx.ModelProto:
        if spec.shape is None:
            raise SizesError("torch cannot export it")
        return original(network, spec, *more)

    monkeypatch.setattr(make_module, "to_onnx", baked)
    monkeypatch.setenv("RESTORE_MODELS", str(tmp_path / "models"))
    result = run("import", save(build("compact"), tmp_path / "m.pth"))
    assert result.exit_code == 0, result.output
    assert "only accepts 1 x 256 x 256 pixels" in result.output
    assert "torch cannot export it" in result.output


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_the_unshuffle_is_torchs(factor: int) -> None:
    x = torch.randn(2, 3, 4 * factor, 5 * factor)
    assert torch.equal(pixel_unshuffle(x, factor), nn.functional.pixel_unshuffle(x, factor))


class Unshuffles(nn.Module):
    """In each of the ways that torch offers."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.PixelUnshuffle(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        small = self.down(x) + 2 * torch.pixel_unshuffle(x, 2) + nn.functional.pixel_unshuffle(x, downscale_factor=2)
        return nn.functional.pixel_shuffle(small.roll(1, dims=1), 2)


def test_no_exporter_gets_to_order_an_unshuffle(tmp_path: Path) -> None:
    network, spec = Unshuffles().eval(), ModelSpec(scale=1, halo=2, multiple=2)
    (tmp_path / "m.onnx").write_bytes(to_onnx(network, spec).SerializeToString())
    kinds = collections.Counter(node.op_type for node in onnx.load(tmp_path / "m.onnx").graph.node)
    assert kinds["Conv"] >= 1
    assert not {"SpaceToDepth", "Reshape", "Shape"} & set(kinds)
    x = torch.rand(2, 3, 8, 14)
    np.testing.assert_array_equal(open_model(tmp_path / "m.onnx", "cpu")(x.numpy()), network(x).numpy())


def test_half_of_a_network_with_nothing_to_halve() -> None:
    source = ExportSource(PlainSR(2, 16, 0, branches=False).eval(), ModelSpec(scale=2, halo=2, **FACTS))
    model = to_onnx(source.network, source.spec)
    for tensor in model.graph.initializer:
        if len(tensor.dims) == 4:
            values = onnx.numpy_helper.to_array(tensor) * np.float32(1e6)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    with pytest.raises(ExportError, match="nothing in this network can be converted to 16 bits"):
        to_half(model, source.spec)
