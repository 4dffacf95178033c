"""The bootstrap against SciPy's and against the normal theory."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap as scipys

from restore.evaluation.interval import bootstrap


def test_is_scipys_percentile_bootstrap() -> None:
    """Other draws, so to their noise."""
    values = np.random.default_rng(2).gamma(2, 3, 24)
    theirs = scipys((values,), np.mean, method="percentile", n_resamples=10_000, random_state=1).confidence_interval
    found = bootstrap(values)
    assert found is not None
    assert found == pytest.approx((theirs.low, theirs.high), abs=0.05 * values.std())


def test_covers_the_mean_as_often_as_it_says() -> None:
    """Of 60 pictures: the percentile interval is a little narrow of few."""
    draw = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        low, high = bootstrap(draw.normal(30, 2, 60)) or (0, 0)
        inside += low <= 30 <= high
    assert 0.9 <= inside / 200 <= 0.99


def test_the_seed_decides() -> None:
    values = np.random.default_rng(1).normal(30, 2, 9)
    assert bootstrap(values, seed=3) == bootstrap(values, seed=3) != bootstrap(values, seed=4)


def test_the_same_pictures_are_drawn_for_every_method() -> None:
    """So a constant gain has no spread, and an interval moves with its values."""
    values = np.random.default_rng(1).normal(30, 2, 9)
    low, high = bootstrap(values) or (0, 0)
    assert bootstrap(values + 1) == pytest.approx((low + 1, high + 1))
    assert bootstrap([0.5] * 9) == pytest.approx((0.5, 0.5))


def test_many_pictures_are_drawn_in_parts() -> None:
    values = np.random.default_rng(1).normal(30, 2, 2000)
    low, high = bootstrap(values) or (0, 0)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(2000), rel=0.1)


@pytest.mark.parametrize("values", [[], [3.0], [3.0, float("inf")], [float("nan"), 1.0]])
def test_no_interval_where_there_can_be_none(values: list[float]) -> None:
    assert bootstrap(values) is None
