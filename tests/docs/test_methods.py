"""docs/methods: what the pages name exists, what they show can be done, and what recipes can name is on one of them."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import TypeAdapter

from restore.data.degradations.registry import DEGRADATIONS
from restore.encoders.registry import ENCODERS
from restore.losses.adversarial import ADVERSARIAL
from restore.losses.contrastive.objectives.registry import OBJECTIVES
from restore.losses.contrastive.samples import SAMPLES
from restore.losses.registry import LOSSES
from restore.metrics.registry import METRICS
from restore.networks.discriminators.registry import DISCRIMINATORS
from restore.networks.registry import NETWORKS
from restore.recipes import find_recipe, shipped
from restore.training.recipe import Recipe
from restore.training.recipe_file import load_recipe

ROOT = Path(__file__).resolve().parents[2]
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs/methods").glob("*.md"))}
METHODS = [name for name in PAGES if name != "index.md"]
TABLES: dict[str, Any] = {
    "loss": LOSSES,
    "objective": OBJECTIVES,
    "network": NETWORKS,
    "encoder": ENCODERS,
    "sample": SAMPLES,
    "discriminator": DISCRIMINATORS,
    "adversarial form": ADVERSARIAL,
}


def blocks(text: str) -> Iterator[str]:
    """What is indented by four: commands, formulas and parts of recipes."""
    for found in re.findall(r"(?:^ {4}.*\n)+", text, re.MULTILINE):
        yield textwrap.dedent(found)


def trained(text: str) -> Iterator[tuple[str, list[str]]]:
    """The recipes that a page trains by name, each with its changes."""
    for block in blocks(text):
        for line in block.splitlines():
            if line.startswith("restore train "):
                words = shlex.split(line, comments=True)[2:]
                yield words[0], [words[i + 1] for i, word in enumerate(words) if word == "--set"]


def fragments(text: str) -> Iterator[dict[str, Any]]:
    """The parts of recipes that a page shows."""
    for block in blocks(text):
        if block.partition(":")[0] in Recipe.model_fields:
            yield yaml.safe_load(block)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page: str) -> None:
    named = re.findall(r"`((?:restore|scripts|models|docs)/[^`\s]*)`", PAGES[page])
    assert named or page == "index.md", "a page says where its method is"
    assert not [path for path in named if not (ROOT / path).exists()]


@pytest.mark.parametrize(("table", "kind"), [(table, kind) for table, kinds in TABLES.items() for kind in kinds])
def test_every_kind_is_on_a_page(table: str, kind: str) -> None:
    where = [page for page in METHODS if f"`{kind}`" in PAGES[page]]
    assert where, f"no page of docs/methods says what the {table} '{kind}' is: its formula and source belong there"


@pytest.mark.parametrize(
    ("page", "kind"),
    [*(("filters.md", kind) for kind in DEGRADATIONS), *(("metrics.md", kind) for kind in METRICS)],
)
def test_a_guide_lists_every_degradation_and_metric(page: str, kind: str) -> None:
    rows = [line for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert any(f"`{kind}`" in row.split("|")[1] for row in rows), f"docs/{page} has a table without {kind}"


@pytest.mark.parametrize("page", PAGES)
def test_every_recipe_that_is_trained_takes_the_changes(page: str) -> None:
    for name, changes in trained(PAGES[page]):
        recipe = load_recipe(find_recipe(name), changes)  # raises RecipeError for a change that is not one
        assert recipe.name == name


def test_every_recipe_is_trained_on_a_page() -> None:
    assert {name for page in METHODS for name, _ in trained(PAGES[page])} == {recipe.name for recipe in shipped()}


@pytest.mark.parametrize("page", PAGES)
def test_every_part_of_a_recipe_is_right(page: str) -> None:
    for fragment in fragments(PAGES[page]):
        for key, value in fragment.items():
            field = Recipe.model_fields[key]
            kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
            read = TypeAdapter(kind).validate_python(value)  # raises ValidationError for what no recipe may say
            assert read is not None, f"{page}: {key} says nothing"


def test_parts_of_recipes_are_found() -> None:
    assert {key for page in METHODS for part in fragments(PAGES[page]) for key in part} >= {
        "losses",
        "data",
        "discriminator",
    }


def test_the_list_leads_to_every_page() -> None:
    assert set(re.findall(r"^\| \[[^]]+\]\(([\w-]+\.md)\)", PAGES["index.md"], re.MULTILINE)) == set(METHODS)
