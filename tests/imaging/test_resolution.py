"""Dots per inch survive: Pillow writes them and reads them again."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from restore.imaging.decode import read_picture
from restore.imaging.encode import encode
from restore.imaging.metadata import resolution
from restore.imaging.picture import Picture
from tests.conftest import picture

FORMATS = [".jpg", ".png", ".tif", ".bmp"]


def saved(tmp_path: Any, suffix: str, dpi: tuple[float, float], **more: Any) -> Picture:
    Image.fromarray(picture(20, 30)).save(tmp_path / f"x{suffix}", dpi=dpi, **more)
    return read_picture(tmp_path / f"x{suffix}")


def dpi_of(data: bytes) -> tuple[float, float] | None:
    with Image.open(io.BytesIO(data)) as image:
        found = image.info.get("dpi")
    return None if found is None else tuple(map(float, found))


@pytest.mark.parametrize("after", FORMATS)
@pytest.mark.parametrize("before", FORMATS)
def test_from_every_format_to_every_other(tmp_path: Any, before: str, after: str) -> None:
    read = saved(tmp_path, before, (300, 150))
    assert dpi_of(encode(read, after)) == pytest.approx((300, 150), abs=0.02)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_sixteen_bits_and_a_tiff_file_in_centimeters(tmp_path: Any, suffix: str) -> None:
    deep = picture(20, 30).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "x.tif", deep, photometric="rgb", resolution=(200, 100), resolutionunit="CENTIMETER")
    assert dpi_of(encode(read_picture(tmp_path / "x.tif"), suffix)) == pytest.approx((508, 254), abs=0.02)


def test_a_jpeg_file_in_centimeters(tmp_path: Any) -> None:
    data = bytearray(encode(saved(tmp_path, ".jpg", (100, 50)), ".jpg"))
    assert data[6:11] == b"JFIF\0"
    data[13] = 2
    (tmp_path / "y.jpg").write_bytes(data)
    assert read_picture(tmp_path / "y.jpg").density == pytest.approx((254, 127))


def test_they_turn_with_the_picture(tmp_path: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert saved(tmp_path, ".jpg", (300, 150), exif=exif).density == (150, 300)
    exif[0x0112] = 3
    assert saved(tmp_path, ".jpg", (300, 150), exif=exif).density == (300, 150)


@pytest.mark.parametrize("suffix", FORMATS)
def test_nothing_is_made_up(tmp_path: Any, suffix: str) -> None:
    Image.fromarray(picture(20, 30)).save(tmp_path / f"x{suffix}")
    read = read_picture(tmp_path / f"x{suffix}")
    if suffix == ".bmp":  # Pillow's own always say it
        assert read.density is not None
        return
    assert read.density is None
    assert dpi_of(encode(read, suffix)) in (None, (1, 1))  # Pillow's word for a TIFF file that says nothing


def test_the_resolution_of_exif_stays_as_it_is(tmp_path: Any) -> None:
    exif = Image.Exif()
    exif[resolution.X_RESOLUTION], exif[resolution.Y_RESOLUTION], exif[resolution.RESOLUTION_UNIT] = 240.0, 240.0, 2
    read = saved(tmp_path, ".jpg", (300, 150), exif=exif)
    assert dpi_of(encode(read, ".tif")) == (240, 240)
    with Image.open(io.BytesIO(encode(read, ".jpg"))) as image:
        assert image.info["dpi"] == (300, 150)
        assert image.getexif()[resolution.X_RESOLUTION] == 240


@pytest.mark.parametrize(
    ("kind", "info"),
    [
        ("JPEG", {"jfif_unit": 0, "jfif_density": (300, 300)}),
        ("JPEG", {"jfif_unit": 7, "jfif_density": (300, 300)}),
        ("JPEG", {"jfif_unit": 1, "jfif_density": (0, 300)}),
        ("JPEG", {"dpi": (72, 72)}),
        ("PNG", {"dpi": (float("nan"), 72)}),
        ("PNG", {"dpi": (1e9, 1e9)}),
        ("PNG", {"dpi": "x"}),
        ("BMP", {"dpi": (0.0, 0.0)}),
        ("WEBP", {"dpi": (300, 300)}),
    ],
)
def test_what_cannot_be_meant_is_left_out(kind: str, info: dict[str, Any]) -> None:
    assert resolution.of_file(kind, info) is None


@pytest.mark.parametrize(
    "value", [b"", b"II*\0", b"II*\0\x08\0\0\0", b"II*\0\x08\0\0\0\x01\0\x1a\x01\x03\0\1\0\0\0\x48\0\0\0" + bytes(4)]
)
def test_broken_tags_say_nothing(value: bytes) -> None:
    assert resolution.of_tiff(value) is None
