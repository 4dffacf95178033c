"""Exposure sequences are split where the scene changes, at any brightness."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from restore.data.lighting.scenes import displacement, find_scenes, local_contrast
from restore.errors import DataError
from tests.conftest import SAMPLES, picture, save


def photo(number: int, side: int = 256) -> np.ndarray:
    """Crops of the sample pictures, for realistic structure."""
    paths = sorted(p for p in SAMPLES.rglob("*") if p.suffix in {".jpg", ".png"})
    pixels = cv2.imread(str(paths[number % len(paths)]))[..., ::-1]
    start = 40 * (number // len(paths))
    return np.ascontiguousarray(pixels[start : start + side, start : start + side])


def exposed(pixels: np.ndarray, stops: float) -> np.ndarray:
    """Simulate a change of exposure by a number of stops: scale and clip linear light."""
    linear = (pixels / 255.0) ** 2.2 * 2**stops
    return np.round(255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)


def sequence(folder: Path, *scenes: list[np.ndarray]) -> list[Path]:
    pictures = [one for scene in scenes for one in scene]
    return [save(folder / f"{i:03}.png", pixels) for i, pixels in enumerate(pictures)]


def test_scenes_are_cut_whatever_the_order_of_the_light(tmp_path: Path) -> None:
    a = [exposed(photo(0), stops) for stops in (-5, -3, -1, 0, 2, 4)]
    b = [exposed(photo(1), stops) for stops in (0, 3, -4)]
    c = [exposed(photo(2), stops) for stops in (-2,)]
    d = [exposed(photo(3), stops) for stops in (1, -1)]
    found = find_scenes(sequence(tmp_path, a, b, c, d))
    assert [[p.stem for p in scene.paths] for scene in found] == [
        ["000", "001", "002", "003", "004", "005"],
        ["006", "007", "008"],
        ["009"],
        ["010", "011"],
    ]
    assert all(all(scene.alike) for scene in found)
    assert found[0].means == sorted(found[0].means)
    assert [p.stem for p in found[1].usable()] == ["008", "006", "007"], "dark to bright"


def test_a_picture_that_was_moved_is_of_the_scene_and_not_used(tmp_path: Path) -> None:
    whole = photo(0, 300)
    moved = [whole[:256, :256], exposed(whole[:256, :256], 1), exposed(whole[4:260, 3:259], -1)]
    (scene,) = find_scenes(sequence(tmp_path, moved))
    assert scene.alike == [True, True, False]
    assert [p.stem for p in scene.usable()] == ["000", "001"]


def test_another_view_is_another_scene(tmp_path: Path) -> None:
    whole = photo(0, 400)
    assert len(find_scenes(sequence(tmp_path, [whole[:256, :256], whole[100:356, 60:316]]))) == 2


def test_another_size_is_another_scene(tmp_path: Path) -> None:
    assert len(find_scenes(sequence(tmp_path, [photo(0), photo(0)[:, :200]]))) == 2


def test_nothing_but_black_white_and_noise(tmp_path: Path) -> None:
    black, white = np.zeros((128, 128, 3), np.uint8), np.full((128, 128, 3), 255, np.uint8)
    noise = [np.random.default_rng(i).integers(0, 256, (128, 128, 3), dtype=np.uint8) for i in range(2)]
    found = find_scenes(sequence(tmp_path, [picture(128, 128)], [black], [white], [noise[0]], [noise[1]]))
    assert len(found) == 5
    with pytest.raises(DataError, match="no pictures"):
        find_scenes([])


def test_displacement_is_in_pixels_and_does_not_see_the_light() -> None:
    whole = cv2.cvtColor(photo(0, 300), cv2.COLOR_RGB2GRAY)
    bright = cv2.cvtColor(exposed(photo(0, 300), 1.5), cv2.COLOR_RGB2GRAY)
    a, b = (local_contrast(p.astype(np.float32)) for p in (whole[:256, :256], bright[3:259, 4:260]))
    distance, peak = displacement(a, b)
    assert distance == pytest.approx(5, abs=0.3)
    assert peak > 0.3
