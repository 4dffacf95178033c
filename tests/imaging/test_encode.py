"""What is written comes back, with its metadata."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from restore.errors import ImageError
from restore.imaging.decode import Picture
from restore.imaging.encode import FORMATS, encode
from tests.conftest import picture

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    return exif.tobytes()


def _picture(channels: int = 3, alpha: bool = False, **meta: bytes | None) -> Picture:
    a = picture(24, 30, 1, seed=9)[..., 0] if alpha else None
    return Picture(picture(24, 30, channels), a, meta.get("icc"), meta.get("exif"), "PNG")


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_lossless_round_trip(suffix: str, channels: int, alpha: bool) -> None:
    given = _picture(channels, alpha, icc=PROFILE, exif=_exif())
    image = Image.open(io.BytesIO(encode(given, suffix)))
    got = np.asarray(image).reshape(24, 30, -1)
    np.testing.assert_array_equal(got[..., :channels], given.pixels)
    if alpha:
        np.testing.assert_array_equal(got[..., -1], given.alpha)
    assert image.info["icc_profile"] == PROFILE
    assert image.getexif()[0x010F] == "Maker"


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_are_close_and_keep_metadata(suffix: str) -> None:
    given = _picture(icc=PROFILE, exif=_exif())
    image = Image.open(io.BytesIO(encode(given, suffix)))
    assert np.abs(np.asarray(image).astype(int) - given.pixels).mean() < 6
    assert image.info["icc_profile"] == PROFILE
    assert image.getexif()[0x010F] == "Maker"


def test_jpeg_keeps_full_chroma_at_high_quality() -> None:
    from PIL.JpegImagePlugin import get_sampling

    assert get_sampling(Image.open(io.BytesIO(encode(_picture(), ".jpg")))) == 0
    assert get_sampling(Image.open(io.BytesIO(encode(_picture(), ".jpg", 80)))) == 2


def test_transparency_becomes_white_in_jpeg() -> None:
    clear = Picture(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8), None, None, "PNG")
    assert np.asarray(Image.open(io.BytesIO(encode(clear, ".jpg")))).min() >= 254


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_can_be_written(suffix: str) -> None:
    assert Image.open(io.BytesIO(encode(_picture(), suffix))).size == (30, 24)


def test_png_as_good_as_the_fast_encoder_is(tmp_path: object) -> None:
    """A PNG from OpenCV reads the same through Pillow: colours not swapped, all rows there."""
    red = np.zeros((5, 6, 3), np.uint8)
    red[..., 0] = 200
    image = Image.open(io.BytesIO(encode(Picture(red, None, None, None, "PNG"), ".png")))
    assert image.getpixel((3, 2)) == (200, 0, 0)


def test_too_large_for_the_format() -> None:
    wide = Picture(np.zeros((1, 17_000, 3), np.uint8), None, None, None, "PNG")
    with pytest.raises(ImageError, match="WEBP can hold"):
        encode(wide, ".webp")
