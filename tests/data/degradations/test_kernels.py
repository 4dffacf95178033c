"""Kernels compared with basicsr and SciPy, and properties of all kernels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restore.data.degradations.kernels import _bessel_j1, gaussian_kernel, plateau_kernel, sinc_kernel

SIZES = st.integers(0, 15).map(lambda n: 2 * n + 1)
SIGMAS = st.floats(0.2, 5)


@settings(deadline=None)
@given(SIZES, SIGMAS, SIGMAS, st.floats(-math.pi, math.pi), st.floats(0.5, 8))
def test_every_kernel_sums_to_one_and_is_centered(size: int, a: float, b: float, angle: float, beta: float) -> None:
    kernels = [gaussian_kernel(size, a, b, angle, beta), plateau_kernel(size, a, b, angle, beta)]
    kernels.append(sinc_kernel(size, math.pi * min(1.0, a / 5)))
    for kernel in kernels:
        assert kernel.shape == (size, size)
        assert kernel.sum() == pytest.approx(1)
        np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-12)
        assert kernel[size // 2, size // 2] == kernel.max()


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.0])
@pytest.mark.parametrize("beta", [0.5, 1.0, 3.5])
def test_gaussians_and_plateaus_are_those_of_basicsr(angle: float, beta: float) -> None:
    from restore.networks.basicsr_adapter import basicsr_module

    theirs = basicsr_module("data.degradations")
    ours = gaussian_kernel(21, 2.5, 0.6, angle, beta)
    np.testing.assert_allclose(
        ours, theirs.bivariate_generalized_Gaussian(21, 2.5, 0.6, angle, beta, isotropic=False), atol=1e-12
    )
    ours = plateau_kernel(15, 0.4, 2.9, angle, beta)
    np.testing.assert_allclose(ours, theirs.bivariate_plateau(15, 0.4, 2.9, angle, beta, isotropic=False), atol=1e-12)
    np.testing.assert_allclose(gaussian_kernel(7, 1.3, 1.3, angle), theirs.bivariate_Gaussian(7, 1.3, 9, 9), atol=1e-12)


@pytest.mark.parametrize("size", [7, 13, 21])
@pytest.mark.parametrize("cutoff", [math.pi / 5, math.pi / 3, 2.0, math.pi])
def test_sinc_kernels_are_those_of_basicsr(size: int, cutoff: float) -> None:
    from restore.networks.basicsr_adapter import basicsr_module

    theirs = basicsr_module("data.degradations").circular_lowpass_kernel(cutoff, size)
    np.testing.assert_allclose(sinc_kernel(size, cutoff), theirs, atol=1e-12)


def test_the_bessel_function_is_scipys() -> None:
    special = pytest.importorskip("scipy.special")
    x = np.linspace(0, math.pi * 50 * math.sqrt(2), 2000)
    np.testing.assert_allclose(_bessel_j1(x), special.j1(x), atol=1e-13)


def test_a_gaussian_has_its_standard_deviations() -> None:
    kernel = gaussian_kernel(61, 3.0, 1.5, math.pi / 2)
    at = np.arange(61) - 30
    assert math.sqrt(kernel.sum(axis=0) @ at**2) == pytest.approx(1.5, rel=1e-3), (
        "rotated by a quarter turn, so x has the second"
    )
    assert math.sqrt(kernel.sum(axis=1) @ at**2) == pytest.approx(3.0, rel=1e-3)


def test_wrong_kernels() -> None:
    with pytest.raises(ValueError, match="odd, not 8"):
        gaussian_kernel(8, 1, 1)
    with pytest.raises(ValueError, match="sigma_y must be positive, not 0"):
        gaussian_kernel(7, 1, 0)
    with pytest.raises(ValueError, match="beta must be positive, not -1"):
        plateau_kernel(7, 1, 1, 0, -1)
    with pytest.raises(ValueError, match="cutoff must be above 0 and at most pi, not 4"):
        sinc_kernel(7, 4)
