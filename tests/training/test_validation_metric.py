"""The mean of a validation metric over pictures."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from restore.training.validation_metric import find_metric


def test_a_picture_that_comes_back_to_the_bit_counts_as_100_db() -> None:
    """Its PSNR is infinite, and so would be the mean, whatever the other pictures are."""
    picture = np.full((32, 32, 3), 100, np.uint8)
    samples = [SimpleNamespace(name=name, high=picture) for name in "ab"]
    measure = find_metric("psnr-rgb").build(1)
    assert measure([picture, picture], samples) == 100
    assert measure([picture, picture + np.uint8(1)], samples) == pytest.approx((100 + 20 * np.log10(255)) / 2)
