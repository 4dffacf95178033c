"""Limits on what shipped models do with pictures that no photograph resembles, which their other figures do not show."""

from __future__ import annotations

import numpy as np
import pytest

from restore.runtime.model import open_model
from restore.zoo.find import find
from restore.zoo.precision import family
from scripts.patterns import PATTERNS, averaged, psnr, result

# For the worst of the pictures, in dB: the float32 file's result, averaged down, against the picture; and the 8-bit
# twin's against the float32 file's. They are a little below what the models reach, so that no later one is worse.
LIMITS = {"sr-x2": (24, 22), "sr-x4": (12, 9), "photo-x4": (13, 20), "photo-x4-large": (9.5, 17)}


@pytest.mark.parametrize("name", LIMITS)
def test_no_pattern_is_worse_than_before(name: str) -> None:
    wide_model, twin = (open_model(family(find(name))[kind], "cpu") for kind in ("fp32", "int8"))
    least, least_of_twin = LIMITS[name]
    for pattern, make in PATTERNS.items():
        pixels = make()
        wide = result(wide_model, pixels)
        assert psnr(averaged(wide), pixels) >= least, pattern
        assert psnr(result(twin, pixels), wide) >= least_of_twin, pattern


def test_the_patterns_and_the_measure() -> None:
    pictures = {name: make() for name, make in PATTERNS.items()}
    for pixels in pictures.values():
        assert pixels.shape == (32, 32, 3)
        assert pixels.dtype == np.uint8
        assert 40 < pixels.mean() < 215, "as much black as white, about"
    board = pictures["checkerboard 1"]
    assert (board[1:] != board[:-1]).all()
    assert (board[:, 1:] != board[:, :-1]).all()
    np.testing.assert_array_equal(averaged(board.repeat(2, 0).repeat(2, 1)), board)
    assert psnr(board, 255 - board) == 0
    assert psnr(board, board) == 99
