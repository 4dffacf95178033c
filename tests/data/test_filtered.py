"""Filtered photographs for training: random filters and their labels."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from restore.data.dataset import InterleavedDataset
from restore.data.filters.cube import read_cube
from restore.data.filters.library import find_filter
from restore.data.filters.options import (
    DEFAULT_NAMES,
    Draw,
    PhotoFilters,
    draw_filter,
    filtered,
    label,
    open_filters,
    varied,
)
from restore.data.sampling import generator
from restore.data.sources.filtered import FilteredPairs
from restore.errors import FilterError
from restore.training.data_loading import _collate
from tests.conftest import picture, save
from tests.data.filters.test_filters import cube

PLAIN = Draw([], np.ones(3), np.ones(3))


def test_what_is_drawn_is_as_often_as_it_should() -> None:
    options = PhotoFilters(names=("aden", "rise"), untouched=0.25, whole=0.5, strength=(0.2, 0.4), second=0.5)
    draws = [draw_filter(options, generator(0, number)) for number in range(2000)]
    counts = np.bincount([len(one.layers) for one in draws]) / 2000
    np.testing.assert_allclose(counts, [0.25, 0.375, 0.375], atol=0.04)
    strengths = np.array([strength for one in draws for _, strength in one.layers])
    assert np.mean(strengths == 1) == pytest.approx(0.5, abs=0.04)
    rest = strengths[strengths < 1]
    assert 0.2 <= rest.min() < 0.21 < 0.39 < rest.max() <= 0.4
    assert {label(options, one) for one in draws} == {-1, 0, 1, 2}
    none = [one for one in draws if not one.layers]
    assert all(label(options, one) == 2 and (one.gain == 1).all() and (one.gamma == 1).all() for one in none)
    gains = np.array([one.gain for one in draws if one.layers])
    assert 0.025 < np.abs(gains - 1).max() <= 0.03


def test_a_share_of_the_whole_ones_stays_as_published() -> None:
    """It changes no other draws, so that recipes without it see the same samples as before."""
    options = PhotoFilters(names=("aden", "rise"), untouched=0.1, whole=0.5, second=0.3)
    some = options.model_copy(update={"exact": 0.75})
    draws = [(draw_filter(options, generator(0, i)), draw_filter(some, generator(0, i))) for i in range(2000)]
    assert all(before.layers == after.layers for before, after in draws)
    changed = [one for _, one in draws if (one.gain != 1).any() or (one.gamma != 1).any()]
    by = [[strength == 1 for _, strength in one.layers] for one in changed]
    whole = [after for _, after in draws if after.layers and all(strength == 1 for _, strength in after.layers)]
    assert sum(all(one) for one in by) / len(whole) == pytest.approx(0.25, abs=0.05)
    assert len(changed) - sum(all(one) for one in by) == sum(
        any(strength < 1 for _, strength in after.layers) for _, after in draws
    )


def test_what_was_drawn_is_laid_over() -> None:
    photo = picture(30, 40)
    filters = open_filters(PhotoFilters(), Path())
    np.testing.assert_array_equal(filtered(photo, PLAIN, filters), photo)
    two = filtered(photo, PLAIN._replace(layers=[("lofi", 1.0), ("rise", 1.0)]), filters)
    np.testing.assert_array_equal(two, find_filter("rise")(find_filter("lofi")(photo)))
    gain, gamma = np.array([0.9, 1.1, 1.0]), np.array([1.0, 1.0, 1.2])
    expected = np.round(255 * np.clip(gain * (photo / 255) ** gamma, 0, 1))
    np.testing.assert_array_equal(filtered(photo, Draw([], gain, gamma), filters), expected)


def test_pairs_and_their_labels(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{i}.png", picture(60, 70, seed=i)) for i in range(2)]
    options = PhotoFilters(jitter=0, whole=1)
    pairs, again = FilteredPairs(paths, 32, 3, options), FilteredPairs(paths, 32, 3, options, budget=0)
    names = [*DEFAULT_NAMES, None]
    for number in range(40):
        low, high = pairs.cut(number)
        assert low.shape == high.shape == (32, 32, 3)
        name = names[pairs.label(number)]
        np.testing.assert_array_equal(low, find_filter(name)(high) if name else high)
        np.testing.assert_array_equal(low, again.cut(number)[0])
    both = InterleavedDataset([pairs, again])
    assert [both.label(number) for number in range(6)] == [pairs.label(number // 2) for number in range(6)]


def test_the_photographs_themselves_may_vary(tmp_path: Path) -> None:
    paths = [save(tmp_path / "0.png", picture(60, 70))]
    plain, most = PhotoFilters(jitter=0, whole=1), 0.1
    pairs = FilteredPairs(paths, 32, 3, plain)
    other = FilteredPairs(paths, 32, 3, plain.model_copy(update={"vary": most}))
    names = [*DEFAULT_NAMES, None]
    for number in range(20):
        low, high = other.cut(number)
        assert other.label(number) == pairs.label(number)
        name = names[other.label(number)]
        np.testing.assert_array_equal(low, find_filter(name)(high) if name else high)
        assert not np.array_equal(high, pairs.cut(number)[1])


@pytest.mark.parametrize("seed", range(5))
def test_a_photograph_varies_by_gain_gamma_and_saturation(seed: int) -> None:
    photo, most = picture(30, 40, seed=seed), 0.1
    draw = generator(seed, 0)
    gain, gamma = (1 + draw.uniform(-most, most, 3) for _ in range(2))
    saturation = 1 + draw.uniform(-2 * most, 2 * most)
    curved = 255 * np.clip(gain * (photo / 255) ** gamma, 0, 1)
    luma = curved @ [0.299, 0.587, 0.114]
    expected = np.clip(luma[..., None] + saturation * (curved - luma[..., None]), 0, 255)
    np.testing.assert_allclose(varied(photo, most, generator(seed, 0)), expected, atol=1.5)
    np.testing.assert_array_equal(varied(photo, 0, generator(seed, 0)), photo)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"names": ["claredon"]}, "did you mean 'clarendon'"),
        ({"names": ["aden", "aden"]}, "each filter may appear only once"),
        ({"names": ["a/film.cube", "b/film.cube"]}, "tables count by file name"),
        ({"names": ["moon", "moon.cube"]}, "tables count by file name"),
        ({"names": ["none.cube"]}, "'none' is reserved"),
        ({"names": ["a\u202eb.cube"]}, "cannot be displayed"),
        ({"names": []}, "at least 1"),
        ({"strength": [0.8, 0.4]}, "from the smaller to the larger"),
        ({"strength": [0.8, 1.4]}, "from the smaller to the larger"),
        ({"quality": [0, 90]}, "from the smaller to the larger on 1..100"),
        ({"quality": [90, 80]}, "from the smaller to the larger on 1..100"),
    ],
)
def test_options_are_checked(values: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PhotoFilters(**values)


def test_lookup_tables_are_filters(tmp_path: Path) -> None:
    """Tables lie below the data folder and are named after their files; worker processes get them by pickle."""
    paths = [save(tmp_path / "0.png", picture(60, 70))]
    (tmp_path / "looks").mkdir()
    tables = [cube(tmp_path / "looks/film.cube", 5, lambda c: c**1.5), tmp_path / "curves.CUBE"]
    tables[1].write_text("LUT_1D_SIZE 2\n1 1 1\n0 0 0\n")
    options = PhotoFilters(names=("looks/film.cube", "moon", "curves.CUBE"), jitter=0, whole=1)
    assert options.kinds() == ("film", "moon", "curves", "none")
    pairs = FilteredPairs(paths, 32, 3, options, root=tmp_path)
    again = pickle.loads(pickle.dumps(pairs))
    laid = [read_cube(tables[0]), find_filter("moon"), read_cube(tables[1]), None]
    seen = set()
    for number in range(60):
        low, high = pairs.cut(number)
        function = laid[pairs.label(number)]
        seen.add(pairs.label(number))
        np.testing.assert_array_equal(low, high if function is None else function(high))
        np.testing.assert_array_equal(low, again.cut(number)[0])
    assert seen == {0, 1, 2, 3}
    with pytest.raises(FilterError, match=r"film\.cube: cannot be read"):
        FilteredPairs(paths, 32, 3, options, root=tmp_path / "elsewhere")


def test_some_were_saved_as_jpeg(tmp_path: Path) -> None:
    """As saved by Pillow, at every quality of the range; all other inputs, the targets and the labels are unchanged."""
    paths = [save(tmp_path / "0.png", picture(60, 70))]
    plain = PhotoFilters(names=("toaster",), jitter=0, whole=1)
    pairs = FilteredPairs(paths, 32, 3, plain)
    some = FilteredPairs(paths, 32, 3, plain.model_copy(update={"posted": 0.4, "quality": (70, 72)}))
    found = []
    for number in range(300):
        (low, high), (other, same) = pairs.cut(number), some.cut(number)
        np.testing.assert_array_equal(high, same)
        assert pairs.label(number) == some.label(number)
        found.append(next((q for q in (70, 71, 72) if np.array_equal(other, saved(low, q))), 0))
        assert found[-1] or np.array_equal(other, low)
    shares = np.bincount(found, minlength=73)[[0, 70, 71, 72]] / 300
    np.testing.assert_allclose(shares, [0.6, 0.4 / 3, 0.4 / 3, 0.4 / 3], atol=0.07)


def test_some_were_made_half_as_large(tmp_path: Path) -> None:
    """Together with their targets, and before saving; each pixel is then repeated four times."""
    paths = [save(tmp_path / "0.png", picture(60, 70))]
    plain = PhotoFilters(names=("toaster",), jitter=0, whole=1)
    pairs = FilteredPairs(paths, 32, 3, plain)
    some = FilteredPairs(paths, 32, 3, plain.model_copy(update={"reduced": 0.4, "posted": 1, "quality": (80, 80)}))
    smaller = 0
    for number in range(200):
        (low, high), (other, target) = pairs.cut(number), some.cut(number)
        if np.array_equal(target, high):
            np.testing.assert_array_equal(other, saved(low, 80))
            continue
        smaller += 1
        low, high = (one.reshape(16, 2, 16, 2, 3).mean((1, 3)) for one in (low, high))
        np.testing.assert_array_equal(target[::2, ::2], np.floor(high + 0.5))
        np.testing.assert_array_equal(other[::2, ::2], saved(np.floor(low + 0.5).astype(np.uint8), 80))
        for one in (other, target):
            np.testing.assert_array_equal(one, one[::2, ::2].repeat(2, 0).repeat(2, 1))
    assert smaller / 200 == pytest.approx(0.4, abs=0.09)


def saved(pixels: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=quality, subsampling="4:2:0")
    return np.asarray(Image.open(file))


@pytest.mark.filterwarnings("error")
def test_as_tensors_they_are_writable_with_the_channels_last(tmp_path: Path) -> None:
    """Arrays from Pillow are read-only, of which torch would warn once in each process that loads data."""
    paths = [save(tmp_path / "0.png", picture(60, 70))]
    pairs = FilteredPairs(paths, 32, 3, PhotoFilters(jitter=0, whole=1, untouched=0))
    for number in range(8):
        for tensor, array in zip(pairs[number], pairs.cut(number), strict=True):
            np.testing.assert_array_equal(tensor.permute(1, 2, 0).numpy(), array)
            assert tensor.stride()[0] == 1
            tensor += 1
    assert _collate([pairs.draw(0), pairs.draw(1)])[0].is_contiguous(memory_format=torch.channels_last)
