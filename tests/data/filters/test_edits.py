"""Edits by hand and other programs' renderings: what training draws besides the filters as published."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from restore.data.filters.edits import FAMILIES, edited, monotone
from restore.data.filters.instagram_css import INSTAGRAM_LOOKS, rendered
from restore.data.filters.library import find_filter
from restore.data.filters.options import DEFAULT_NAMES, PhotoFilters, draw_filter, filtered, label, open_filters
from restore.data.filters.renderings import another_look, another_rendering, blended_beyond
from restore.data.sampling import generator
from tests.conftest import picture


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("size", [(40, 70), (2, 1)])
def test_each_family_gives_a_picture_and_draws_again_another(name: str, size: tuple[int, int]) -> None:
    photo = picture(*size)
    draws = np.random.default_rng(0)
    made = [FAMILIES[name](photo, draws) for _ in range(8)]
    assert all(one.shape == photo.shape and one.dtype == np.uint8 for one in made)
    if photo.size > 100:
        assert len({one.tobytes() for one in made}) > 4
        assert max(np.abs(one.astype(int) - photo).mean() for one in made) > 1


def test_curves_rise() -> None:
    draws = np.random.default_rng(0)
    for _ in range(50):
        curve = monotone(draws, 0.5, 0.05)
        assert (np.diff(curve) >= 0).all()
        assert curve.min() >= 0
        assert curve.max() <= 1


def test_one_edit_is_the_same_for_one_seed() -> None:
    photo = picture(60, 60)
    first, same, other = (edited(photo, np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_every_filter_has_a_second_rendering() -> None:
    """And most are seen to be another than the first."""
    assert set(INSTAGRAM_LOOKS) == set(DEFAULT_NAMES)
    photo = picture(64, 96)
    apart = {
        name: np.abs(rendered(photo, INSTAGRAM_LOOKS[name]).astype(int) - find_filter(name)(photo)).mean()
        for name in DEFAULT_NAMES
    }
    # These are in the library as Instagram.css has them.
    assert max(apart.pop(name) for name in ("amaro", "hefe", "sutro")) < 2, "two programs for one definition"
    assert sum(value > 5 for value in apart.values()) > 20


def test_a_rendering_departs_but_keeps_the_character() -> None:
    photo = picture(64, 64)
    own, draws = find_filter("kelvin"), np.random.default_rng(1)
    made = [another_rendering(photo, "kelvin", own, draws).astype(int) for _ in range(20)]
    near = np.mean([np.abs(one - own(photo)).mean() for one in made])
    assert 2 < near < np.abs(own(photo).astype(int) - photo).mean()


def test_a_look_is_now_and_then_none() -> None:
    photo, draws = picture(48, 48), np.random.default_rng(0)
    changes = [np.abs(another_look(photo, draws).astype(int) - photo).mean() for _ in range(200)]
    assert 0.005 < np.mean(np.array(changes) == 0) < 0.2
    assert np.median(changes) > 1


def test_beyond_the_filter_is_clipped() -> None:
    before, after = np.full((1, 1, 3), 100, np.uint8), np.array([[[200, 90, 250]]], np.uint8)
    np.testing.assert_array_equal(blended_beyond(before, after, 1.2), [[[220, 88, 255]]])


def test_edits_and_renderings_are_drawn_as_often_as_asked() -> None:
    options = PhotoFilters(names=("aden", "rise"), untouched=0.3, edits=0.3, whole=1, exact=0.5, renderings=0.8)
    draws = [draw_filter(options, generator(0, number)) for number in range(3000)]
    assert np.mean([one.edit is not None for one in draws]) == pytest.approx(0.3, abs=0.03)
    assert np.mean([not one.layers and one.edit is None for one in draws]) == pytest.approx(0.3, abs=0.03)
    named = [one for one in draws if one.layers]
    assert np.mean([one.rendering is not None for one in named]) == pytest.approx(0.4, abs=0.04)
    assert {label(options, one) for one in draws if one.edit is not None} == {2}, "none of the filters"
    photo, known = picture(40, 40), open_filters(options, None)
    for one in draws[:40]:
        made = filtered(photo, one, known)
        np.testing.assert_array_equal(made, filtered(photo, one, known))
        assert made.shape == photo.shape


def test_without_them_all_is_drawn_as_before() -> None:
    plain = PhotoFilters(untouched=0.2, exact=0.5)
    draws = [draw_filter(plain, generator(0, number)) for number in range(50)]
    assert all(one.edit is None and one.rendering is None for one in draws)
    with_looks = plain.model_copy(update={"looks": 0.5})
    for number, one in enumerate(draws):
        again = draw_filter(with_looks, generator(0, number))
        assert again.layers == one.layers
        np.testing.assert_array_equal(again.gain, one.gain)


def test_shares_above_one_are_refused() -> None:
    with pytest.raises(ValidationError, match="above 1"):
        PhotoFilters(untouched=0.6, edits=0.5)
