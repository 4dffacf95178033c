"""The transport between Gaussians: its moments, its optimality, and the singular case."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from restore.calibration.gaussian import Gaussian, Moments, transport


def gaussian(size: int, seed: int, rank: int | None = None) -> Gaussian:
    draw = np.random.default_rng(seed)
    factor = draw.normal(size=(size, rank or 2 * size))
    return Gaussian(draw.normal(size=size), factor @ factor.T / factor.shape[1])


def test_moments_of_batches_are_those_of_all_samples() -> None:
    samples = np.random.default_rng(0).normal(3, 2, (500, 4))
    moments = Moments(4)
    for part in np.array_split(samples, 7):
        moments.add(part)
    found = moments.gaussian()
    np.testing.assert_allclose(found.mean, samples.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(samples.T, bias=True), rtol=1e-10)
    assert moments.count == 500


def test_moved_samples_have_the_moments_of_the_target() -> None:
    source, target = gaussian(6, 0), gaussian(6, 1)
    samples = np.random.default_rng(2).multivariate_normal(np.zeros(6), np.eye(6), 400)
    samples = (samples - samples.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(samples.T, bias=True))).T
    samples = samples @ np.linalg.cholesky(source.covariance).T + source.mean  # these moments exactly
    moved = transport(source, target)(samples)
    np.testing.assert_allclose(moved.mean(axis=0), target.mean, atol=1e-10)
    np.testing.assert_allclose(np.cov(moved.T, bias=True), target.covariance, atol=1e-10)


def test_it_is_the_formula_by_another_root() -> None:
    source, target = gaussian(5, 3), gaussian(5, 4)
    root = sqrtm(source.covariance).real
    inverse = np.linalg.inv(root)
    wanted = inverse @ sqrtm(root @ target.covariance @ root).real @ inverse
    np.testing.assert_allclose(transport(source, target).matrix, wanted, atol=1e-9)


def test_it_moves_samples_least() -> None:
    """The mean squared distance is the Wasserstein distance, which another map between the two exceeds."""
    source, target = gaussian(5, 3), gaussian(5, 4)
    map = transport(source, target)

    def cost(matrix: np.ndarray) -> float:
        part = np.eye(5) - matrix
        return float(np.trace(part @ source.covariance @ part.T))

    root = sqrtm(source.covariance).real
    both = np.trace(source.covariance + target.covariance - 2 * sqrtm(root @ target.covariance @ root).real)
    assert cost(map.matrix) == pytest.approx(both, abs=1e-9)
    other = np.linalg.cholesky(target.covariance) @ np.linalg.inv(np.linalg.cholesky(source.covariance))
    np.testing.assert_allclose(other @ source.covariance @ other.T, target.covariance, atol=1e-9)
    assert cost(other) > cost(map.matrix) + 1e-3


@pytest.mark.parametrize("rank", [None, 3])
def test_equal_moments_give_the_identity(rank: int | None) -> None:
    one = gaussian(6, 5, rank)
    map = transport(one, one)
    samples = np.random.default_rng(6).normal(size=(9, 6)) @ one.covariance + one.mean
    np.testing.assert_allclose(map(samples), samples, atol=1e-8)
    np.testing.assert_allclose(map.noise, 0, atol=1e-10)
    if rank is None:
        np.testing.assert_allclose(map.matrix, np.eye(6), atol=1e-9)


@pytest.mark.parametrize("target_rank", [None, 4])
def test_a_singular_source_is_completed_by_noise(target_rank: int | None) -> None:
    source, target = gaussian(6, 7, rank=2), gaussian(6, 8, target_rank)
    map = transport(source, target)
    assert map.rank == 2
    reached = map.matrix @ source.covariance @ map.matrix.T
    np.testing.assert_allclose(reached + map.noise, target.covariance, atol=1e-9)
    assert np.linalg.eigvalsh(map.noise)[0] > -1e-9
    assert np.trace(map.noise) > 0.01 * np.trace(target.covariance), "two directions cannot hold six"


def test_a_direction_of_rounding_is_not_amplified() -> None:
    """A variance of 1e-12 beside one of 1 would have a gain of a million."""
    source = Gaussian(np.zeros(2), np.diag([1.0, 1e-12]))
    map = transport(source, Gaussian(np.zeros(2), np.eye(2)))
    assert np.abs(map.matrix).max() < 1 + 1e-9
    np.testing.assert_allclose(map.noise, np.diag([0.0, 1.0]), atol=1e-9)


def test_a_source_without_variance_goes_to_the_mean() -> None:
    target = gaussian(3, 9)
    map = transport(Gaussian(np.ones(3), np.zeros((3, 3))), target)
    np.testing.assert_allclose(map(np.ones((1, 3)))[0], target.mean)
    np.testing.assert_allclose(map.noise, target.covariance)
