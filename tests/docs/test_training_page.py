"""The recipes that docs/training.md shows can be saved and trained as they are."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import yaml

from restore.data.layouts import layout_of
from restore.data.sources.paired import Pairs
from restore.files.pairing import NameRule
from restore.training.recipe_file import load_recipe

PAGE = (Path(__file__).parents[2] / "docs/training.md").read_text(encoding="utf-8")
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE)]
RECIPES = [block for block in BLOCKS if block.startswith(("name:", "base:"))]
PAIRS = re.findall(r"^\| [^|`]+ \| `(\{input.*\})` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("text", RECIPES)
def test_a_recipe_is_whole(text: str, tmp_path: Path) -> None:
    text = re.sub(r"\{kind: spandrel, checkpoint: [\w.-]+\}", "{kind: residual}", text)  # the file is not here
    (tmp_path / "mine.yaml").write_text(text)
    assert load_recipe(tmp_path / "mine.yaml").name in text


@pytest.mark.parametrize("text", PAIRS)
def test_the_pairs_of_published_data_sets_are_right(text: str) -> None:
    pairs = Pairs.model_validate(yaml.safe_load(text))
    if pairs.template is not None and layout_of(pairs.template) is None:
        NameRule.parse(pairs.template)


def test_they_are_found() -> None:
    assert len(RECIPES) >= 4
    assert len(PAIRS) >= 8
