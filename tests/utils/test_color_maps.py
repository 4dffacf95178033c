"""Color maps and colors of plots: even to the eye, and apart for color-blind readers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from restore.imaging.color.conversions import srgb_to_lab
from restore.metrics.ciede2000 import delta_e
from restore.utils.plotting import PALETTE
from tests.utils.color_maps import (
    BLINDNESS,
    colors_at,
    differences,
    lightness_slopes,
    page_map,
    seen_by,
    sine_contrast,
    sine_on_ramp,
)

# How far a step may be from the mean step, as a share of it: the map's rounding, and its interpolation in sRGB.
TOLERANCE, BETWEEN = 0.03, 0.1


def unevenness(steps: np.ndarray) -> float:
    """The largest deviation of a step from the mean, as a share of it."""
    return float(np.abs(steps / steps.mean() - 1).max())


def named(name: str, count: int = 33) -> np.ndarray:
    matplotlib = pytest.importorskip("matplotlib")
    return matplotlib.colormaps[name](np.linspace(0, 1, count))[:, :3]


def test_the_lightness_of_our_map_rises_evenly() -> None:
    assert unevenness(lightness_slopes(page_map())) < TOLERANCE
    assert unevenness(differences(page_map())) < TOLERANCE
    assert np.ptp(srgb_to_lab(page_map())[:, 0]) > 90


def test_so_does_what_the_page_shows_between_the_steps() -> None:
    """In 129 colors, of which every other one is interpolated."""
    assert unevenness(lightness_slopes(colors_at(page_map(), np.linspace(0, 1, 129)))) < BETWEEN


@pytest.mark.parametrize("name", ["jet", "hot", "inferno", "gray"])
def test_other_maps_fail_the_same_check(name: str) -> None:
    """Inferno is even by another formula, and its darkest colors are not by CIEDE2000."""
    assert unevenness(lightness_slopes(named(name))) > 2 * BETWEEN


def test_a_sine_on_a_ramp_is_equally_visible_everywhere() -> None:
    shown = colors_at(page_map(), sine_on_ramp()[0])
    assert unevenness(sine_contrast(shown)) < BETWEEN


def test_jet_hides_the_sine_and_turns_it_over() -> None:
    contrast = sine_contrast(colors_at(named("jet", 256), sine_on_ramp()[0]))
    assert contrast.min() < -0.5 * np.abs(contrast).mean()
    assert np.abs(contrast).min() < 0.1 * np.abs(contrast).mean()


def test_the_sine_fades_to_nothing() -> None:
    test_picture = sine_on_ramp()
    np.testing.assert_allclose(np.diff(test_picture[-1]), np.diff(test_picture[-1])[0])
    middle = np.abs(sine_contrast(colors_at(page_map(), test_picture[32])))
    assert 0 < middle.mean() < 0.4 * sine_contrast(colors_at(page_map(), test_picture[0])).mean()


@pytest.mark.parametrize("kind", BLINDNESS)
def test_our_map_stays_even_enough_for_color_blind_readers(kind: str) -> None:
    """Lightness still rises by more than half at every step, and no step is lost."""
    seen = seen_by(kind, page_map())
    assert lightness_slopes(seen).min() > 0.6 * lightness_slopes(seen).mean()
    assert differences(seen).min() > 0.45 * differences(seen).mean()
    jet = seen_by(kind, named("jet"))
    assert lightness_slopes(jet).min() < 0, "the check tells a bad map"


@pytest.mark.parametrize("kind", [None, *BLINDNESS])
def test_colors_of_plots_stay_apart(kind: str | None) -> None:
    hexes = [color.lstrip("#") for color in PALETTE]
    ours = np.array([[int(color[i : i + 2], 16) / 255 for i in (0, 2, 4)] for color in hexes])
    colors = ours if kind is None else seen_by(kind, ours)
    assert closest(colors) > 12
    lab = srgb_to_lab(colors)
    assert delta_e(lab, np.broadcast_to([100.0, 0, 0], lab.shape)).min() > 25, "a color is lost on white"


def test_matplotlibs_own_colors_do_not() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    usual = np.array(matplotlib.colormaps["tab10"].colors)[:7]
    assert min(closest(seen_by(kind, usual)) for kind in BLINDNESS) < 5


def closest(colors: np.ndarray) -> float:
    """The smallest CIEDE2000 between two of the colors (n, 3)."""
    lab = srgb_to_lab(colors)
    return min(float(delta_e(one, other)) for one, other in itertools.combinations(lab, 2))
