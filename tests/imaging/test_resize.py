"""resize against MATLAB's imresize: golden values, an independent implementation, properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from restore.imaging.resize import modcrop, resize, resize_matrix, shrink
from tests.conftest import picture


def matlab_doubles(values: list[float], scale: float) -> np.ndarray:
    """imresize of one column of doubles, written out from its definition sample by sample."""
    n = len(values)
    out = []
    for i in range(int(np.ceil(n * scale))):
        u = (i + 1) / scale + 0.5 * (1 - 1 / scale)
        k = min(scale, 1.0)
        total = weight_sum = 0.0
        for j in range(int(np.floor(u - 2 / k)) - 1, int(np.ceil(u + 2 / k)) + 2):
            x = abs((u - j) * k)
            w = 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else (-0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0)
            m = j - 1
            while not 0 <= m < n:  # mirror, the edge counted twice
                m = -m - 1 if m < 0 else 2 * n - 1 - m
            total += w * values[m]
            weight_sum += w
        out.append(total / weight_sum)
    return np.array(out)


@pytest.mark.parametrize("scale", [0.5, 0.25, 1 / 3, 2, 3, 4, 0.7])
@pytest.mark.parametrize("length", [1, 2, 5, 12, 37])
def test_agrees_with_the_definition(length: int, scale: float) -> None:
    values = np.random.default_rng(length).random(length)
    got = resize(values[:, None].repeat(3, axis=1), scale)
    np.testing.assert_allclose(got[:, 0], matlab_doubles(list(values), scale), atol=1e-12)


def test_golden_halving() -> None:
    """imresize([0 10 20 30 40 50 60 70]', 0.5), its antialiased weights being [-3 -9 29 111 111 29 -9 -3] / 256."""
    taps = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256
    ramp = np.arange(0, 80, 10.0)
    mirrored = np.pad(ramp, 4, mode="symmetric")
    wanted = [taps @ mirrored[2 * i + 1 : 2 * i + 9] for i in range(4)]
    np.testing.assert_allclose(resize(ramp[:, None], 0.5)[:, 0], wanted, atol=1e-12)


def test_integers_are_rounded_after_each_axis() -> None:
    """As imresize does: only so do the benchmarks' low-resolution files come out to the last bit."""
    image = picture(64, 48)
    columns = np.stack([[matlab_doubles(list(image[:, x, c]), 0.5) for x in range(48)] for c in range(3)])
    columns = np.floor(np.clip(columns, 0, 255) + 0.5).transpose(2, 1, 0)
    rows = np.stack([[matlab_doubles(list(columns[y, :, c]), 0.5) for y in range(32)] for c in range(3)])
    wanted = np.floor(np.clip(rows, 0, 255) + 0.5).transpose(1, 2, 0)
    np.testing.assert_array_equal(resize(image, 0.5), wanted)


def test_agrees_with_basicsr() -> None:
    pytest.importorskip("torchvision")
    from restore.networks.basicsr_adapter import basicsr_module

    matlab = basicsr_module("utils.matlab_functions")
    image = picture(60, 84).astype(np.float32) / 255
    for scale in (0.5, 0.25, 1 / 3, 2.0):
        np.testing.assert_allclose(resize(image, scale), matlab.imresize(image, scale), atol=2e-6)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 3))),
    st.sampled_from([0.25, 0.5, 2, 3]),
)
def test_properties(image: np.ndarray, scale: float) -> None:
    out = resize(image, scale)
    assert out.dtype == image.dtype
    assert out.shape[:2] == tuple(int(np.ceil(n * scale)) for n in image.shape[:2])
    flat = np.full_like(image, 77)
    assert (resize(flat, scale) == 77).all()  # the weights sum to one


@pytest.mark.parametrize("scale", [0.5, 0.25, 2])
def test_flips_commute(scale: float) -> None:
    image = picture(32, 48).astype(np.float64)
    np.testing.assert_allclose(resize(image[::-1, ::-1], scale), resize(image, scale)[::-1, ::-1], atol=1e-9)


def test_16_bit_keeps_its_type_and_range() -> None:
    image = np.random.default_rng(0).integers(0, 65536, (16, 16, 3), dtype=np.uint16)
    out = resize(image, 2)
    assert out.dtype == np.uint16
    assert out.max() > 60_000


def test_matrix_is_the_same_resize() -> None:
    matrix = resize_matrix(48, 0.25)
    both = matrix @ np.random.default_rng(1).random((48, 48)) @ matrix.T
    np.testing.assert_allclose(both, resize(np.random.default_rng(1).random((48, 48)), 0.25), atol=1e-5)
    np.testing.assert_array_equal(resize_matrix(48, 0.25, 2, 5), matrix[2:7])


@pytest.mark.parametrize("bad", [0, -1, float("nan")])
def test_bad_scale(bad: float) -> None:
    with pytest.raises(ValueError, match="scale must be positive"):
        resize(np.zeros((4, 4)), bad)


def test_bad_shape() -> None:
    with pytest.raises(ValueError, match="with pixels"):
        resize(np.zeros((0, 4)), 2)


def test_modcrop() -> None:
    assert modcrop(np.zeros((13, 9, 3)), 4).shape == (12, 8, 3)


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("sides", [(1, 1), (2, 30), (11, 5), (33, 64)])
def test_shrinking_by_a_whole_factor_is_the_same_resize(factor: int, sides: tuple[int, int]) -> None:
    shape = (sides[0] * factor, sides[1] * factor, 3)
    image = np.random.default_rng(factor).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(shrink(image, factor), resize(image, 1 / factor))
