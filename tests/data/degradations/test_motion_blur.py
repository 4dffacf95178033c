"""Kernels of camera paths, and blur in linear light."""

from __future__ import annotations

import math

import numpy as np
import pytest

from restore.data.degradations.motion_blur import MotionBlur, path_kernel
from restore.data.sampling import generator
from restore.imaging.color.conversions import to_linear


@pytest.mark.parametrize("length", [0.5, 3.0, 9.0, 30.0])
@pytest.mark.parametrize("turn", [0.0, 1.0, -2.0])
def test_a_path_shifts_nothing_and_keeps_the_light(length: float, turn: float) -> None:
    kernel = path_kernel(length, 0.7, turn)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1)
    y, x = np.mgrid[: len(kernel), : len(kernel)] - (len(kernel) - 1) / 2
    assert [(kernel * y).sum(), (kernel * x).sum()] == pytest.approx([0, 0], abs=1e-9)


def test_a_straight_path_is_a_line_of_its_length() -> None:
    kernel = path_kernel(9.0, 0.0, 0.0)
    middle = len(kernel) // 2
    np.testing.assert_allclose(np.delete(kernel, middle, axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(kernel[middle, middle - 3 : middle + 4], 1 / 9, rtol=0.02)
    x = np.arange(len(kernel)) - middle
    assert math.sqrt(12 * (kernel[middle] * x**2).sum()) == pytest.approx(9, rel=0.02)
    assert np.count_nonzero(path_kernel(9.0, 0.0, 2.0).sum(axis=1) > 1e-6) > 1, "a turn leaves the line"


def test_light_is_averaged_and_not_its_encoding() -> None:
    image = np.zeros((41, 41, 3), np.float32)
    image[20, 20] = 1
    made = MotionBlur(length=(8, 8))(image, generator(0, 0))
    assert to_linear(made).sum() == pytest.approx(3, rel=1e-3)
    even = np.full((20, 20, 3), 0.3, np.float32)
    np.testing.assert_allclose(MotionBlur()(even, generator(0, 0)), even, atol=1e-5)
