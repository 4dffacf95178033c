"""Pictures as latent patches: lossless, and the transport of them as one convolution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import hadamard
from scipy.signal import correlate

from restore.calibration.gaussian import Gaussian, Moments, transport
from restore.calibration.patches import PatchCode
from tests.conftest import picture

CODES = [PatchCode(1, 3), PatchCode(2, 2), PatchCode(2, 3), PatchCode(4, 1)]


def moments_of(code: PatchCode, pixels: np.ndarray) -> Gaussian:
    moments = Moments(code.size)
    moments.add(code.patches(code.encode(pixels)))
    return moments.gaussian()


def pair(height: int = 48, width: int = 56) -> tuple[np.ndarray, np.ndarray]:
    """A soft picture, and a crisp one of something else."""
    crisp = picture(height, width, seed=1) / 255
    soft = picture(height, width, seed=2) / 255
    soft[1:-1, 1:-1] = (
        sum(soft[1 + y : height - 1 + y, 1 + x : width - 1 + x] for y in (-1, 0, 1) for x in (-1, 0, 1)) / 9
    )
    return soft, crisp


@pytest.mark.parametrize("code", CODES)
def test_nothing_is_lost(code: PatchCode) -> None:
    pixels = picture(16, 24) / 255
    np.testing.assert_array_equal(code.decode(code.encode(pixels)), pixels)
    assert code.encode(pixels).shape == (16 // code.factor, 24 // code.factor, code.channels)


@pytest.mark.parametrize("code", CODES)
def test_equal_moments_leave_the_picture_alone(code: PatchCode) -> None:
    soft, _ = pair()
    same = moments_of(code, soft)
    np.testing.assert_allclose(code.moved(soft, transport(same, same)), soft, atol=1e-7)


@pytest.mark.parametrize("code", CODES)
def test_moved_patches_have_the_statistics_of_the_crisp_picture(code: PatchCode) -> None:
    """Before they are averaged where they overlap; the average is closer than the soft picture was."""
    soft, crisp = pair()
    source, target = moments_of(code, soft), moments_of(code, crisp)
    map = transport(source, target)
    moments = Moments(code.size)
    moments.add(map(code.patches(code.encode(soft))))
    reached = moments.gaussian()
    np.testing.assert_allclose(reached.mean, target.mean, atol=1e-9)
    np.testing.assert_allclose(reached.covariance + map.noise, target.covariance, atol=1e-6)

    def away(one: Gaussian) -> float:
        return float(np.linalg.norm(one.covariance - target.covariance))

    assert away(moments_of(code, code.moved(soft, map))) < 0.7 * away(source)


@pytest.mark.parametrize("code", CODES)
def test_the_convolution_is_the_transport(code: PatchCode) -> None:
    soft, crisp = pair()
    map = transport(moments_of(code, soft), moments_of(code, crisp))
    weights, bias = code.kernel(map)
    blocks = code.encode(soft).transpose(2, 0, 1)
    found = np.stack(
        [correlate(blocks, kernel, "valid")[0] + shift for kernel, shift in zip(weights, bias, strict=True)]
    )
    inner = slice(code.reach, -code.reach or None)
    np.testing.assert_allclose(code.decode(found.transpose(1, 2, 0)), code.moved(soft, map)[inner, inner], atol=1e-9)


def test_an_orthonormal_transform_of_the_blocks_changes_nothing() -> None:
    """Haar, DCT and blocks of pixels are one autoencoder to the transport: here Hadamard's."""
    code = PatchCode(2, 2)
    soft, crisp = pair()
    source, target = moments_of(code, soft), moments_of(code, crisp)
    turn = np.kron(np.kron(hadamard(4) / 2, np.eye(3)), np.eye(code.patch**2))
    turned = transport(*(Gaussian(turn @ g.mean, turn @ g.covariance @ turn.T) for g in (source, target)))
    np.testing.assert_allclose(turn.T @ turned.matrix @ turn, transport(source, target).matrix, atol=1e-6)
