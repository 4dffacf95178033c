"""Degraded pairs are aligned, and the same in any order and with any worker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from restore.data.degradations.options import SecondOrder
from restore.data.degradations.patch import degraded_patch, shrink_around
from restore.data.folder import list_photos
from restore.data.sampling import generator, window
from restore.data.sources.degraded import DegradedPairs
from restore.errors import DataError
from tests.conftest import picture, save

QUIET = {
    "blur": {"probability": 0},
    "resize": {"up": 0, "down": 0, "filters": ["area"]},
    "noise": {"probability": 0},
    "jpeg": {"probability": 0},
}
NOTHING = SecondOrder.model_validate(
    {"first": QUIET, "second": QUIET, "final": {"probability": 0, "filters": ["area"]}}
)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_sides_are_aligned(tmp_path: Path, scale: int) -> None:
    """The pictures are barely larger than a patch, so that most windows are mirrored somewhere."""
    path = save(tmp_path / "x.png", picture(17 * scale + 1, 19 * scale))
    pairs = DegradedPairs([path], scale, 16, 0, NOTHING)
    for number in range(20):
        low, high = pairs.cut(number)
        assert high.shape == (16 * scale, 16 * scale, 3)
        np.testing.assert_allclose(low, high.reshape(16, scale, 16, scale, 3).mean(axis=(1, 3)), atol=0.51)


def test_the_patch_is_at_the_given_position() -> None:
    pixels = picture(80, 100)
    _, high = degraded_patch(pixels, (5, 10), 12, 2, NOTHING, generator(0, 0))
    np.testing.assert_array_equal(high, pixels[10:34, 20:44])


@pytest.mark.parametrize(("height", "width"), [(400, 600), (80, 100), (64, 200)])
def test_photographs_are_shrunk_by_factors_up_to_the_greatest(height: int, width: int) -> None:
    """On a ramp, the slope tells the factor, and each value the position."""
    ramp = np.broadcast_to(np.linspace(0, 255, width)[None, :, None], (height, width, 3)).round().astype(np.uint8)
    allowed = min(3.0, height / 64, width / 64)
    factors = []
    for number in range(60):
        part, corner = shrink_around(ramp, 16, 4, 3.0, generator(3, number))
        low, high = degraded_patch(part, corner, 16, 4, NOTHING, generator(4, number))
        assert low.shape == (16, 16, 3)
        assert high.shape == (64, 64, 3)
        np.testing.assert_allclose(low, high.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3)), atol=0.51)
        factors.append(float(np.polyfit(np.arange(64), high[0, :, 0].astype(float), 1)[0]) * (width - 1) / 255)
    # Rounding to whole pixels and levels changes a slope by a few percent.
    assert min(factors) >= 0.95
    assert max(factors) <= allowed * 1.05
    assert max(factors) - min(factors) >= 0.7 * (allowed - 1)


def test_a_shrunk_part_reaches_as_far_as_the_degradation_looks() -> None:
    """A part of a photograph that goes on has context on every side; there, nothing needs to be mirrored."""
    for number in range(40):
        part, (row, column) = shrink_around(picture(700, 700), 16, 2, 2.0, generator(5, number))
        for at, size in ((row, part.shape[0] // 2), (column, part.shape[1] // 2)):
            assert 0 <= at <= min(36, size - 16)
            assert size <= 16 + 72
            # Less on one side only if the photograph's border is there; then, it has as much on the other.
            assert at == 36 or size - at - 16 == 36


def test_jpeg_blocks_begin_anywhere_in_a_patch() -> None:
    """At the worst quality, a ramp has steps between blocks; they start at each of the 8 columns equally often."""
    coarse = SecondOrder.model_validate(
        {
            "first": QUIET,
            "second": {**QUIET, "jpeg": {"quality": [1, 1]}},
            "final": {"probability": 0, "filters": ["area"], "before_jpeg": 1},
        }
    )
    pixels = np.tile(np.linspace(0, 255, 200).astype(np.uint8)[None, :, None], (200, 1, 3))
    first = []
    for number in range(160):
        low, _ = degraded_patch(pixels, (20, 20), 32, 2, coarse, generator(0, number))
        steps = np.abs(np.diff(low.astype(int).sum(axis=2), axis=1)).sum(axis=0)
        first.append(int(np.argmax([steps[phase::8].mean() for phase in range(8)])))
    counts = np.bincount(first, minlength=8)
    assert counts.min() >= 8
    assert counts.max() <= 40


def test_samples_depend_on_seed_and_number_alone(photos: Path) -> None:
    paths = list_photos([photos])
    a = DegradedPairs(paths, 2, 12, 5, SecondOrder(preset="light"))
    b = DegradedPairs(paths, 2, 12, 5, SecondOrder(preset="light"), budget=0)
    forward = [a[i] for i in range(12)]
    backward = [b[i] for i in reversed(range(12))][::-1]
    (shared,) = DataLoader(b, batch_sampler=[list(range(12))], num_workers=1)
    for i in range(12):
        assert torch.equal(forward[i][0], backward[i][0])
        assert torch.equal(forward[i][1], backward[i][1])
        assert torch.equal(forward[i][0], shared[0][i])
    assert len({low.numpy().tobytes() for low, _ in forward}) == 12
    assert not torch.equal(forward[0][0], DegradedPairs(paths, 2, 12, 6, SecondOrder(preset="light"))[0][0])


def test_neighboring_samples_share_no_random_numbers() -> None:
    """If the sample number were the counter, they would share all numbers but four."""
    drawn = [generator(7, n).random(400) for n in range(3)]
    assert len(np.unique(drawn)) == 1200
    assert not np.array_equal(generator(7, 0).random(4), generator(8, 0).random(4))


def test_a_window_beyond_every_border_is_mirrored() -> None:
    pixels = picture(9, 8)
    np.testing.assert_array_equal(
        window(pixels, -30, -31, 70, 2), np.pad(pixels[:8], ((30, 32), (31, 31), (0, 0)), mode="symmetric")
    )


def test_photographs_too_small(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of 1 photographs.*32 x 32 pixels"):
        DegradedPairs([save(tmp_path / "x.png", picture(31, 90))], 2, 16, 0, SecondOrder())
