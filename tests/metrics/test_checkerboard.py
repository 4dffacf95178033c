"""The strength of a pattern with the period of two pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.signal import convolve
from scipy.special import binom

from restore.imaging.decode import read_rgb8
from restore.metrics.checkerboard import checkerboard
from tests.conftest import SAMPLES, picture


def test_against_scipy() -> None:
    image = picture(40, 57)
    taps = binom(7, np.arange(8)) * (-1.0) ** np.arange(8) / 128
    values = image.astype(float)
    wanted = [np.abs(convolve(values, taps.reshape(shape), "valid")).mean() for shape in ((8, 1, 1), (1, 8, 1))]
    assert checkerboard(image) == pytest.approx(np.mean(wanted), rel=1e-12)
    assert checkerboard(image, 3) == checkerboard(np.ascontiguousarray(image[3:-3, 3:-3]))


def test_rows_that_alternate_and_slopes_that_do_not() -> None:
    rows = np.full((32, 24, 3), 100, np.uint8)
    rows[::2] += 10
    assert checkerboard(rows) == 2.5, "5 levels up and down in columns, nothing in rows"
    assert checkerboard(rows.swapaxes(0, 1)) == 2.5
    board = np.full((32, 24, 1), 100, np.uint8)
    board[::2, ::2] += 10
    board[1::2, 1::2] += 10
    assert checkerboard(board) == 5
    slope = np.add.outer(3 * np.arange(40), 2 * np.arange(40)).astype(np.uint8)[..., None]
    assert checkerboard(slope) == 0


def test_a_weave_over_a_soft_photo() -> None:
    soft = cv2.GaussianBlur(read_rgb8(next(SAMPLES.rglob("*.jpg"))), (0, 0), 2)
    woven = soft.copy()
    woven[::2] = np.minimum(woven[::2].astype(int) + 2, 255)
    assert checkerboard(soft) < 0.25
    assert checkerboard(woven) > checkerboard(soft) + 0.25


def test_small_pictures() -> None:
    assert checkerboard(picture(8, 8)) > 0
    with pytest.raises(ValueError, match="needs 8 rows and columns, but found 7 x 9"):
        checkerboard(picture(9, 7))
    with pytest.raises(ValueError, match="but found 4 x 16"):
        checkerboard(picture(20, 8), 2)
