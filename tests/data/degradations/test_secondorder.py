"""The second-order degradation: sizes, reproducibility, its options, and the values of Real-ESRGAN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from restore.data.degradations.blur import Blur, draw_kernel
from restore.data.degradations.options import SecondOrder
from restore.data.degradations.presets import PRESETS
from restore.data.degradations.secondorder import second_order
from restore.data.sampling import generator
from restore.imaging.resize import resize
from restore.metrics.psnr import psnr
from tests.conftest import picture

NOTHING: dict[str, Any] = {
    "blur": {"probability": 0},
    "resize": {"up": 0, "down": 0, "keep": 1, "filters": ["area"]},
    "noise": {"probability": 0},
    "jpeg": {"probability": 0},
}


def only(first: dict[str, Any] | None = None, second: dict[str, Any] | None = None, **final: Any) -> SecondOrder:
    """Options that apply only the given operations."""
    values = {
        "first": {**NOTHING, **(first or {})},
        "second": {**NOTHING, **(second or {})},
        "final": {"probability": 0, "filters": ["area"], **final},
    }
    return SecondOrder.model_validate(values)


def area(high: np.ndarray, scale: int) -> np.ndarray:
    height, width = high.shape[0] // scale, high.shape[1] // scale
    return high.reshape(height, scale, width, scale, 3).mean(axis=(1, 3))


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.integers(1, 4),
    st.integers(0, 10_000),
    st.sampled_from(list(PRESETS)),
)
def test_any_size_gives_exactly_one_over_the_scale(height: int, width: int, scale: int, seed: int, preset: Any) -> None:
    high = picture(height * scale, width * scale, seed=seed)
    before = high.copy()
    low = second_order(high, scale, SecondOrder(preset=preset), generator(seed, 0))
    assert (low.shape, low.dtype) == ((height, width, 3), np.uint8)
    np.testing.assert_array_equal(high, before)


def test_it_depends_on_the_generator_alone() -> None:
    high = picture(64, 64)
    options = SecondOrder()
    first = [second_order(high, 2, options, generator(3, n)) for n in range(6)]
    np.random.seed(1)
    again = [second_order(high, 2, options, generator(3, n)) for n in reversed(range(6))][::-1]
    np.testing.assert_array_equal(first, again)
    assert len({low.tobytes() for low in first}) == 6
    assert not np.array_equal(first[0], second_order(high, 2, options, generator(4, 0)))


def test_nothing_at_all_is_a_resize() -> None:
    high = picture(48, 60)
    for scale in (1, 2, 3):
        low = second_order(high, scale, only(), generator(0, 0))
        np.testing.assert_allclose(low, area(high, scale), atol=0.51)


@pytest.mark.parametrize(
    "options",
    [
        {"first": {"blur": {"sigma": [2.9, 3.0], "sinc_probability": 0}}},
        {"second": {"blur": {"probability": 1, "sigma": [1.4, 1.5], "sinc_probability": 0}}},
        {"first": {"resize": {"up": 0, "down": 1, "keep": 0, "factor": [0.15, 1]}}},
        {"second": {"resize": {"up": 0, "down": 1, "keep": 0, "factor": [0.3, 1]}}},
        {"first": {"resize": {"up": 1, "down": 0, "keep": 0, "factor": [1, 1.5], "filters": ["bilinear"]}}},
        {"first": {"noise": {"gaussian_probability": 1, "sigma": [25, 30]}}},
        {"second": {"noise": {"gaussian_probability": 0, "poisson_scale": [2, 2.5]}}},
        {"first": {"jpeg": {"quality": [30, 40]}}},
        {"second": {"jpeg": {"quality": [30, 40]}}},
        {"probability": 1, "cutoff": [0.34, 0.5]},
    ],
)
def test_every_operation_alone_changes_the_picture_but_not_its_light(options: dict[str, Any]) -> None:
    high = picture(96, 96)
    plain = second_order(high, 2, only(), generator(0, 0)).astype(float)
    lows = [second_order(high, 2, only(**options), generator(0, n)).astype(float) for n in range(8)]
    assert np.mean([np.abs(low - plain).mean() for low in lows]) > 0.3
    assert np.abs(np.mean(lows, axis=(0, 1, 2)) - plain.mean(axis=(0, 1))).max() < 3


@pytest.mark.parametrize("before", [0.0, 1.0])
def test_the_last_jpeg_comes_before_or_after_the_last_resize(before: float) -> None:
    """As the last operation, JPEG leaves blocks of constant color; before a sinc filter, it does not."""
    options = only(
        second={"jpeg": {"quality": [1, 1]}}, probability=1, before_jpeg=before, cutoff=[0.34, 0.35], size=[21, 21]
    )
    low = second_order(picture(128, 128), 2, options, generator(0, 0)).astype(int)
    steps = np.abs(np.diff(low[..., 1], axis=1)).mean(axis=0)
    inside, between = np.delete(steps, np.s_[7::8]).mean(), steps[7::8].mean()
    assert (between > 3 * inside) == (before == 1)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_low_and_high_are_aligned(scale: int) -> None:
    """The unshifted picture fits best; a shift by any fraction of a pixel would show."""
    quiet = {"noise": {"probability": 0}, "jpeg": {"probability": 0}}
    options = SecondOrder.model_validate({"preset": "light", "first": quiet, "second": quiet})
    high = picture(64 * scale, 64 * scale)
    wanted = resize(high, 1 / scale)
    low = np.mean([second_order(high, scale, options, generator(1, n)) for n in range(24)], axis=0)
    fits = {
        (y, x): np.abs(low[4:-4, 4:-4] - np.roll(wanted, (y, x), (0, 1))[4:-4, 4:-4]).mean()
        for y in (-1, 0, 1)
        for x in (-1, 0, 1)
    }
    assert min(fits, key=fits.__getitem__) == (0, 0)
    # A shift by half a pixel would make opposite neighbors differ.
    assert fits[0, 1] == pytest.approx(fits[0, -1], rel=0.2)
    assert fits[1, 0] == pytest.approx(fits[-1, 0], rel=0.2)


def test_light_is_lighter() -> None:
    high = picture(96, 96)
    wanted = resize(high, 0.5)

    def mean_psnr(preset: Any) -> float:
        options = SecondOrder(preset=preset)
        return float(np.mean([psnr(second_order(high, 2, options, generator(0, n)), wanted) for n in range(30)]))

    assert mean_psnr("light") > mean_psnr("realesrgan") + 2


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_written_out_and_draws_the_same_again(preset: Any) -> None:
    options = SecondOrder(preset=preset)
    assert SecondOrder.model_validate(options.model_dump(mode="json")) == options
    high = picture(64, 64)
    made = [second_order(high, 2, options, generator(4, n)) for n in (0, 0, 1)]
    np.testing.assert_array_equal(made[0], made[1])
    assert np.array_equal(made[0], made[2]) == (preset == "clean")  # nothing in it is random


def test_the_presets_do_what_they_are_called() -> None:
    heavy = SecondOrder(preset="heavy")
    assert heavy.model_dump(exclude={"preset"}) == SecondOrder().model_dump(exclude={"preset"})
    web, phone, old = (SecondOrder(preset=name) for name in ("web", "phone", "print"))
    assert web.first.jpeg == web.second.jpeg.model_copy(update={"quality": (20, 95)})
    assert [step.kind for step in phone.after] == ["denoise", "sharpen", "jpeg"]
    assert [step.kind for step in old.before] == ["film-grain", "fade"]
    high = picture(96, 96)
    made = [second_order(high, 1, old, generator(0, n)) for n in range(20)]
    assert np.mean([np.percentile(one, 1) for one in made]) > np.percentile(high, 1) + 5, "black fades"


def test_the_defaults_are_those_of_realesrgan() -> None:
    """See options/train_realesrgan_x4plus.yml in the authors' repository."""
    first, second, final = SecondOrder().first, SecondOrder().second, SecondOrder().final
    shares = [0.45, 0.25, 0.12, 0.03, 0.12, 0.03]
    for one in (first, second):
        assert list(one.blur.kernels.shares().values()) == shares
        assert (one.blur.sinc_probability, one.blur.size) == (0.1, (7, 21))
        assert (one.blur.generalized_beta, one.blur.plateau_beta) == ((0.5, 4), (1, 2))
        assert (one.noise.gaussian_probability, one.noise.grey_probability) == (0.5, 0.4)
        assert one.jpeg.quality == (30, 95)
    assert (first.blur.probability, first.blur.sigma) == (1, (0.2, 3))
    assert (second.blur.probability, second.blur.sigma) == (0.8, (0.2, 1.5))
    assert first.resize.shares() == {"up": 0.2, "down": 0.7, "keep": 0.1}
    assert second.resize.shares() == {"up": 0.3, "down": 0.4, "keep": 0.3}
    assert (first.resize.factor, second.resize.factor) == ((0.15, 1.5), (0.3, 1.2))
    assert (first.noise.sigma, second.noise.sigma) == ((1, 30), (1, 25))
    assert (first.noise.poisson_scale, second.noise.poisson_scale) == ((0.05, 3), (0.05, 2.5))
    assert (final.probability, final.before_jpeg, final.cutoff[0]) == (0.8, 0.5, pytest.approx(1 / 3))


def test_a_preset_gives_what_is_not_given() -> None:
    options = SecondOrder.model_validate({"preset": "light", "second": {"jpeg": {"quality": [40, 50]}}})
    light = SecondOrder(preset="light")
    assert options.second.jpeg.quality == (40, 50)
    assert options.second.jpeg.probability == light.second.jpeg.probability != SecondOrder().second.jpeg.probability
    assert options.first == light.first != SecondOrder().first
    assert SecondOrder.model_validate(light.model_dump(mode="json")) == light, "written out and read again"


def test_kernels_are_drawn_as_often_as_their_shares() -> None:
    options = Blur.model_validate(
        {
            "sinc_probability": 0.25,
            "kernels": {
                "iso": 3,
                "aniso": 1,
                "generalized_iso": 0,
                "generalized_aniso": 0,
                "plateau_iso": 0,
                "plateau_aniso": 0,
            },
        }
    )
    kernels = [draw_kernel(options, generator(0, n)) for n in range(2000)]
    rings = [kernel.min() < -1e-6 for kernel in kernels]
    assert np.mean(rings) == pytest.approx(0.25, abs=0.03)
    smooth = [kernel for kernel, ring in zip(kernels, rings, strict=True) if not ring]
    assert np.mean([np.allclose(kernel, kernel.T) for kernel in smooth]) == pytest.approx(0.75, abs=0.03)
    sizes = np.bincount([len(kernel) for kernel in kernels])
    assert list(np.flatnonzero(sizes)) == list(range(7, 22, 2))
    assert sizes[7:22:2] == pytest.approx(250, abs=60)


def test_shapes_are_as_often_below_one_as_above_it() -> None:
    """Measured on the kernel: the logarithm of a generalized Gaussian falls with the distance to the power 2 beta."""
    only_generalized = {
        "iso": 0,
        "aniso": 0,
        "generalized_iso": 1,
        "generalized_aniso": 0,
        "plateau_iso": 0,
        "plateau_aniso": 0,
    }
    options = Blur.model_validate({"sinc_probability": 0, "sigma": [2, 2], "size": [7, 7], "kernels": only_generalized})
    betas = []
    for n in range(1000):
        row = np.log(draw_kernel(options, generator(1, n))[3])
        betas.append(math.log2((row[3] - row[5]) / (row[3] - row[4])) / 2)
    assert np.mean(np.array(betas) < 1) == pytest.approx(0.5, abs=0.05)
    assert min(betas) == pytest.approx(0.5, abs=0.01)
    assert max(betas) == pytest.approx(4, abs=0.05)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"first": {"blur": {"sigma": [3, 1]}}}, "from the smaller to the larger, not from 3.0 to 1.0"),
        ({"first": {"blur": {"size": [8, 21]}}}, "the size of a kernel must be odd"),
        ({"first": {"resize": {"up": 0, "down": 0, "keep": 0}}}, "one of the shares must be above 0"),
        ({"first": {"resize": {"factor": [1.2, 1.5]}}}, "less than or equal to 1"),
        ({"second": {"jpeg": {"quality": [0, 90]}}}, "greater than or equal to 1"),
        ({"first": {"noise": {"sigma": [1, math.inf]}}}, "finite number"),
        ({"final": {"filters": []}}, "at least 1 item"),
        ({"preset": "strong"}, "'realesrgan', 'light', 'web', 'phone', 'print', 'heavy' or 'clean'"),
        ({"preset": "light", "first": {"blurr": {}}}, "Extra inputs"),
    ],
)
def test_wrong_options(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SecondOrder.model_validate(values)


def test_sides_that_do_not_divide() -> None:
    with pytest.raises(ValueError, match=r"multiples of 2, not an array of shape \(9, 8, 3\)"):
        second_order(picture(9, 8), 2, SecondOrder(), generator(0, 0))
    with pytest.raises(ValueError, match="expected RGB"):
        second_order(picture(8, 8, channels=1), 2, SecondOrder(), generator(0, 0))


def test_a_mix_draws_one_degradation_for_each_picture() -> None:
    high = picture(48, 48)
    parts = [SecondOrder(preset="web"), SecondOrder(preset="print"), SecondOrder(preset="clean")]
    mix = SecondOrder(mix=tuple(parts))
    seen = set()
    for number in range(24):
        draw = generator(5, number)
        which = int(draw.integers(3))
        seen.add(which)
        np.testing.assert_array_equal(
            second_order(high, 1, mix, generator(5, number)), second_order(high, 1, parts[which], draw)
        )
    assert seen == {0, 1, 2}


@pytest.mark.parametrize(("name", "value"), [("preset", "web"), ("final", {"probability": 0})])
def test_a_mix_has_no_options_of_its_own(name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=f"{name} cannot be combined with mix"):
        SecondOrder.model_validate({name: value, "mix": [{"preset": "print"}]})


def test_a_mix_survives_being_written_out_with_all_defaults() -> None:
    mix = SecondOrder.model_validate({"mix": [{"preset": "print"}, {"preset": "clean"}]})
    assert SecondOrder.model_validate(mix.model_dump(mode="json")) == mix


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_clean_only_averages_areas(scale: int) -> None:
    high = picture(32, 32)
    for number in range(3):
        low = second_order(high, scale, SecondOrder(preset="clean"), generator(0, number))
        assert np.abs(low - area(high, scale)).max() <= 0.51
        assert scale > 1 or np.array_equal(low, high)
