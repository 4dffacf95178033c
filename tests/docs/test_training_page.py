"""The recipes that docs/training.md shows can be saved and trained as they are."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import yaml

from restore.data.sources.paired import Pairs
from restore.training.recipe_file import load_recipe
from tests.conftest import picture, save

PAGE = (Path(__file__).parents[2] / "docs/training.md").read_text(encoding="utf-8")
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE)]
RECIPES = [block for block in BLOCKS if block.startswith(("name:", "base:"))]
PAIRS = re.findall(r"^\| ([^|`]+) \| `(\{input.*\})` \|$", PAGE, re.MULTILINE)
# An input and its target as each data set names them.
NAMES = {
    "DIV2K, Flickr2K": ("0801x4.png", "0801.png"),
    "LSDIR, in shards": ("0001000/0000001x4.png", "0001000/0000001.png"),
    "LOL": ("22.png", "22.png"),
    "RESIDE (ITS, OTS, SOTS)": ("1400_1_0.9.png", "1400.png"),
    "GoPro": ("GOPR0372_07_00/blur/000047.png", "GOPR0372_07_00/sharp/000047.png"),
    "Rain100L, Rain100H": ("rain-001.png", "norain-001.png"),
    "SIDD": ("0001_001_S6/NOISY_SRGB_010.PNG", "0001_001_S6/GT_SRGB_010.PNG"),
    "ISTD": ("1-1.png", "1-1.png"),
}


@pytest.mark.parametrize("text", RECIPES)
def test_a_recipe_is_whole(text: str, tmp_path: Path) -> None:
    text = re.sub(r"\{kind: spandrel, checkpoint: [\w.-]+\}", "{kind: residual}", text)  # the file is not here
    (tmp_path / "mine.yaml").write_text(text)
    assert load_recipe(tmp_path / "mine.yaml").name in text


@pytest.mark.parametrize(("name", "text"), PAIRS)
def test_the_pairs_of_published_data_sets_are_right(name: str, text: str, tmp_path: Path) -> None:
    """Each finds its pair among files that are named as in that data set."""
    pairs = Pairs.model_validate(yaml.safe_load(text))
    low, high = (
        tmp_path / folder / file for folder, file in zip((pairs.input, pairs.target), NAMES[name], strict=True)
    )
    for path in (low, high):
        save(path, picture(8, 8))
    assert pairs.found(tmp_path) == [(low, high)]


def test_they_are_found() -> None:
    assert len(RECIPES) >= 4
    assert {name for name, _ in PAIRS} == NAMES.keys()
