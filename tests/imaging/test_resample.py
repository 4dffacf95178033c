"""Resizing to an exact size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restore.imaging.resample import resample
from restore.imaging.resize import resize
from tests.conftest import picture


@pytest.mark.parametrize("factor", [0.5, 0.25, 2.0, 0.75])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_it_is_the_literatures_bicubic_inside(factor: float, dtype: type) -> None:
    depth = np.iinfo(dtype).max // 255
    pixels = picture(64, 80).astype(dtype) * dtype(depth)
    wanted = resize(pixels.astype(float), factor)
    result = resample(pixels, *wanted.shape[:2])
    assert result.dtype == dtype
    inner = np.s_[5:-5, 5:-5]
    # Pillow computes 8 bits in fixed point, and rounds and clips after each direction.
    assert np.abs(result[inner] - np.clip(wanted, 0, 255 * depth)[inner]).max() <= 1.5


def test_shrinking_is_antialiased() -> None:
    """A one-pixel checkerboard becomes its mean; without a wider kernel it would alias."""
    board = (np.indices((90, 90)).sum(0) % 2 * 255).astype(np.uint8)
    small = resample(board, 31, 31)
    assert small.shape == (31, 31)
    assert np.abs(small[3:-3, 3:-3].astype(int) - 128).max() <= 3
    naive = cv2.resize(board, (31, 31), interpolation=cv2.INTER_CUBIC)
    assert np.ptp(naive) > 50, "the test would see it"


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.sampled_from([(), (1,), (3,)]),
    st.sampled_from([np.uint8, np.uint16]),
    st.integers(0, 255),
)
def test_flat_stays_flat_at_any_size(
    size: tuple[int, int], wanted: tuple[int, int], channels: tuple[int, ...], dtype: type, value: int
) -> None:
    value *= np.iinfo(dtype).max // 255
    result = resample(np.full((*size, *channels), value, dtype), *wanted)
    assert result.shape == (*wanted, *channels)
    assert (result == value).all()


def test_the_same_size_is_the_same_array() -> None:
    pixels = picture(20, 30)
    assert resample(pixels, 20, 30) is pixels
