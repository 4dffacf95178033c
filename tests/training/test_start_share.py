"""A share of the weights that a run started from: what is exported lies between before and after."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from restore.errors import ModelError, RecipeError
from restore.training.checkpoint import FORMAT, LAST, Checkpoint
from restore.training.start_share import mixed
from restore.training.trained_network import load_trained
from tests.training.test_loop import assert_same, go, stopping_at

SHORT, SHARE = ("train.steps=6", "validation.every=3"), "train.start_share=0.25"


def test_mixed() -> None:
    trained = {"w": torch.tensor([4.0, 8.0]), "count": torch.tensor(3)}
    start = {"w": torch.tensor([0.0, 4.0]), "count": torch.tensor(1)}
    made = mixed(trained, start, 0.25)
    assert made["w"].tolist() == [3.0, 7.0]
    assert made["count"] == 3
    assert mixed(trained, {}, 0.0)["w"].tolist() == [4.0, 8.0]


def test_the_exported_weights_lie_between_start_and_trained(photos: Path, tmp_path: Path) -> None:
    data, first = photos.parent, tmp_path / "first"
    assert go(data, first, *SHORT)
    assert go(data, tmp_path / "second", *SHORT, SHARE, start_from=first)
    before, after = Checkpoint(first / LAST), Checkpoint(tmp_path / "second" / LAST)
    start, trained = before.part("average"), after.part("average")
    assert after.part("start").keys() == start.keys()
    _, network, _ = load_trained(tmp_path / "second")
    _, other, _ = load_trained(first)
    exported, unchanged = network.state_dict(), other.state_dict()
    assert exported.keys() == unchanged.keys()
    assert any(not torch.equal(trained[name], start[name]) for name in start)
    for name, value in after.result().items():
        torch.testing.assert_close(value, 0.25 * start[name] + 0.75 * trained[name])
    assert any(not torch.equal(exported[name], unchanged[name]) for name in exported)
    # A run that starts from it starts from what it exports.
    assert go(data, tmp_path / "third", *SHORT, SHARE, start_from=tmp_path / "second")
    for name, value in Checkpoint(tmp_path / "third" / LAST).part("start").items():
        torch.testing.assert_close(value, after.result()[name], rtol=0, atol=0)


def test_it_resumes_exactly(photos: Path, tmp_path: Path) -> None:
    data = photos.parent
    assert go(data, tmp_path / "first", *SHORT)
    assert go(data, tmp_path / "whole", *SHORT, SHARE, start_from=tmp_path / "first")
    with stopping_at(4):
        assert not go(data, tmp_path / "broken", *SHORT, SHARE, start_from=tmp_path / "first")
    assert go(data, tmp_path / "broken", resume=True)
    assert_same(tmp_path / "whole" / LAST, tmp_path / "broken" / LAST)


def test_it_needs_a_start(photos: Path, tmp_path: Path) -> None:
    data, run = photos.parent, tmp_path / "run"
    with pytest.raises(RecipeError, match=r"start_share = 0.25 .* starts from none: add --start RUN"):
        go(data, run, *SHORT, SHARE)
    assert not (run / LAST).exists()
    with stopping_at(4):
        assert not go(data, run, *SHORT)
    with pytest.raises(
        RecipeError, match="keeps a share of the weights that .*run started from, and they are not kept"
    ):
        go(data, run, SHARE, resume=True)


@pytest.mark.parametrize("start", [{}, {"start.w": torch.zeros(3)}])
def test_a_damaged_start_is_an_error(start: dict[str, torch.Tensor], tmp_path: Path) -> None:
    facts = '{"best": 1.0, "seconds": 1.0, "start_share": 0.5}'
    metadata = {"format": FORMAT, "step": "1", "recipe": "", "facts": facts}
    save_file({"average.w": torch.ones(2), **start}, tmp_path / LAST, metadata)
    with pytest.raises(ModelError, match="the weights that its run started from are damaged"):
        Checkpoint(tmp_path / LAST).result()
