"""NIQE against basicsr's code, its parameters, MATLAB's published figure, and as an order of pictures."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.special import gamma

from restore.imaging.color.conversions import luma
from restore.imaging.decode import read_rgb8
from restore.imaging.resize import resize
from restore.metrics import niqe as module
from restore.metrics.generalized_gaussian import SHAPES, nearest, shape_tables
from restore.metrics.niqe import niqe
from tests.conftest import SAMPLES, picture

ROOT = Path(os.environ.get("RESTORE_TESTSETS", "/nonexistent"))


def basicsr_niqe():
    pytest.importorskip("torchvision")
    from restore.networks.basicsr_adapter import basicsr_module

    return basicsr_module("metrics.niqe")


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return read_rgb8(next(SAMPLES.glob("*.jpg")))


def test_the_parameters_are_basicsrs() -> None:
    with np.load(Path(basicsr_niqe().__file__).with_name("niqe_pris_params.npz")) as theirs:
        mean, covariance = module._pristine()
        np.testing.assert_array_equal(mean, theirs["mu_pris_param"][0])
        np.testing.assert_array_equal(covariance, theirs["cov_pris_param"])


@pytest.mark.parametrize("border", [0, 4])
@pytest.mark.parametrize("sigma", [0, 1, 2.5])
def test_is_basicsrs(photo: np.ndarray, border: int, sigma: float) -> None:
    """To what float32, in which basicsr blurs and shrinks, makes of smooth areas: there the sign of a rest counts."""
    image = cv2.GaussianBlur(photo, (0, 0), sigma) if sigma else photo
    theirs = basicsr_niqe().calculate_niqe(image[..., ::-1], border, input_order="HWC", convert_to="y")
    assert niqe(image, border) == pytest.approx(theirs, rel=2e-3)


def test_every_number_of_a_block_is_basicsrs(photo: np.ndarray) -> None:
    """Blocks, shapes, shifts and order, in float64 on both sides: to the last digits."""
    y = luma(photo).astype(np.float64)[:192, :288]
    strip = module._normalized(y, 96, 96)
    wanted = [basicsr_niqe().compute_feature(strip[:, i : i + 96]) for i in (0, 96, 192)]
    np.testing.assert_allclose(module._features(y, 96)[3:], wanted, rtol=1e-9, atol=1e-12)


def test_the_tables_are_scipys_gamma() -> None:
    shapes, tables = SHAPES, shape_tables()
    np.testing.assert_allclose(tables.ratio, gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes)), 1e-10)
    assert np.all(np.diff(tables.ratio) > 0)
    values = np.random.default_rng(0).uniform(0, 0.8, 500)
    wanted = np.abs(tables.ratio[None] - values[:, None]).argmin(axis=1)
    np.testing.assert_array_equal(nearest(tables.ratio, values), wanted)


@pytest.mark.skipif(not ROOT.is_dir(), reason="RESTORE_TESTSETS does not name a folder")
def test_baboon_has_the_figure_of_the_authors_matlab_code() -> None:
    """5.72957338 under MATLAB R2021a, as basicsr's documentation records."""
    assert niqe(read_rgb8(ROOT / "Set14/x2/img_001_SRF_2_HR.png")) == pytest.approx(5.72957338, abs=1e-4)


def test_order(photo: np.ndarray) -> None:
    noisy = np.clip(photo + np.random.default_rng(0).normal(0, 25, photo.shape), 0, 255).astype(np.uint8)
    compressed = cv2.imdecode(cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 8])[1], cv2.IMREAD_COLOR)
    for worse in (cv2.GaussianBlur(photo, (0, 0), 2), noisy, compressed):
        assert niqe(worse) > niqe(photo) + 1


def test_gray_is_its_own_luma_and_the_rest_beyond_whole_blocks_is_left_out(photo: np.ndarray) -> None:
    gray = luma(photo)[..., None]
    assert niqe(gray) == niqe(photo)
    beyond = gray.copy()
    beyond[192:] = 0
    beyond[:, 480:] = 0
    assert niqe(beyond) == niqe(gray)


def test_nothing_is_left_of_a_flat_place() -> None:
    """Not rounding either, at both scales: its sign would decide over the picture."""
    for gray in range(0, 256, 5):
        y = np.full((192, 192), float(gray))
        assert not module._normalized(y, 96, 96).any()
        assert not module._normalized(resize(y, 0.5), 0, 48).any()


@pytest.mark.skipif(not ROOT.is_dir(), reason="RESTORE_TESTSETS does not name a folder")
@pytest.mark.parametrize("number", [6, 8, 13])
def test_is_basicsrs_of_drawings_too(number: int) -> None:
    image = read_rgb8(ROOT / f"Set14/x2/img_{number:03}_SRF_2_HR.png")
    theirs = basicsr_niqe().calculate_niqe(image[..., ::-1], 0, input_order="HWC", convert_to="y")
    assert niqe(image) == pytest.approx(theirs, rel=2e-3)


def test_wrong_input() -> None:
    with pytest.raises(ValueError, match="two blocks of 96 x 96 pixels, but 150 x 100 has fewer"):
        niqe(picture(100, 150))
    with pytest.raises(ValueError, match="188 x 188 has fewer"):
        niqe(picture(200, 200), border=6)
    with pytest.raises(ValueError, match="not flat"):
        niqe(np.full((200, 200, 3), 7, np.uint8))
    with pytest.raises(ValueError, match="8-bit"):
        niqe(picture(200, 200).astype(np.float32))
