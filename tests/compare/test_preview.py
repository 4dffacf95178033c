"""What is shown and measured of a picture, against numpy and Pillow."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from restore.compare.pixels import difference, enlargement, for_measures, read
from restore.compare.preview import Copy, difference_map, display_copy, reduced, thumbnail
from restore.imaging.picture import Picture
from restore.metrics.sr_protocol import bicubic
from restore.utils.prefetch import prefetch
from tests.conftest import picture, save
from tests.imaging.samples import SRGB, exif_block

ENDLESS = float("inf")


def plain(pixels: np.ndarray, alpha: np.ndarray | None = None, icc: bytes | None = None) -> Picture:
    return Picture(pixels, alpha, icc, None, "")


def opened(copy: Copy) -> Image.Image:
    image = Image.open(io.BytesIO(copy.data))
    assert Image.MIME[image.format or ""] == copy.kind
    assert image.size == copy.size[::-1]
    return image


def test_a_copy_is_close_keeps_the_profile_and_nothing_else() -> None:
    pixels = picture(90, 120)
    copy = display_copy(plain(pixels, icc=SRGB), 4096, 92, ENDLESS)
    with opened(copy) as image:
        assert image.info["icc_profile"] == SRGB
        assert "exif" not in image.info
        assert np.abs(np.asarray(image).astype(int) - pixels).mean() < 5, (
            "it is noise, and 4:2:0 would lose twice as much"
        )
    assert (copy.size, copy.quality, copy.kind) == ((90, 120), 92, "image/jpeg")


def test_transparency_is_kept() -> None:
    alpha = np.tile(np.linspace(0, 255, 120).astype(np.uint8), (90, 1))
    copy = display_copy(plain(picture(90, 120), alpha), 4096, 92, ENDLESS)
    with opened(copy) as image:
        assert image.mode == "RGBA"
        np.testing.assert_array_equal(np.asarray(image)[..., 3], alpha)
    small = reduced(plain(picture(90, 120), alpha), 60)
    assert small.alpha is not None
    assert small.alpha.shape == small.size == (45, 60)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_copy_is_no_larger_than_it_may_be(channels: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 500, channels), np.uint8)
    best = display_copy(plain(noise), 4096, 92, ENDLESS)
    less = display_copy(plain(noise), 4096, 92, 0.6 * len(best.data))
    assert len(less.data) <= 0.6 * len(best.data)
    assert less.size == best.size
    assert less.quality < best.quality
    little = display_copy(plain(noise), 4096, 92, 8000)
    assert len(little.data) <= 8000
    assert max(little.size) < 500
    assert little.size[1] / little.size[0] == pytest.approx(500 / 400, rel=0.03)
    assert max(display_copy(plain(noise), 4096, 92, 0).size) == 64, "it ends where nothing can fit"


@pytest.mark.parametrize(("size", "shown"), [((40, 300), (13, 100)), ((300, 40), (100, 13)), ((1, 1000), (1, 100))])
def test_the_longer_side_is_bounded(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert display_copy(plain(picture(*size)), 100, 92, ENDLESS).size == shown
    assert max(thumbnail(plain(picture(*size))).size) == 192


def test_a_map_holds_the_root_of_the_mean_difference() -> None:
    apart = np.zeros((64, 80, 3), np.uint8)
    apart[:, 40:] = [3, 6, 9]
    with opened(difference_map(apart, 4096, ENDLESS)) as image:
        assert image.mode == "L"
        values = np.asarray(image).astype(float)
    assert values[:, :32].mean() < 1
    np.testing.assert_allclose(values[:, 48:], 255 * (6 / 255) ** 0.5, atol=2)


def test_differences_are_taken_at_the_larger_size() -> None:
    small = picture(40, 50)
    large = cv2.resize(small, (100, 80), interpolation=cv2.INTER_CUBIC)
    shifted = np.clip(large.astype(int) + 7, 0, 255).astype(np.uint8)
    for one, other in ((small, shifted), (shifted, small)):
        apart = difference(plain(one), plain(other))
        assert apart.shape == (80, 100, 3)
        np.testing.assert_array_equal(apart, np.abs(shifted.astype(int) - large).astype(np.uint8))


def test_gray_and_color_transparent_and_not_can_be_compared() -> None:
    gray = picture(30, 40, 1)
    assert difference(plain(gray), plain(gray.repeat(3, axis=2))).max() == 0
    assert difference(plain(gray), plain(gray)).shape == (30, 40, 1)
    clear = plain(picture(30, 40), np.zeros((30, 40), np.uint8))
    assert difference(clear, plain(np.full((30, 40, 3), 255, np.uint8))).max() == 0, "what is clear is white paper"


def gamma_profile(gamma: float) -> bytes:
    """The sRGB profile with its curves replaced by a power, by hand: ICC.1, 10.6 (curveType)."""
    profile = bytearray(SRGB)
    for i in range(int.from_bytes(profile[128:132], "big")):
        entry = 132 + 12 * i
        name, at = bytes(profile[entry : entry + 4]), int.from_bytes(profile[entry + 4 : entry + 8], "big")
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            profile[at : at + 14] = b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(256 * gamma).to_bytes(2, "big")
            profile[entry + 8 : entry + 12] = (14).to_bytes(4, "big")
    return bytes(profile)


def test_two_profiles_are_compared_as_they_look(tmp_path: Path) -> None:
    """A picture in a profile of another gamma, and its conversion to sRGB, look the same."""
    profile = gamma_profile(1.0)
    linear = picture(60, 80)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    srgb = np.asarray(ImageCms.profileToProfile(Image.fromarray(linear), source, ImageCms.createProfile("sRGB")))
    assert np.abs(srgb.astype(int) - linear).mean() > 10
    assert difference(plain(linear, icc=profile), plain(srgb)).max() <= 1
    assert difference(plain(linear, icc=profile), plain(srgb, icc=profile)).mean() > 10, "within one they are numbers"
    # A profile that is longer than a picture should carry is applied.
    got = read(save(tmp_path / "x.png", linear, icc_profile=profile + bytes(20_000)), 10**6)
    assert got.icc is None
    assert np.abs(got.pixels.astype(int) - srgb).max() <= 1


def test_pictures_are_read_upright_without_metadata(tmp_path: Path) -> None:
    pixels = picture(30, 40)
    save(tmp_path / "turned.png", np.rot90(pixels, 1), exif=exif_block(6))
    got = read(tmp_path / "turned.png", 10**6)
    assert difference(got, plain(pixels)).max() == 0
    assert (got.exif, got.xmp) == (None, None)
    cv2.imwrite(str(tmp_path / "deep.png"), pixels[..., ::-1].astype(np.uint16) * 257)
    assert difference(read(tmp_path / "deep.png", 10**6), plain(pixels)).max() == 0


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_measures_are_the_literatures(scale: int) -> None:
    """As ``restore evaluate`` measures: the reference cropped, the original enlarged by MATLAB's bicubic."""
    low = picture(40, 50)
    high = picture(40 * scale + scale - 1, 50 * scale + scale // 2, seed=1)
    wanted = high[: 40 * scale, : 50 * scale]
    result = picture(40 * scale, 50 * scale, seed=2)
    assert enlargement((40, 50), high.shape[:2]) == scale
    for given, expected in ((result, result), (low, bicubic(low, scale) if scale > 1 else low)):
        pixels, reference = for_measures(plain(given), plain(high), scale)
        np.testing.assert_array_equal(pixels, expected)
        np.testing.assert_array_equal(reference, wanted)


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_a_version_of_the_references_size_is_cropped_as_it_is(scale: int) -> None:
    """Resized, it would be measured a part of a pixel beside its place."""
    high = picture(40 * scale + scale - 1, 50 * scale + scale // 2)
    pixels, reference = for_measures(plain(high), plain(high), scale)
    np.testing.assert_array_equal(pixels, high[: 40 * scale, : 50 * scale])
    np.testing.assert_array_equal(reference, pixels)


def test_measures_of_sizes_that_do_not_belong_together() -> None:
    assert enlargement((33, 50), (90, 90)) == enlargement((50, 60), (20, 24)) == 1
    for given in (picture(40, 50), picture(100, 95)):
        pixels, reference = for_measures(plain(given), plain(picture(90, 90)), 2)
        assert pixels.shape == reference.shape == (90, 90, 3)
    assert for_measures(plain(picture(50, 60)), plain(picture(2, 24)), 4)[0].shape == (2, 24, 3)


def test_work_ahead_keeps_order_and_memory() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += number
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= number
        return number

    numbers = [5, 1, 4, 2, 9, 30, 3, 3, 3, 1] * 4
    assert list(prefetch(numbers, work, 4, lambda number: number, memory=10)) == numbers
    assert most == 30, "one that needs more than there is runs alone"
    running = most = 0
    assert list(prefetch(numbers, work, 4, lambda number: number, memory=1000)) == numbers
    assert most > 30, "with room they run together"


def test_work_ahead_hands_on_what_goes_wrong_and_begins_no_more() -> None:
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise OSError("disk")
        return number

    with pytest.raises(OSError, match="disk"):
        list(prefetch(range(1000), work, 2, lambda _: 1))
    assert len(begun) < 20
