"""Exposure fusion shows the details of all exposures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restore.data.lighting.fusion import fuse
from restore.data.lighting.scenes import local_contrast
from tests.data.lighting.test_scenes import exposed, photo


def test_one_picture_is_itself() -> None:
    assert np.abs(fuse([photo(0)]).astype(int) - photo(0)).max() <= 1


def test_it_shows_what_one_exposure_alone_does_not() -> None:
    """A room with a window: short exposures show the view outside, long ones the room, and none shows both."""
    truth = photo(1, 224)
    room, window = np.s_[:, :112], np.s_[:, 112:]
    linear = (truth / 255.0) ** 2.2
    linear[window] *= 256  # brighter outside
    exposures = [
        np.round(255 * np.clip(linear * t, 0, 1) ** (1 / 2.2)).astype(np.uint8)
        for t in (1 / 256, 1 / 64, 1 / 16, 1 / 4, 1)
    ]
    fused = fuse(exposures)
    assert (fused.dtype, fused.shape) == (truth.dtype, truth.shape)

    def well_exposed(pixels: np.ndarray) -> bool:
        return all(45 < pixels[half].mean() < 215 for half in (room, window))

    assert not any(map(well_exposed, exposures))
    assert well_exposed(fused)
    for half in (room, window):
        there, wanted = (detail(pixels[half]).ravel() for pixels in (fused, truth))
        assert np.corrcoef(there, wanted)[0, 1] > 0.9


def detail(pixels: np.ndarray) -> np.ndarray:
    return local_contrast(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY).astype(np.float32))


def test_channels_stay_where_they_are() -> None:
    reddish = (photo(1) * [1.0, 0.5, 0.25]).astype(np.uint8)
    means = fuse([exposed(reddish, -1), reddish]).mean(axis=(0, 1))
    assert means[0] > means[1] > means[2]


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="of one size"):
        fuse([photo(0), photo(0)[:100]])
    with pytest.raises(ValueError, match="of one size"):
        fuse([])
