"""What a network needs is found by running it; functions whose needs are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from restore.errors import ModelError
from restore.verify.contrast import is_bearable, less_and_less
from restore.verify.pictures import noise, scene
from restore.verify.probing import affordable, find_reach
from restore.verify.sizes import Floats, Sizes, find_sizes
from restore.verify.value_range import find_range

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


def test_a_mean_over_all_is_recognized_without_the_longest_strips() -> None:
    """Which take minutes for a large attention network."""
    sides = []

    def run(x: Floats) -> Floats:
        sides.append(max(x.shape[2:]))
        return 0.5 * x + 0.5 * x.mean((2, 3), keepdims=True)

    assert not find_reach(run, ONE, 0.0, 1.0).exact
    assert max(sides) == 512
    assert len(sides) < 100


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


@pytest.mark.parametrize("side", [4, 32])
def test_windows_have_a_multiple_also_beside_a_mean_over_all(side: int) -> None:
    """Tiles are never exact then, but those that begin elsewhere would be further off."""

    def run(x: Floats) -> Floats:
        n, c, h, w = x.shape
        wide = np.pad(x, ((0, 0), (0, 0), (0, -h % side), (0, -w % side)), mode="edge")
        apart = wide.reshape(n, c, wide.shape[2] // side, side, wide.shape[3] // side, side)
        local = (apart + apart.mean((3, 5), keepdims=True)).reshape(wide.shape)[..., :h, :w]
        return (0.45 * local + 0.1 * x.mean((2, 3), keepdims=True)).astype(np.float32)

    sizes = find_sizes(run)
    assert sizes.multiple == 1, "it pads its windows itself"
    found = find_reach(run, sizes, 0.0, 1.0)
    assert (found.exact, found.multiple) == (False, side)


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


@pytest.mark.parametrize("radius", [7, 60, 200])
def test_the_reach_takes_few_runs(radius: int) -> None:
    """Large networks need seconds for each: no more pixels than 20 times the longest strip, along both axes."""
    pixels = []

    def run(x: Floats) -> Floats:
        pixels.append(x[0, 0].size)
        return 0.5 * x + 0.5 * blur(x.astype(np.float64), radius)

    assert find_reach(run, ONE, 0.0, 1.0).exact
    assert sum(pixels) <= 20 * max(pixels)


def test_a_far_reach_that_hardly_matters_is_cut() -> None:
    """Half a level of 255 is what can be seen; an effect of a tenth of that reaches 90 pixels far."""

    def run(x: Floats) -> Floats:
        wide = x.astype(np.float64)
        return (0.9 * blur(wide, 5) + 0.1 * x + 0.04 * blur(wide, 90)).astype(np.float32)

    found = find_reach(run, ONE, 0.0, 1.0)
    assert found.exact
    assert 90 <= found.halo <= 91
    assert 5 <= found.visible <= 45
    cut = affordable(found)
    assert (cut.halo, cut.exact, cut.multiple) == (found.visible, False, 1)
    # What is small, or matters, stays.
    near = find_reach(lambda x: 0.5 * x + 0.5 * blur(x.astype(np.float64), 7), ONE, 0.0, 1.0)
    assert affordable(near) == near


@pytest.mark.parametrize("axis", [2, 3])
def test_one_axis_may_reach_further(axis: int) -> None:
    found = find_reach(lambda x: 0.5 * blur(x.astype(np.float64), 3) + 0.2 * shifted(x, 40, axis), ONE, 0.0, 1.0)
    assert found.exact
    assert 40 <= found.halo <= 41


def shifted(x: Floats, by: int, axis: int) -> Floats:
    """The picture moved along an axis, zeros where nothing comes from."""
    result = np.zeros_like(x)
    to, of = (slice(by, None), slice(None, -by)) if x.shape[axis] > by else (slice(0, 0), slice(0, 0))
    where = (slice(None),) * axis
    result[(*where, to)] = x[(*where, of)]
    return result


def explosive(x: Floats) -> Floats:
    """Differences of neighbors grow beyond all measure where they are large, as in networks whose layers multiply."""
    wide = x.astype(np.float64)
    rough = wide - blur(wide, 1)
    for _ in range(2):
        rough = rough * (1 + (np.abs(rough) / 0.7) ** 8)
    return (wide + rough).astype(np.float32)


def test_what_blows_noise_up_is_measured_on_less_contrast() -> None:
    """In float32, its result for noise is known to a thousandth at best, which hides how far it looks."""
    loud, soft = (np.ptp(explosive(p(64, 64).transpose(2, 0, 1)[None] / np.float32(255))) for p in (noise, scene))
    assert soft < 2 < 1000 < loud
    rounding = np.random.default_rng(0)

    def run(x: Floats) -> Floats:
        return explosive(x * (1 + rounding.uniform(-6e-8, 6e-8, x.shape)).astype(np.float32))

    found = find_reach(run, ONE, 0.0, 1.0)
    assert found.exact
    assert 1 <= found.halo <= 2


def test_contrast_falls_around_the_middle_of_the_range() -> None:
    values = np.array([0, 64, 255], np.float32)
    steps = list(less_and_less(values, 0, 255))
    assert (steps[0] == values).all()
    for some, fewer in itertools.pairwise(steps):
        assert np.ptp(fewer) < np.ptp(some)
        np.testing.assert_allclose((fewer - 127.5) / np.ptp(fewer), (some - 127.5) / np.ptp(some), atol=1e-5)
    assert is_bearable(values, 0, 255)
    assert not is_bearable(5 * values, 0, 255)
