"""Limits on what shipped models do with line art and flat colors."""

from __future__ import annotations

import pytest

from restore.runtime.model import Model, open_model
from scripts.line_art import COLORS, DIRECTIONS, beside_line, flat_error
from tests.zoo.shipped import files, kind

# Darkest value allowed on white next to a black line, and largest error of a flat color up to the corner. The aim is 230
# and 2; these are what the models reach, so that no later one is worse: sr-x2 was trained on some drawings, too.
LIMITS = {"sr-x2": (224, 2), "sr-x4": (206, 4)}
MODELS = [(name, file) for name in LIMITS for file in files(name)]


@pytest.fixture(params=MODELS, ids=[kind(file) for _, file in MODELS])
def model(request: pytest.FixtureRequest) -> tuple[Model, int, int]:
    name, file = request.param
    return open_model(file, "cpu"), *LIMITS[name]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_thin_line_has_no_ghosts(model: tuple[Model, int, int], direction: str) -> None:
    network, limit, _ = model
    darkest, on_the_line = beside_line(network, direction)
    assert darkest >= limit
    assert on_the_line < 128, "the line is still there"


@pytest.mark.parametrize("color", COLORS)
def test_a_flat_color_stays_flat_to_the_corner(model: tuple[Model, int, int], color: tuple[int, int, int]) -> None:
    network, _, most = model
    assert flat_error(network, color) <= most
