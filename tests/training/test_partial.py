"""Training only some layers, and a second last layer for faithful results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from restore.errors import RecipeError
from restore.export.load_source import load_source
from restore.export.run import export
from restore.networks.residual import ResidualSR
from restore.runtime.model import open_model
from restore.runtime.stream import enhance_pixels
from restore.training.checkpoint import LAST, Checkpoint
from restore.training.recipe_file import parse_recipe
from restore.training.state import new_run
from tests.training.test_loop import RECIPE, assert_same, go, stopping_at

CRISP = RECIPE.replace("{kind: plain, width: 16, depth: 1}", "{kind: residual, width: 16, blocks: 1}")
BOTH = CRISP.replace("blocks: 1", "blocks: 1, strength: true")
FAITHFUL = ("train.only=[faithful]", "train.strength=0")


@pytest.fixture(scope="module")
def network() -> ResidualSR:
    torch.manual_seed(0)
    return ResidualSR(2, 8, 1, strength=True).eval()


def test_strength_blends_the_two_last_layers(network: ResidualSR) -> None:
    x = torch.rand(3, 3, 9, 12)
    with torch.no_grad():
        crisp = network(x)
        torch.testing.assert_close(network(x, torch.ones(3)), crisp)
        faithful = network(x, torch.zeros(3))
        mixed = network(x, torch.tensor([0.0, 0.25, 1.0]))
    assert float((faithful - crisp).abs().max()) > 1e-3
    torch.testing.assert_close(mixed[0], faithful[0])
    torch.testing.assert_close(mixed[1], 0.75 * faithful[1] + 0.25 * crisp[1])
    torch.testing.assert_close(mixed[2], crisp[2])
    without = ResidualSR(2, 8, 1).eval()
    without.load_state_dict(network.state_dict(), strict=False)
    with torch.no_grad():
        torch.testing.assert_close(without(x), crisp, rtol=0, atol=0)


def test_at_scale_1_the_strength_is_how_much_changes() -> None:
    torch.manual_seed(0)
    network = ResidualSR(1, 8, 1, unshuffle=2, strength=True).eval()
    assert network.faithful is None
    x = torch.rand(3, 3, 8, 12)
    with torch.no_grad():
        whole, some = network(x), network(x, torch.tensor([0.0, 0.25, 1.0]))
    assert float((whole - x).abs().max()) > 1e-3
    torch.testing.assert_close(some[0], x[0])
    torch.testing.assert_close(some[1], x[1] + 0.25 * (whole[1] - x[1]))
    torch.testing.assert_close(some[2], whole[2])


@pytest.fixture
def runs(photos: Path, tmp_path: Path) -> Path:
    """A run, and one that adds a faithful layer to its network and trains nothing else."""
    assert go(photos.parent, tmp_path / "crisp", text=CRISP)
    assert go(photos.parent, tmp_path / "both", *FAITHFUL, text=BOTH, start_from=tmp_path / "crisp")
    return tmp_path


def test_only_the_named_part_learns_and_the_rest_is_the_starts(runs: Path, photos: Path) -> None:
    before, after = (Checkpoint(runs / name / LAST).result() for name in ("crisp", "both"))
    assert set(after) - set(before) == {"faithful.weight", "faithful.bias"}
    assert all(torch.equal(after[name], value) for name, value in before.items())
    fresh = new_run(parse_recipe(BOTH, "r", FAITHFUL), runs, torch.device("cpu")).network.state_dict()
    assert not torch.equal(after["faithful.weight"], fresh["faithful.weight"])


def test_the_file_takes_the_strength(runs: Path) -> None:
    """From the faithful result to that of the run before, on the pixels that the command gives."""
    export(load_source(runs / "both"), runs / "both.onnx")
    export(load_source(runs / "crisp"), runs / "crisp.onnx")
    both, crisp = (open_model(runs / f"{name}.onnx", "cpu") for name in ("both", "crisp"))
    assert both.spec.strength
    assert both.spec.inputs == ("input", "strength")
    picture = np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8)
    full, half, none = (enhance_pixels(picture, both, both.spec, 24, strength).astype(int) for strength in (1, 0.5, 0))
    assert np.abs(full - enhance_pixels(picture, crisp, crisp.spec)).max() <= 1
    assert np.abs(none - full).max() > 1
    inside = (none > 0) & (none < 255) & (full > 0) & (full < 255)
    assert np.abs(2 * half - none - full)[inside].max() <= 2


def test_it_resumes_exactly(runs: Path, photos: Path) -> None:
    with stopping_at(13):
        assert not go(photos.parent, runs / "parts", *FAITHFUL, text=BOTH, start_from=runs / "crisp")
    assert go(photos.parent, runs / "parts", resume=True)
    assert_same(runs / "parts" / LAST, runs / "both" / LAST)


@pytest.mark.parametrize(
    ("text", "change", "message"),
    [
        (BOTH, "train.only=[fathful]", "no part 'fathful' to train; it has head, blocks, tail, faithful"),
        (BOTH, "train.only=[tai]", "no part 'tai'"),
        (CRISP, "train.strength=0", "train.strength is only for networks with two last layers"),
    ],
)
def test_what_cannot_be(tmp_path: Path, text: str, change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        new_run(parse_recipe(text, "r", [change]), tmp_path, torch.device("cpu"))


def test_a_part_of_a_block(tmp_path: Path) -> None:
    run = new_run(parse_recipe(CRISP, "r", ["train.only=[blocks.0.second, tail.bias]"]), tmp_path, torch.device("cpu"))
    learns = {name for name, parameter in run.network.named_parameters() if parameter.requires_grad}
    assert learns == {"blocks.0.second.weight", "blocks.0.second.bias", "tail.bias"}
