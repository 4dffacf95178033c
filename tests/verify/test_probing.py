"""What a network needs is found by running it; functions whose needs are known."""

from __future__ import annotations

import numpy as np
import pytest

from restore.errors import ModelError
from restore.verify.probing import Floats, Sizes, find_range, find_reach, find_sizes

ONE = Sizes(1, 1, 1, batch=True)


def blur(x: Floats, radius: int) -> Floats:
    """The mean of a square around each pixel, zeros beyond the border."""
    side = 2 * radius + 1
    padded = np.pad(x, ((0, 0), (0, 0), (radius + 1, radius), (radius + 1, radius))).cumsum(2).cumsum(3)
    sums = (
        padded[..., side:, side:]
        - padded[..., :-side, side:]
        - padded[..., side:, :-side]
        + padded[..., :-side, :-side]
    )
    return (sums / side**2).astype(np.float32)


@pytest.mark.parametrize("radius", [0, 1, 7, 90, 200])
def test_a_local_function_has_its_radius(radius: int) -> None:
    found = find_reach(lambda x: 0.5 * x + 0.5 * blur(x.astype(np.float64), radius), ONE, 0.0, 1.0)
    assert (found.exact, found.multiple) == (True, 1)
    assert radius <= found.halo <= radius + 1


@pytest.mark.parametrize("share", [0.001, 0.002, 0.01, 0.5])
def test_a_mean_over_all_is_seen_however_small_its_part(share: float) -> None:
    """Where little is left to be replaced it hides; on a longer strip it does not."""
    found = find_reach(lambda x: (1 - share) * x + share * x.mean((2, 3), keepdims=True), ONE, 0.0, 1.0)
    assert not found.exact
    assert found.halo <= 128


@pytest.mark.parametrize("side", [2, 8])
def test_windows_have_a_multiple(side: int) -> None:
    def windows(x: Floats) -> Floats:
        n, c, h, w = x.shape
        means = x.reshape(n, c, h // side, side, w // side, side).mean((3, 5), keepdims=True)
        return (x.reshape(n, c, h // side, side, w // side, side) + means).reshape(x.shape) / 2

    sizes = find_sizes(windows)
    assert (sizes.scale, sizes.multiple, sizes.minimum, sizes.batch) == (1, side, side, True)
    found = find_reach(windows, sizes, 0.0, 1.0)
    assert (found.exact, found.multiple, found.halo) == (True, side, side)


def picky(*, scale: int = 1, minimum: int = 1, batch: bool = True) -> object:
    def run(x: Floats) -> Floats:
        if min(x.shape[2:]) < minimum or (len(x) > 1 and not batch):
            raise RuntimeError("not this")
        return x.repeat(scale, axis=2).repeat(scale, axis=3)

    return run


@pytest.mark.parametrize("case", [{"scale": 3}, {"minimum": 11}, {"minimum": 100}, {"batch": False}])
def test_sizes(case: dict) -> None:
    found = find_sizes(picky(**case))
    assert found.scale == case.get("scale", 1)
    assert found.minimum == case.get("minimum", 1)
    assert found.batch == case.get("batch", True)
    assert found.multiple == 1


def test_what_is_no_enlargement_is_refused() -> None:
    with pytest.raises(ModelError, match="not an enlarged RGB picture"):
        find_sizes(lambda x: x[:, :1])
    with pytest.raises(ModelError, match="accepts no square picture"):
        find_sizes(picky(minimum=1000))

    def one(x: Floats) -> Floats:
        if x.shape[2:] != (64, 64):
            raise RuntimeError("64 alone")
        return x

    with pytest.raises(ModelError, match="no similar size"):
        find_sizes(one)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)])
def test_the_range_on_which_it_is_faithful(low: float, high: float) -> None:
    """A curve that leaves the values of its own range, nearly, and bends others."""

    def bent(x: Floats) -> Floats:
        unit = (x - low) / (high - low)
        return (np.clip(unit, 0, 1) * (high - low) + low).astype(np.float32) + np.float32(0.001 * (high - low))

    assert find_range(bent, ONE) == ((low, high) if low == 0 else None)


def test_a_function_without_offsets_tells_no_range() -> None:
    assert find_range(lambda x: 0.98 * x, ONE) is None
    assert find_range(lambda x: 0 * x, ONE) is None
