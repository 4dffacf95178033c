"""Noise that is a function of the place and the seed."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restore.jobs.pace import _Timed
from restore.runtime.conditioning import PictureAside
from restore.runtime.noise import noise_field
from restore.runtime.pixels import FloatNetwork
from restore.runtime.tiling import Span, Tile
from restore.spec import ModelSpec
from tests.conftest import picture

places = st.integers(-300, 5000)
sides = st.integers(1, 30)


@settings(max_examples=40, deadline=None)
@given(places, places, sides, sides, st.integers(0, 29), st.integers(0, 29), st.integers(0, 2**32 - 1))
def test_a_part_is_cut_from_the_whole(
    top: int, left: int, height: int, width: int, down: int, across: int, seed: int
) -> None:
    whole = noise_field(range(top, top + down + height), range(left, left + across + width), seed)
    part = noise_field(range(top + down, top + down + height), range(left + across, left + across + width), seed)
    assert part.shape == (1, 3, height, width)
    assert part.dtype == np.float32
    assert np.array_equal(whole[:, :, down:, across:], part)


def test_it_is_normal_and_independent() -> None:
    values = noise_field(range(256), range(257), 5)[0]
    ordered = np.sort(values.ravel())
    wanted = [NormalDist().inv_cdf(share) for share in (0.01, 0.2, 0.5, 0.8, 0.99)]
    np.testing.assert_allclose(np.quantile(ordered, [0.01, 0.2, 0.5, 0.8, 0.99]), wanted, atol=0.02)
    assert len(np.unique(values)) > 50_000
    pairs = [
        (values[:, 1:], values[:, :-1]),
        (values[:, :, 1:], values[:, :, :-1]),
        (values[:, :, 4:], values[:, :, :-4]),
        (values[0], values[1]),
        (values[1], values[2]),
        (values, noise_field(range(256), range(257), 6)[0]),
    ]
    for one, other in pairs:
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.02


def test_it_is_the_same_on_every_machine() -> None:
    """Runs on several machines make one job: the generator and what is made of its numbers may not change."""
    found = noise_field(range(1), range(2), 1)[0, :, 0]
    wanted = [[-0.551288, 0.156207], [0.415369, -1.594089], [1.078849, -2.336111]]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("scale", [1, 3])
def test_tiles_get_that_of_their_place_behind_the_border(scale: int) -> None:
    spec = ModelSpec(scale=scale, halo=4, border=2, noise=True, seed=3)
    aside = PictureAside(picture(20, 30), spec)
    found = aside.of(Tile(Span(0, 12, 0, 8), Span(5, 20, 9, 16)), border=2)["noise"]
    wanted = noise_field(range(-2 * scale, 10 * scale), range(3 * scale, 18 * scale), 3)
    assert np.array_equal(found, wanted)


def test_a_piece_of_a_tile_is_tried_with_a_piece_of_its_noise() -> None:
    spec, seen = ModelSpec(scale=2, halo=4, noise=True), []

    def network(batch: np.ndarray, noise: np.ndarray) -> np.ndarray:
        seen.append((batch.shape, noise.shape))
        return noise

    model = FloatNetwork(network, spec)
    pixels = picture(300, 320)[None]
    beside = PictureAside(pixels[0], spec).of(Tile(Span(0, 300, 0, 300), Span(0, 320, 0, 320)))
    _Timed(model, lambda *_, **__: None).enlarge(pixels, beside)
    assert len(seen) == 2
    assert all(given[2:] == (2 * shape[2], 2 * shape[3]) for shape, given in seen)
