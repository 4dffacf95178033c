"""A batch that is split into pieces gives the same step."""

from __future__ import annotations

from pathlib import Path

import pytest

from restore.errors import RecipeError
from restore.training.checkpoint import LAST
from restore.training.recipe_file import parse_recipe
from tests.training.test_distributed import EXACT, assert_close
from tests.training.test_loop import RECIPE, go

# Without spectral norm, whose estimate changes with every forward pass: pieces mean more forward passes.
ADVERSARIAL = """\
discriminator: {network: {kind: haar, norm: group, width: 8, taps: [2]}, form: lsgan, optimizer: {lr: 1e-5}}
losses:
  - {kind: l2}
  - {kind: adversarial, weight: 0.01}
  - {kind: perceptual, distance: l2, jitter: 0, weight: 0.1, encoder: {kind: discriminator}}
"""


@pytest.mark.parametrize("losses", ["", ADVERSARIAL], ids=["l1", "adversarial"])
def test_pieces_equal_the_whole(photos: Path, tmp_path: Path, losses: str) -> None:
    # Few steps: the discriminator's tiny gradients, normalized by Adam, amplify rounding tenfold from one to the next.
    for pieces in (1, 2, 4):
        assert go(
            photos.parent,
            tmp_path / f"{pieces}",
            *EXACT,
            f"train.accumulate={pieces}",
            "train.steps=4",
            text=RECIPE + losses,
        )
    assert_close(tmp_path / "1" / LAST, tmp_path / "2" / LAST)
    assert_close(tmp_path / "1" / LAST, tmp_path / "4" / LAST)


def test_pieces_are_equal() -> None:
    with pytest.raises(RecipeError, match="a batch of 4 cannot be split into 3 equal pieces"):
        parse_recipe(RECIPE, "r", ["train.accumulate=3"])
