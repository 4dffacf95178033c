"""With a stride, only some pixels of a view are processed and compared, but all of it is judged."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from restore.losses.base import TrainingContext
from restore.networks.modulated_color import ModulatedColorOptions
from restore.networks.thumbnail import whole
from restore.training.recipe import Recipe
from restore.training.step import subsample, total_loss

SAID = {
    "name": "x",
    "task": "filter-removal",
    "scale": 1,
    "network": {"kind": "modulated-colour", "thumbnail": 32, "width": 8},
    "data": {"train": ["."], "filters": {}, "patch": 64},
    "train": {"stride": 4},
}


@torch.no_grad()
def test_the_pixels_that_are_kept_are_changed_as_in_the_whole() -> None:
    torch.manual_seed(0)
    options = ModulatedColorOptions(thumbnail=32, width=8)
    network = options.build(1).eval()
    view, target = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    begins = set()
    for seed in range(8):
        low, high, aside = subsample(view, target, options, 4, torch.Generator().manual_seed(seed))
        top, left = torch.randint(4, (2,), generator=torch.Generator().manual_seed(seed)).tolist()
        begins.add((top, left))
        assert low.shape == high.shape == (2, 3, 16, 16)
        torch.testing.assert_close(high, target[..., top::4, left::4])
        torch.testing.assert_close(aside[0], whole(view, 32, "middle")[0])
        # A view is square, so its shape follows from the pixels that are kept.
        torch.testing.assert_close(network(low, *aside), network(view)[..., top::4, left::4], atol=1e-5, rtol=1e-5)
    assert len(begins) > 3, "not always the same"


def test_labels_are_judged_on_all_of_the_view() -> None:
    recipe = Recipe.model_validate(
        SAID | {"network": {**SAID["network"], "kinds": 30}, "losses": [{"kind": "filter-class"}]}
    )
    network = recipe.network.build(1)
    seen = []
    network.codes_of = lambda pictures: seen.append(pictures.shape) or network.codes(whole(pictures, 32)[0])
    (loss,) = recipe.losses
    view, few = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 16, 16)
    total_loss(
        [(loss, loss.build(TrainingContext(network=network)))],
        few,
        few,
        few,
        torch.Generator(),
        {},
        torch.tensor([1, 2]),
        view,
    )
    assert seen == [(2, 3, 64, 64)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train": {"stride": 5}}, "train.stride 5 does not divide data.patch 64"),
        ({"train": {"stride": 64}}, "does not divide data.patch 64"),
        ({"network": {"kind": "residual"}}, "conditioned on a thumbnail and change single pixels"),
        ({"network": {"kind": "bilateral-grid"}}, "conditioned on a thumbnail and change single pixels"),
    ],
)
def test_where_it_makes_no_sense_it_is_refused(changed: dict, message: str) -> None:
    Recipe.model_validate(SAID)
    with pytest.raises(ValidationError, match=message):
        Recipe.model_validate(SAID | changed)
