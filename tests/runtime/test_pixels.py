"""Pixels to floats and back: every value, every range, rounding and clipping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from restore.errors import ModelError
from restore.runtime.pixels import _ROWS, FloatNetwork
from restore.spec import ModelSpec

DEPTHS = pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
RANGES = pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])


@DEPTHS
@RANGES
def test_every_value_comes_back(dtype: type, low: float, high: float) -> None:
    top = np.iinfo(dtype).max
    ramp = np.arange(top + 1, dtype=dtype)
    batch = np.stack([ramp, ramp[::-1], ramp], axis=-1).reshape(1, 16, -1, 3)
    seen: list[np.ndarray] = []
    network = FloatNetwork(lambda b: (seen.append(b.copy()), b)[1], ModelSpec(scale=1, halo=0, low=low, high=high))
    out = network.enlarge(batch)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, batch)
    exact = low + batch.transpose(0, 3, 1, 2) * ((high - low) / top)
    np.testing.assert_allclose(seen[0], exact, rtol=0, atol=(high - low) * 1e-6)


@DEPTHS
@RANGES
@settings(max_examples=60, deadline=None)
@given(
    values=arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.just(3), st.integers(1, 5), st.integers(1, 5)),
        elements=st.floats(-3, 300, width=32),
    )
)
def test_clipped_and_rounded(dtype: type, low: float, high: float, values: np.ndarray) -> None:
    network = FloatNetwork(lambda _: values, ModelSpec(scale=1, halo=0, low=low, high=high))
    count, _, height, width = values.shape
    out = network.enlarge(np.zeros((count, height, width, 3), dtype))
    top = np.iinfo(dtype).max
    exact = (values.astype(np.float64) - low) * (top / (high - low))
    # The nearest whole number, give or take float32's rounding of the product.
    nearest = np.abs(out.transpose(0, 3, 1, 2) - np.clip(exact, 0, top))
    assert (nearest <= 0.5 + np.abs(exact) * 3e-7 + top * 1e-7).all()


def test_buffers_of_one_shape_do_not_show_in_the_next() -> None:
    network = FloatNetwork(lambda b: b, ModelSpec(scale=1, halo=0))
    draw = np.random.default_rng(0)
    for shape in [(2, 9, 7), (1, 3, 20), (3, 9, 7), (1, 4, 1), (1, 1, 4)]:
        batch = draw.integers(0, 256, (*shape, 3), dtype=np.uint8)
        np.testing.assert_array_equal(network.enlarge(batch), batch)


def test_more_rows_than_are_converted_at_once() -> None:
    """The seams of the conversion do not show, nor does a value that is not a number in the last rows escape."""
    network = FloatNetwork(lambda b: b, ModelSpec(scale=1, halo=0))
    batch = np.random.default_rng(0).integers(0, 256, (2, 3 * _ROWS + 5, 6, 3), dtype=np.uint8)
    np.testing.assert_array_equal(network.enlarge(batch), batch)

    def spoil(values: np.ndarray) -> np.ndarray:
        values = values.copy()
        values[-1, -1, -1, -1] = np.inf
        return values

    with pytest.raises(ModelError, match="NaN or infinite"):
        FloatNetwork(spoil, ModelSpec(scale=1, halo=0)).enlarge(batch)
