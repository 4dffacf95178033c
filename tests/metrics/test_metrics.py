"""Metrics against skimage and against basicsr's MATLAB-like code."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from restore.imaging.color.conversions import luma
from restore.metrics.ms_ssim import ms_ssim
from restore.metrics.psnr import psnr
from restore.metrics.sr_protocol import bicubic, reduce, score
from restore.metrics.ssim import ssim
from tests.conftest import picture
from tests.metrics.test_ciede2000 import noisy


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    a = picture(50, 61)
    noise = np.random.default_rng(5).normal(0, 9, a.shape)
    return a, np.clip(a + noise, 0, 255).astype(np.uint8)


def test_psnr_is_skimages(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(b, a, data_range=255), abs=1e-9)
    assert psnr(a, b, border=4) == pytest.approx(
        peak_signal_noise_ratio(b[4:-4, 4:-4], a[4:-4, 4:-4], data_range=255), abs=1e-9
    )


def test_psnr_of_equal_pictures_is_infinite(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert psnr(pair[0], pair[0]) == math.inf


def test_psnr_does_not_wrap_around() -> None:
    assert psnr(np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)) == pytest.approx(0)


def test_ssim_is_skimages(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """skimage's Gaussian, population SSIM, over the windows that lie inside the picture (5 pixels off its own map)."""
    a, b = (luma(x).astype(np.float64) for x in pair)
    _, full = structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True, truncate=3.5
    )
    assert ssim(a, b) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-9)


def test_against_basicsr(pair: tuple[np.ndarray, np.ndarray]) -> None:
    pytest.importorskip("torchvision")
    from restore.networks.basicsr_adapter import basicsr_module

    theirs = basicsr_module("metrics.psnr_ssim")
    a, b = (luma(x).astype(np.float64) for x in pair)
    assert ssim(a, b) == pytest.approx(theirs._ssim(a, b), abs=1e-9)
    assert psnr(a, b, border=4) == pytest.approx(theirs.calculate_psnr(a[..., None], b[..., None], 4), abs=1e-9)


def test_ms_ssim_is_pytorch_msssims_and_torchmetrics(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """Of sides that halve whole at every scale: torchmetrics' coarsest windows hang over the border, hence its rest."""
    torch = pytest.importorskip("torch")
    from pytorch_msssim import ms_ssim as theirs
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as torchmetrics

    a, b = (np.tile(luma(picture(96, 112) if x is pair[0] else noisy(picture(96, 112), 30)), (2, 2)) for x in pair)
    x, y = (torch.from_numpy(v.astype(np.float64))[None, None] for v in (b, a))
    assert ms_ssim(b, a) == pytest.approx(float(theirs(x, y, data_range=255)), abs=1e-6)
    assert ms_ssim(b, a) == pytest.approx(float(torchmetrics(x, y, data_range=255.0)), abs=2e-2)
    assert ms_ssim(np.pad(b, 4), np.pad(a, 4), border=4) == pytest.approx(ms_ssim(b, a))
    assert 0.5 < ms_ssim(b, a) < ms_ssim(a, a) == pytest.approx(1)
    assert ms_ssim(a, 255 - a) == 0


def test_ssim_bounds(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = (luma(x) for x in pair)
    assert ssim(a, a) == pytest.approx(1)
    assert 0 < ssim(a, b) < 1
    assert ssim(a, 255 - a) < 0


@pytest.mark.parametrize(
    ("rgb", "y"),
    [((0, 0, 0), 16), ((255, 255, 255), 235), ((255, 0, 0), 81), ((0, 255, 0), 145), ((0, 0, 255), 41)],
)
def test_luma_of_the_primaries(rgb: tuple[int, int, int], y: int) -> None:
    """The values of BT.601's studio range, as MATLAB's rgb2ycbcr gives them."""
    assert luma(np.array([[rgb]], np.uint8))[0, 0] == y


def test_gray_is_its_own_luma() -> None:
    gray = picture(6, 5, 1)
    np.testing.assert_array_equal(luma(gray), gray[..., 0])
    np.testing.assert_array_equal(luma(gray[..., 0]), gray[..., 0])


def test_wrong_input() -> None:
    a = np.zeros((20, 20))
    with pytest.raises(ValueError, match="differ in shape"):
        psnr(a, a[:10])
    with pytest.raises(ValueError, match="nothing is left"):
        psnr(a, a, border=10)
    with pytest.raises(ValueError, match="11 x 11"):
        ssim(a, a, border=5)
    with pytest.raises(ValueError, match="176 x 176 pixels, not 170 x 180"):
        ms_ssim(np.zeros((180, 190)), np.zeros((180, 190)), border=5)
    with pytest.raises(ValueError, match="single channel"):
        ms_ssim(np.zeros((200, 200, 3)), np.zeros((200, 200, 3)))
    with pytest.raises(ValueError, match="NaN or infinite"):
        psnr(np.full((20, 20), np.nan), a)
    with pytest.raises(ValueError, match="NaN or infinite"):
        ssim(a, np.full((20, 20), np.inf))
    with pytest.raises(ValueError, match="single channel"):
        ssim(np.zeros((20, 20, 3)), np.zeros((20, 20, 3)))
    with pytest.raises(ValueError, match="8-bit"):
        luma(np.zeros((4, 4, 3)))


@pytest.mark.parametrize("scale", [1, 3])
def test_the_literatures_score_is_skimages(pair: tuple[np.ndarray, np.ndarray], scale: int) -> None:
    """On Y without the border; at scale 1 PSNR on RGB."""
    a, b = (x[scale:-scale, scale:-scale] for x in pair)
    y = [luma(x).astype(np.float64) for x in (b, a)]
    _, full = structural_similarity(
        *y, gaussian_weights=True, use_sample_covariance=False, data_range=255, full=True, truncate=3.5
    )
    of_psnr = (b, a) if scale == 1 else y
    found = score(*pair, scale)
    assert found.psnr == pytest.approx(peak_signal_noise_ratio(*of_psnr, data_range=255), abs=1e-9)
    assert found.ssim == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-9)


def test_protocol_crops_and_reduces() -> None:
    low, high = reduce(picture(50, 63), 4)
    assert low.shape == (12, 15, 3)
    assert high.shape == (48, 60, 3)
    assert 15 < score(bicubic(low, 4), high, 4).psnr < 40
    assert math.isnan(score(high[:16, :16], high[:16, :16], 4).ssim)
