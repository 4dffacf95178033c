"""Blur, resize, noise and JPEG, compared with other libraries or by their invariants."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from restore.data.degradations.blur import blur, separated
from restore.data.degradations.defocus import disc_kernel
from restore.data.degradations.gaussian_noise import gaussian_noise
from restore.data.degradations.jpeg import jpeg, to_float, to_uint8
from restore.data.degradations.kernels import gaussian_kernel, sinc_kernel
from restore.data.degradations.poisson_noise import poisson_noise
from restore.data.degradations.resize import resize
from tests.conftest import picture


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def image(height: int, width: int) -> np.ndarray:
    return to_float(picture(height, width))


def flat(value: float, side: int = 256) -> np.ndarray:
    return np.full((side, side, 3), value, np.float32)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.2, 3), st.floats(0.2, 3), st.floats(-3, 3), st.floats(0, 1))
def test_a_blur_keeps_the_light(a: float, b: float, angle: float, value: float) -> None:
    kernel = gaussian_kernel(15, a, b, angle)
    np.testing.assert_allclose(blur(flat(value, 20), kernel), value, atol=1e-5)
    inner = np.zeros((50, 60, 3), np.float32)
    inner[20:-20, 20:-20] = image(10, 20)
    np.testing.assert_allclose(blur(inner, kernel).sum(axis=(0, 1)), inner.sum(axis=(0, 1)), rtol=1e-4)


def test_a_blur_is_that_of_basicsr() -> None:
    """Also for an asymmetric kernel: correlation, not convolution, and a border mirrored without the edge pixel."""
    torch = pytest.importorskip("torch")
    from restore.networks.basicsr_adapter import basicsr_module

    pixels = image(31, 40)
    for kernel in (gaussian_kernel(21, 3, 1, 0.5), sinc_kernel(9, 1.0), rng().random((5, 5))):
        theirs = basicsr_module("utils.img_process_util").filter2D(
            torch.from_numpy(pixels.transpose(2, 0, 1))[None], torch.from_numpy(kernel).float()[None]
        )
        np.testing.assert_allclose(blur(pixels, kernel), theirs[0].numpy().transpose(1, 2, 0), atol=2e-5)


@pytest.mark.parametrize("size", [1, 7, 21])
def test_a_round_gaussian_by_columns_and_rows_is_the_same_blur(size: int) -> None:
    pixels, kernel = image(40, 50), gaussian_kernel(size, 1.7, 1.7)
    column, row = separated(kernel)
    np.testing.assert_allclose(np.outer(column, row), kernel, atol=1e-9)
    whole = cv2.filter2D(pixels, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    np.testing.assert_allclose(blur(pixels, kernel), whole, atol=2e-6)


def test_other_kernels_are_not_separated() -> None:
    kernels = (gaussian_kernel(9, 2, 1, 0.5), gaussian_kernel(9, 2, 2, beta=0.7), sinc_kernel(9, 2), disc_kernel(3))
    assert [separated(kernel) for kernel in kernels] == [None] * 4
    hollow = np.ones((3, 3)) / 8
    hollow[1, 1] = 0
    assert separated(hollow) is None


def test_a_blur_with_a_pulse_changes_nothing() -> None:
    pixels = image(9, 12)
    np.testing.assert_allclose(blur(pixels, gaussian_kernel(1, 1, 1)), pixels, atol=1e-6)


@pytest.mark.parametrize("by", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(13, 17), (60, 31), (40, 90)])
def test_resize_is_torchs(by: str, size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    pixels = image(30, 41)
    tensor = torch.from_numpy(pixels.transpose(2, 0, 1))[None]
    theirs = torch.nn.functional.interpolate(tensor, size=size, mode=by, align_corners=False)
    np.testing.assert_allclose(resize(pixels, *size, by), theirs[0].numpy().transpose(1, 2, 0), atol=1e-4)


def test_resize_by_area_takes_the_mean() -> None:
    pixels = image(24, 36)
    wanted = pixels.reshape(8, 3, 9, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resize(pixels, 8, 9, "area"), wanted, atol=1e-6)
    np.testing.assert_allclose(resize(pixels, 11, 13, "area").mean(axis=(0, 1)), pixels.mean(axis=(0, 1)), atol=1e-5)


@pytest.mark.parametrize("by", ["area", "bilinear", "bicubic"])
def test_resize_to_the_same_size_and_of_plain_color(by: str) -> None:
    pixels = image(7, 5)
    np.testing.assert_array_equal(resize(pixels, 7, 5, by), pixels)
    for size in ((1, 1), (20, 3), (3, 20)):
        result = resize(flat(0.3, 10), *size, by)
        assert result.shape == (*size, 3)
        np.testing.assert_allclose(result, 0.3, atol=1e-6)


@pytest.mark.parametrize("gray", [False, True])
def test_gaussian_noise(gray: bool) -> None:
    noise = (gaussian_noise(flat(0.5), 10, gray, rng()) - 0.5) * 255
    assert noise.dtype == np.float32
    assert noise.std() == pytest.approx(10, rel=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.1)
    between = np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]
    assert between == pytest.approx(1 if gray else 0, abs=0.02)
    assert np.corrcoef(noise[:, 1:, 0].ravel(), noise[:, :-1, 0].ravel())[0, 1] == pytest.approx(0, abs=0.02), "white"


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("value", [0.1, 0.5, 0.8])
def test_poisson_noise(gray: bool, value: float) -> None:
    noise = poisson_noise(flat(value), 0.5, gray, rng()) - np.float32(value)
    assert noise.std() == pytest.approx(0.5 * np.sqrt(value / 256), rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=5e-4)
    between = np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]
    assert between == pytest.approx(1 if gray else 0, abs=0.02)


def test_gray_poisson_noise_is_that_of_the_luma() -> None:
    pixels = flat(0) + np.array([0.4, 0.8, 0.2], np.float32)
    noise = poisson_noise(pixels, 0.5, True, rng()) - pixels
    luma = np.asarray(Image.fromarray(to_uint8(pixels[:1, :1])).convert("L"))[0, 0] / 255
    np.testing.assert_allclose(noise[..., 0], noise[..., 2], atol=1e-6)
    assert noise[..., 0].std() == pytest.approx(0.5 * np.sqrt(luma / 256), rel=0.02)


def test_poisson_noise_is_that_of_basicsr_where_all_values_occur() -> None:
    from restore.networks.basicsr_adapter import basicsr_module

    np.random.seed(0)
    ramp = np.tile(np.repeat(np.arange(256, dtype=np.float32) / 255, 2)[None, :, None], (400, 1, 3))
    theirs = basicsr_module("data.degradations").add_poisson_noise(ramp, 1.0) - ramp
    ours = poisson_noise(ramp, 1.0, False, rng()) - ramp
    for part in (slice(40, 60), slice(250, 260), slice(380, 400)):
        assert ours[:, part].std() == pytest.approx(theirs[:, part].std(), rel=0.03)


@pytest.mark.parametrize("gray", [False, True])
def test_noise_of_no_strength_changes_nothing_and_much_stays_within_range(gray: bool) -> None:
    pixels = image(20, 30)
    np.testing.assert_array_equal(gaussian_noise(pixels, 0, gray, rng()), pixels)
    np.testing.assert_array_equal(poisson_noise(pixels, 0, gray, rng()), pixels)
    for noisy in (gaussian_noise(pixels, 200, gray, rng()), poisson_noise(pixels, 20, gray, rng())):
        assert (noisy.min(), noisy.max()) == (0, 1)
        assert noisy.dtype == np.float32


@pytest.mark.parametrize("quality", [1, 30, 75, 95, 100])
@pytest.mark.parametrize("size", [(64, 48), (37, 51), (1, 1), (8, 3)])
def test_jpeg_is_pillows(quality: int, size: tuple[int, int]) -> None:
    pixels = picture(*size)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(file) as theirs:
        np.testing.assert_array_equal(to_uint8(jpeg(to_float(pixels), quality)), np.asarray(theirs))


def test_jpeg_takes_what_is_beyond_the_range_and_between_the_steps() -> None:
    wild = to_float(picture(16, 16)) * 3 - 1
    np.testing.assert_array_equal(jpeg(wild, 80), jpeg(to_float(to_uint8(wild)), 80))


def test_eight_bits_there_and_back() -> None:
    steps = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(to_uint8(to_float(steps)), steps)
    np.testing.assert_array_equal(to_uint8(np.array([-1, 0.4999 / 255, 0.5001 / 255, 2], np.float32)), [0, 0, 1, 255])
