"""Runs that start from the weights of a model file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from restore.errors import ModelError
from restore.export.load_source import load_source
from restore.recipes import find_recipe
from restore.runtime.model import open_model
from restore.training.checkpoint import LAST, Checkpoint, fit
from restore.training.recipe_file import load_recipe
from restore.training.start_weights import read_start, start_file
from restore.zoo.find import find, shipped_folder
from tests.training.test_loop import RECIPE, go

SR_X2 = RECIPE.replace("{kind: plain, width: 16, depth: 1}", "{kind: residual, width: 32, blocks: 7}")
UNMOVED = ("train.steps=1", "train.optimizer.lr=1e-12")


def test_a_run_may_start_from_a_shipped_model(photos: Path, tmp_path: Path) -> None:
    """By its name: before the first step counts, it gives what the model gives."""
    assert go(photos.parent, tmp_path / "mine", *UNMOVED, text=SR_X2, start_from=Path("sr-x2"))
    x = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        mine = load_source(tmp_path / "mine").network(x)
    np.testing.assert_allclose(mine.numpy(), open_model(find("sr-x2"), "cpu")(x.numpy()), atol=1e-5)
    begun_from = Checkpoint(tmp_path / "mine" / LAST).facts["begun_from"]
    digest = hashlib.sha256(find("sr-x2").read_bytes()).hexdigest()
    assert begun_from.startswith(f"the model sr-x2 (file's SHA-256 {digest}), begun with ")


@pytest.mark.parametrize("name", ["sr-x2", "sr-x4", "photo-x4", "backlit"])
def test_what_can_be_fine_tuned(name: str) -> None:
    folder = shipped_folder() / name
    recipe = load_recipe(folder / "recipe.yaml")
    network = recipe.network.build(recipe.scale)
    start = read_start(folder / f"{name}.onnx", network)
    assert set(start.tensors) == {key for key, _ in network.named_parameters()}


def test_a_part_that_the_file_lacks_keeps_its_first_weights() -> None:
    without = load_recipe(shipped_folder() / "photo-x4/recipe.yaml").network.model_copy(update={"strength": True})
    start = read_start(find("photo-x4"), network := without.build(4))
    assert {key for key, _ in network.named_parameters()} - set(start.tensors) == {"faithful.weight", "faithful.bias"}


def test_the_network_of_edits_begins_with_what_unfilter_knows_of_filters() -> None:
    options = load_recipe(find_recipe("unfilter-edits")).network.model_copy(update={"gate": True})
    start = read_start(find("unfilter"), network := options.build(1))
    lacking = {key for key, _ in network.named_parameters()} - set(start.tensors)
    assert {key.partition(".")[0] for key in lacking} == {"estimate"}


def test_what_cannot_be() -> None:
    unfilter = load_recipe(shipped_folder() / "unfilter/recipe.yaml").network.build(1)
    with pytest.raises(ModelError, match=r"unfilter.onnx: has no weights named \S+, .* Start from the run"):
        read_start(find("unfilter"), unfilter)
    residual = load_recipe(shipped_folder() / "sr-x4/recipe.yaml").network.build(4)
    with pytest.raises(ModelError, match="is int8: start from the fp32 file"):
        read_start(shipped_folder() / "sr-x4/sr-x4.int8.onnx", residual)
    with pytest.raises(ModelError, match="of another network"):
        read_start(find("unfilter"), residual)


def test_a_network_of_another_size(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ModelError,
        match=r"sr-x2.onnx: network does not fit; .*it has in another shape tail\S*weight \(12 x 32 x 3 x 3 instead of 48 x 32 x 3 x 3\)",
    ):
        go(
            photos.parent,
            tmp_path / "mine",
            *UNMOVED,
            text=SR_X2.replace("scale: 2", "scale: 4"),
            start_from=find("sr-x2"),
        )
    assert not (tmp_path / "mine").exists()


def test_what_start_names(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert start_file(tmp_path / "run") == tmp_path / "run" / LAST
    assert start_file(tmp_path / "gone.safetensors") == tmp_path / "gone.safetensors"
    assert start_file(tmp_path / "gone") == tmp_path / "gone"
    assert start_file(Path("sr-x4")) == find("sr-x4")
    with pytest.raises(ModelError, match="did you mean 'sr-x4'"):
        start_file(Path("srx4"))


def test_weights_that_do_not_fit_are_told_apart() -> None:
    """By name and shape, not in torch's words."""
    module = torch.nn.Linear(3, 2)
    with pytest.raises(ModelError) as caught:
        fit(module, {"weight": torch.zeros(4, 3), "scale": torch.zeros(1), "shift": torch.zeros(1)}, Path("x"))
    assert str(caught.value) == (
        "x: network does not fit; it is from another network or other losses: it lacks bias; it also has scale and 1 "
        "more; it has in another shape weight (4 x 3 instead of 2 x 3)"
    )
