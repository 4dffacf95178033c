"""docs/methods: the losses on a page are those of its recipe, and what was measured is what the cards say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from restore.losses.registry import LOSSES
from restore.recipes import find_recipe
from restore.training.recipe_file import load_recipe

ROOT = Path(__file__).resolve().parents[2]
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs/methods").glob("*.md"))}
# Pages whose figures are all those of shipped models.
CARDS = {
    "sr-networks.md": ["sr-x2", "sr-x4"],
    "bilateral-grid.md": ["backlit"],
    "modulated-colour.md": ["unfilter"],
}


class Formula(NamedTuple):
    """A sum of losses by their weights, under a sentence that names the recipe."""

    page: str
    recipe: str
    terms: list[tuple[str, float]]


def formulas() -> list[Formula]:
    found = []
    for page, text in PAGES.items():
        for name, block in re.findall(
            r"`restore/recipes/([\w-]+)\.yaml`[^\n]*\n(?:\S[^\n]*\n)*\n((?: {4}.*\n)+)", text
        ):
            terms = [
                (loss.lower(), float((sign + weight) or 1))
                for sign, weight, loss in re.findall(r"(-?) ?\b(\d[\d.]*)? ?\b([A-Za-z][\w-]*)", block)
                if loss.lower() in LOSSES
            ]
            if terms and "+" in block:
                found.append(Formula(page, name, terms))
    return found


@pytest.mark.parametrize("formula", formulas(), ids=lambda formula: formula.recipe)
def test_losses_are_those_of_the_recipe(formula: Formula) -> None:
    recipe = load_recipe(find_recipe(formula.recipe))
    assert sorted(formula.terms) == sorted((loss.kind, loss.weight) for loss in recipe.losses)


def test_formulas_are_found() -> None:
    assert {formula.recipe for formula in formulas()} >= {"backlit", "unfilter", "photo-x4", "ifrnet", "cifr"}


@pytest.mark.parametrize("page", CARDS)
def test_figures_are_those_of_the_card(page: str) -> None:
    measured = PAGES[page].partition("## Existing results")[2]
    said = re.findall(r"\d+\.\d+", measured)
    assert said
    cards = " ".join((ROOT / "models" / name / "card.md").read_text(encoding="utf-8") for name in CARDS[page])
    there = re.findall(r"\d+\.\d+", cards)
    unknown = [one for one in said if not any(_rounds(other, one) for other in there)]
    assert not unknown, f"{page}: no card says {', '.join(unknown)}"


def _rounds(long: str, short: str) -> bool:
    """Whether a number is another one rounded to its own digits."""
    digits = len(short.partition(".")[2])
    return len(long.partition(".")[2]) >= digits and abs(float(long) - float(short)) <= 0.5 * 10**-digits + 1e-9
