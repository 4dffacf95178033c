"""sRGB's transfer function, against its published points and skimage's."""

from __future__ import annotations

import numpy as np
import pytest

from restore.imaging.color.conversions import from_linear, to_linear


def test_it_is_the_standards() -> None:
    assert to_linear(np.float32([0, 0.5, 1])).tolist() == pytest.approx([0, 0.2140411, 1], abs=1e-6)
    values = np.linspace(0, 1, 256, dtype=np.float32)
    np.testing.assert_allclose(from_linear(to_linear(values)), values, atol=2e-6)
    assert (np.diff(to_linear(values)) > 0).all()


def test_a_byte_survives_the_round_trip() -> None:
    levels = np.arange(256, dtype=np.uint8)
    back = np.round(255 * from_linear(to_linear(levels.astype(np.float32) / 255)))
    np.testing.assert_array_equal(back, levels)
