"""Optimal transport between Gaussians, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Directions of less than this share of the largest variance count as absent: they hold rounding, not content.
ABSENT = 1e-7


@dataclass(frozen=True)
class Gaussian:
    """Mean (d,) and covariance (d, d) of a distribution."""

    mean: Floats
    covariance: Floats


class Moments:
    """Sums up samples batch by batch, in double precision.

    Args:
        size: number of values of a sample, d.
    """

    def __init__(self, size: int) -> None:
        self.count = 0
        self._sum: Floats = np.zeros(size)
        self._squares: Floats = np.zeros((size, size))

    def add(self, samples: Floats) -> None:
        """Add samples (n, d)."""
        self.count += len(samples)
        self._sum += samples.sum(axis=0)
        self._squares += samples.T @ samples

    def gaussian(self) -> Gaussian:
        """Mean and covariance of all samples so far; at least one."""
        mean = self._sum / self.count
        covariance = self._squares / self.count - np.outer(mean, mean)
        return Gaussian(mean, (covariance + covariance.T) / 2)


@dataclass(frozen=True)
class Transport:
    """The map from one Gaussian to another that moves samples least.

    Attributes:
        matrix: (d, d), T. A sample x goes to T (x - source) + target.
        source: mean of the source, (d,).
        target: mean of the target, (d,).
        noise: covariance (d, d) of what the target has in directions that the source lacks and that does not follow
            from the others: independent Gaussian noise of it completes the target. Zero if no direction is lacking.
        rank: number of directions that the source has.
    """

    matrix: Floats
    source: Floats
    target: Floats
    noise: Floats
    rank: int

    def __call__(self, samples: Floats) -> Floats:
        """Move samples (n, d), without the noise."""
        moved: Floats = (samples - self.source) @ self.matrix.T + self.target
        return moved


def transport(source: Gaussian, target: Gaussian, absent: float = ABSENT) -> Transport:
    """The optimal transport for squared distance between two Gaussians.

    With S and N for the covariances of source and target, and S of full rank, Adrai, Ohayon, Elad and Michaeli, "Deep
    optimal transport: a practical algorithm for photo-realistic image restoration", 2023:

        T = S^-1/2 (S^1/2 N S^1/2)^1/2 S^-1/2

    If S is singular, the same formula with pseudoinverses moves the source to the part of the target within the
    source's directions, which is all that a sample tells. What the target has beyond them is completed by its
    conditional mean, and by independent noise of its conditional covariance: both together have the target's moments.

    Args:
        source: d values.
        target: the same d.
        absent: share of the largest variance below which the source lacks a direction.
    """
    variances, directions = np.linalg.eigh(source.covariance)
    present = variances > absent * max(float(variances[-1]), np.finfo(np.float64).tiny)
    basis, spread = directions[:, present], np.sqrt(variances[present])
    wanted = basis.T @ target.covariance @ basis
    between = _root(spread[:, None] * wanted * spread)
    inner = between / np.outer(spread, spread)
    if present.all():
        matrix = basis @ inner @ basis.T
        return Transport(matrix, source.mean, target.mean, np.zeros_like(matrix), len(spread))
    across = target.covariance @ basis @ np.linalg.pinv(wanted, rcond=absent, hermitian=True)
    noise = target.covariance - across @ basis.T @ target.covariance
    return Transport(across @ inner @ basis.T, source.mean, target.mean, (noise + noise.T) / 2, len(spread))


def _root(matrix: Floats) -> Floats:
    """The positive root of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    root: Floats = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
