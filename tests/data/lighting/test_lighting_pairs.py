"""Views of input and target are aligned; samples depend only on the seed and their number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restore.data.lighting.backlight import Backlight, low_key
from restore.data.lighting.fusion import fuse
from restore.data.lighting.scenes import find_scenes
from restore.data.lighting.views import View
from restore.data.sampling import generator
from restore.data.sources.backlit import BacklitPairs, backlit_samples
from restore.data.sources.exposures import (
    ExposurePairs,
    in_sequence,
    inputs,
    middle_and_reference,
    usable_scenes,
)
from restore.errors import DataError
from restore.imaging.decode import read_rgb8
from tests.conftest import picture, save
from tests.data.lighting.test_scenes import exposed, photo, sequence


@pytest.fixture
def exposures(tmp_path: Path) -> list[Path]:
    scenes = [[exposed(photo(i, 160), stops) for stops in (-4, -2, 0, 2)] for i in range(3)]
    return sequence(tmp_path, *scenes, [exposed(photo(3, 160), 0)])


def test_a_view_is_large_and_the_same_of_both() -> None:
    draw, seen = np.random.default_rng(0), set()
    y, x = np.mgrid[:90, :120]
    ramp = np.stack([y, x, y + x], axis=-1).astype(np.uint8)
    for _ in range(200):
        one = View(90, 120, 30, draw)
        small = one.of(ramp)
        assert small.shape == (30, 30, 3)
        np.testing.assert_array_equal(small, one.of(ramp))
        height = int(small[..., 0].max()) - int(small[..., 0].min())
        assert height >= 45 - 4
        seen.add((int(small[0, 0, 0]), small[0, 0, 1] > small[0, -1, 1]))
    assert len(seen) > 40
    assert {mirrored for _, mirrored in seen} == {True, False}


def test_backlit_pairs(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{i}.png", picture(80, 100, seed=i)) for i in range(3)]
    small = save(tmp_path / "small.png", picture(20, 100))
    pairs = BacklitPairs([small, *paths], 48, 5, Backlight(stops=(2, 3), glare=(0, 0), untouched=0))
    for number in range(12):
        low, high = pairs.cut(number)
        assert low.shape == high.shape == (48, 48, 3)
        assert low.mean() < high.mean()
        again = BacklitPairs([small, *paths], 48, 5, Backlight(stops=(2, 3), glare=(0, 0), untouched=0), budget=0).cut(
            number
        )
        np.testing.assert_array_equal(low, again[0])
        np.testing.assert_array_equal(high, again[1])
    with pytest.raises(DataError, match="none of 1 photographs has 48 pixels on its shorter side"):
        BacklitPairs([small], 48, 5, Backlight())


def test_what_is_dark_already_is_no_target(tmp_path: Path) -> None:
    bright = save(tmp_path / "bright.png", picture(60, 60))
    dark = save(tmp_path / "dark.png", (0.2 * picture(60, 60)).astype(np.uint8))
    pairs = BacklitPairs([bright, dark], 48, 0, Backlight())
    assert min(pairs.cut(number)[1].mean() for number in range(40)) > 100
    assert {int(BacklitPairs([dark], 48, 0, Backlight()).cut(n)[1].mean()) < 40 for n in range(4)} == {True}
    either = BacklitPairs([bright, dark], 48, 0, Backlight(least=0))
    assert 8 < sum(either.cut(number)[1].mean() < 100 for number in range(40)) < 32
    bright_alone = backlit_samples([bright, dark], 48, Backlight(), 0)
    assert [sample.name for sample in bright_alone] == ["bright"]
    assert [sample.name for sample in backlit_samples([dark], 48, Backlight(), 0)] == ["dark"]


def test_what_is_dark_on_purpose_is_shown_as_it_is(tmp_path: Path) -> None:
    """A photograph that is black with bright parts; other dark photographs are not used."""
    low_key_photo = np.zeros((60, 60, 3), np.uint8)
    low_key_photo[:, :20] = 200
    low_key_photo[30:, 20:] = 4
    dark = (0.2 * picture(60, 60)).astype(np.uint8)
    paths = [save(tmp_path / f"{i}.png", x) for i, x in enumerate((picture(60, 60), low_key_photo, dark))]
    options = Backlight(low_key=0.2, untouched=0)
    pairs = BacklitPairs(paths, 60, 0, options)
    purpose = 0
    for number in range(40):
        low, high = pairs.cut(number)
        if high.mean() < 100:
            np.testing.assert_array_equal(low, high)
            assert (high < 16).mean() > 0.5
            purpose += 1
        else:
            assert not np.array_equal(low, high)
    assert 10 < purpose < 30
    assert low_key(low_key_photo, options)
    assert not low_key(dark, options), "nothing in it is bright"
    assert not low_key(low_key_photo, Backlight(untouched=0))
    assert not low_key(picture(60, 60), options)


def test_exposure_pairs(exposures: list[Path]) -> None:
    scenes = usable_scenes(find_scenes(exposures))
    assert [len(scene.paths) for scene in scenes] == [4, 4, 4], "the single exposure has no reference"
    pairs = ExposurePairs(scenes, 64, 0)
    again = ExposurePairs(scenes, 64, 0, budget=0)
    darker = 0
    for number in range(20):
        low, high = pairs.cut(number)
        assert low.shape == high.shape == (64, 64, 3)
        darker += low.mean() < high.mean()
        np.testing.assert_array_equal(low, again.cut(number)[0])
        np.testing.assert_array_equal(high, again.cut(number)[1])
    assert darker >= 15
    with pytest.raises(DataError, match="no scene has 3 or more aligned exposures"):
        ExposurePairs([], 64, 0)


def test_what_is_well_exposed_may_be_its_own_input(exposures: list[Path]) -> None:
    scenes = usable_scenes(find_scenes(exposures))
    plain, some = ExposurePairs(scenes, 64, 0), ExposurePairs(scenes, 64, 0, well_exposed=0.4)
    same = 0
    for number in range(60):
        low, high = some.cut(number)
        np.testing.assert_array_equal(high, plain.cut(number)[1])
        same += np.array_equal(low, high)
        assert np.array_equal(low, high) or np.array_equal(low, plain.cut(number)[0])
    assert 14 < same < 34


def test_an_exposure_as_bright_as_its_reference_stays(exposures: list[Path]) -> None:
    scenes = usable_scenes(find_scenes(exposures))
    plain, some = ExposurePairs(scenes, 64, 0), ExposurePairs(scenes, 64, 0, as_bright=0.5)
    stayed = 0
    for number in range(60):
        (low, high), (same, target) = plain.cut(number), some.cut(number)
        np.testing.assert_array_equal(low, same)
        stays = np.array_equal(low, target)
        assert stays or np.array_equal(high, target)
        assert stays == (low.mean() >= 0.5 * high.mean()) or abs(low.mean() - 0.5 * high.mean()) < 8
        stayed += stays
    assert 5 < stayed < 55


def test_what_is_much_too_bright_is_no_input(exposures: list[Path]) -> None:
    scene = find_scenes(exposures)[0]
    taken = [read_rgb8(path) for path in scene.usable()]
    reference = fuse(taken)
    chosen = inputs(taken, reference)
    assert 0 in chosen
    assert 3 not in chosen
    low, high = middle_and_reference(scene)
    np.testing.assert_array_equal(high, reference)
    assert any(np.array_equal(low, taken[i]) for i in chosen)
    white = [np.full((8, 8, 3), 255, np.uint8)] * 3
    assert inputs(white, np.zeros((8, 8, 3), np.uint8)) == [0]


def test_the_order_of_a_sequence_is_by_number() -> None:
    names = ["b/1.jpg", "a/10.jpg", "a/9.jpg", "a/x2y10.jpg", "a/x2y9.jpg"]
    assert [p.as_posix() for p in in_sequence([Path(n) for n in names])] == [
        "a/9.jpg",
        "a/10.jpg",
        "a/x2y9.jpg",
        "a/x2y10.jpg",
        "b/1.jpg",
    ]


def test_generators_are_not_shared() -> None:
    """Two sample numbers of one seed give different positions."""
    first, second = (View(500, 500, 50, generator(0, n)) for n in (0, 1))
    assert vars(first) != vars(second)
