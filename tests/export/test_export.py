"""The file is the network, or there is no file."""

from __future__ import annotations

import collections
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from restore.errors import ExportError
from restore.export import build_model as make_module
from restore.export.compare_to_source import compare
from restore.export.load_source import load_source
from restore.export.parity import verify
from restore.export.run import export
from restore.export.to_onnx import to_onnx
from restore.networks.argb_autoencoder import Reconstruction
from restore.networks.base import deployed
from restore.networks.plain import PlainSR
from restore.networks.registry import NETWORKS
from restore.networks.residual import ResidualSR
from restore.runtime.model import open_model
from restore.spec import ModelSpec
from restore.training.checkpoint import Checkpoint, save_checkpoint
from restore.training.recipe_file import parse_recipe
from restore.verify.feed import shapes
from tests.networks.test_networks import SMALL
from tests.training.test_loop import go


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.conftest import picture, save

    folder = tmp_path_factory.mktemp("trained")
    for i in range(4):
        save(folder / "photos" / f"{i}.png", picture(60, 70, seed=i))
    go(folder, folder / "run", "data.holdout=1")
    return folder / "run"


# How often each operator occurs in the file of a small network, by scale: no stray Shape, Gather, Reshape or Cast. The
# unshuffle of rrdb x2 is one more convolution.
GRAPHS = {
    ("plain", 2): {"Conv": 5, "Relu": 3, "Add": 1, "DepthToSpace": 1},
    ("plain", 4): {"Conv": 5, "Relu": 3, "Add": 1, "DepthToSpace": 1},
    ("residual", 2): {"Conv": 7, "Relu": 2, "Add": 3, "DepthToSpace": 1},
    ("compact", 2): {"Conv": 4, "PRelu": 3, "Resize": 1, "Add": 1, "DepthToSpace": 1},
    ("edsr", 2): {"Conv": 8, "Relu": 2, "Add": 3, "DepthToSpace": 1},
    ("edsr", 4): {"Conv": 9, "Relu": 2, "Add": 3, "DepthToSpace": 2},
    ("rcan", 2): {"Conv": 22, "Relu": 8, "ReduceMean": 4, "Sigmoid": 4, "Mul": 4, "Add": 7, "DepthToSpace": 1},
    ("rrdb", 4): {"Conv": 21, "LeakyRelu": 15, "Concat": 12, "Mul": 4, "Add": 5, "Resize": 2},
    ("rrdb", 2): {"Conv": 22, "LeakyRelu": 15, "Concat": 12, "Mul": 4, "Add": 5, "Resize": 2},
}


# The large ones differ by scale in the upsampler alone.
@pytest.mark.parametrize(
    ("kind", "scale"),
    [
        pytest.param(kind, scale, marks=[pytest.mark.slow] if kind in ("rrdb", "rcan") and scale == 2 else [])
        for kind in SMALL
        for scale in (2, 4)
    ],
)
def test_every_network_exports_and_agrees(kind: str, scale: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    options = NETWORKS[kind](**SMALL[kind])
    network = deployed(options.build(scale)).eval()
    spec = ModelSpec(scale=scale, halo=options.halo(scale), multiple=options.multiple(scale))
    model = to_onnx(network, spec)
    counts = dict(collections.Counter(node.op_type for node in model.graph.node))
    assert counts == GRAPHS.get((kind, scale), counts)
    (tmp_path / "x.onnx").write_bytes(model.SerializeToString())
    checks = verify(tmp_path / "x.onnx", network)
    assert len(checks) >= 4
    assert max(check.difference for check in checks) < 1e-5


class _Epsilons(nn.Module):
    """Divisions whose divisor is 0 but for an epsilon, written in several ways."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        none = torch.relu(x - 1)
        return none / (none + 1e-9) + none / (1e-12 + none) + none / (none - -1e-10) - none / (none - 1e-9)


def test_epsilons_survive_the_optimizer() -> None:
    model = to_onnx(_Epsilons(), ModelSpec(scale=1, halo=0))
    result = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"input": np.zeros((1, 3, 8, 9), "f4")})
    assert not result[0].any()


class _Undecided(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2 if x.sum() > 0 else x


class _Counting(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x[i] * 2 for i in range(x.shape[0])])


class _Rare(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.mode(x, dim=3, keepdim=True).values


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (_Undecided, "_Undecided: the most common cause is control flow"),
        (_Counting, "_Counting: its code fixes the batch size, here to 2"),
        (_Rare, "_Rare: it has no ONNX form of the operator aten.mode.default"),
    ],
)
def test_what_cannot_be_exported_says_so(
    network: type[nn.Module], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """In one sentence: the exporter itself prints pages of its graph."""
    with pytest.raises(ExportError, match=f"torch cannot export a {re.escape(says)}"):
        to_onnx(network().eval(), ModelSpec(scale=1, halo=0))
    assert capfd.readouterr() == ("", "")


class _Sorting(nn.Module):
    """Sorts with many equal values, whose order shows in the result."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, order = torch.sort((x * 4).long(), dim=3, stable=True)
        return x.gather(3, order)


def test_sorting_keeps_the_order_of_equal_values() -> None:
    model = to_onnx(_Sorting().eval(), ModelSpec(scale=1, halo=0))
    x = torch.rand(1, 3, 8, 300)
    result = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"input": x.numpy()})
    np.testing.assert_array_equal(result[0], _Sorting()(x).numpy())


def test_a_mixture_of_experts_exports(tmp_path: Path) -> None:
    """Training evaluates an expert only at its pixels; the file evaluates all of them everywhere."""
    torch.manual_seed(0)
    network = Reconstruction(3, 8).eval()
    with torch.no_grad():  # each expert's gate is zero on average, so that none wins everywhere
        last, x = network.autoencoder.router[-1], torch.rand(1, 3, 24, 24)
        last.bias -= network.autoencoder.router(x).mean((0, 2, 3))
        choice = network.autoencoder.gates(x).argmax(1)
    (tmp_path / "x.onnx").write_bytes(to_onnx(network, ModelSpec(scale=1, halo=4)).SerializeToString())
    assert max(check.difference for check in verify(tmp_path / "x.onnx", network)) < 1e-5
    assert len(choice.unique()) > 1, "several experts are at work"


def test_the_shapes_are_telling() -> None:
    found = shapes(ModelSpec(scale=2, halo=1, minimum=3, multiple=2))
    assert any(n > 1 for n, *_ in found)
    assert any(h != w for *_, h, w in found)
    assert all(h % 2 == 0 and w % 2 == 0 and min(h, w) >= 4 for *_, h, w in found)
    assert any(h % 2 for *_, h, _ in shapes(ModelSpec(scale=2, halo=1)))


def test_the_graph_has_nothing_but_the_network() -> None:
    """No stray Shape, Gather or Reshape from the free axes: they cost time and break other runtimes."""
    model = to_onnx(PlainSR(4, 16, 3).deployed(), ModelSpec(scale=4, halo=5))
    counts = collections.Counter(node.op_type for node in model.graph.node)
    assert counts == {"Conv": 6, "Relu": 4, "Add": 1, "DepthToSpace": 1}  # five layers and the anchor
    residual = to_onnx(ResidualSR(4, 16, 3), ModelSpec(scale=4, halo=8))
    counts = collections.Counter(node.op_type for node in residual.graph.node)
    assert counts == {"Conv": 9, "Relu": 3, "Add": 4, "DepthToSpace": 1}
    assert [axis.dim_param or axis.dim_value for axis in model.graph.input[0].type.tensor_type.shape.dim] == [
        "batch", 3, "height", "width",
    ]  # fmt: skip
    text = str(model)
    assert ".py" not in text, "the exporter's stack traces name files of this machine"


def test_export_of_a_run(trained: Path, tmp_path: Path) -> None:
    done = export(load_source(trained), tmp_path / "out")
    assert done.path == tmp_path / "out" / "test.onnx"
    spec = open_model(done.path, "cpu").spec
    assert (spec.name, spec.scale, spec.halo, spec.steps) == ("test", 2, 3, 24)
    assert spec.parameters == sum(int(np.prod(t.dims)) for t in onnx.load(done.path).graph.initializer) - 12 * 3
    assert [step.name for step in done.built.steps] == ["exported", "optimized", "slimmed"]
    assert min(step.psnr for step in done.built.steps) > 100
    assert spec.measured["psnr_to_network_db"] > 100
    again = export(load_source(trained / "last.safetensors"), tmp_path / "again.onnx")
    assert again.path.read_bytes() == done.path.read_bytes(), "the same checkpoint gives the same file"
    with pytest.raises(ExportError, match="--overwrite"):
        export(load_source(trained), tmp_path / "out")
    export(load_source(trained, "best"), tmp_path / "out", overwrite=True)


@pytest.mark.parametrize("which", ["last", "best"])
def test_a_run_is_an_origin_by_the_checkpoint_of_as_many_steps(which: str, trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    if which == "best":  # one of another step, and of other weights
        last = Checkpoint(run / "last.safetensors")
        recipe = parse_recipe(last.recipe_yaml, "recipe")
        modules = {"average": recipe.network.build(recipe.scale)}
        save_checkpoint(
            run / "best.safetensors",
            step=7,
            recipe_yaml=last.recipe_yaml,
            modules=modules,
            optimizers={},
            facts=last.facts,
        )
    done = export(load_source(run, which), tmp_path / "out")
    assert done.built.spec.steps == (7 if which == "best" else 24)
    checks = list(compare(done.path, run))
    assert [check for check in checks if check.passed is not True] == []
    if which == "best":
        (run / "best.safetensors").unlink()
        assert {check.name for check in compare(done.path, run) if not check.passed} >= {"promises", "network"}


@pytest.mark.parametrize(("offset", "says"), [(0.01, "dB, but"), (2e-4, "differ by")])
def test_a_file_that_differs_is_refused(
    offset: float, says: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little: what pictures do not show in dB shows at a pixel."""
    original = make_module.to_onnx

    def wrong(network: nn.Module, spec: ModelSpec, *more: object) -> onnx.ModelProto:
        broken = PlainSR(2, 16, 1, branches=False)
        broken.load_state_dict(network.state_dict())
        with torch.no_grad():
            broken.convs[-1].bias[0] += offset
        return original(broken, spec, *more)

    monkeypatch.setattr(make_module, "to_onnx", wrong)
    with pytest.raises(ExportError, match=says):
        export(load_source(trained), tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []


def test_nan_is_a_difference(tmp_path: Path) -> None:
    network = PlainSR(2, 16, 1, branches=False)
    with torch.no_grad():
        network.convs[0].bias.fill_(float("nan"))
    (tmp_path / "x.onnx").write_bytes(to_onnx(network, ModelSpec(scale=2, halo=3)).SerializeToString())
    with pytest.raises(ExportError, match="differ by inf"):
        verify(tmp_path / "x.onnx", network)
