"""Files of every kind, whole and broken."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from restore.errors import ImageError
from restore.imaging.decode import read_picture, read_rgb8
from tests.conftest import picture, save


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "bmp"])
def test_lossless_formats_come_back_as_they_were(tmp_path: Path, suffix: str) -> None:
    pixels = picture(20, 31)
    path = save(tmp_path / f"x.{suffix}", pixels, **({"lossless": True} if suffix == "webp" else {}))
    np.testing.assert_array_equal(read_picture(path).pixels, pixels)


def test_grey_stays_one_channel(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", picture(9, 7, 1))
    assert read_picture(path).pixels.shape == (9, 7, 1)
    assert read_rgb8(path).shape == (9, 7, 3)


def test_alpha_is_apart(tmp_path: Path) -> None:
    pixels = picture(9, 7, 4)
    read = read_picture(save(tmp_path / "x.png", pixels))
    np.testing.assert_array_equal(read.alpha, pixels[..., 3])
    np.testing.assert_array_equal(read.pixels, pixels[..., :3])


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "YCbCr", "LA", "HSV"])
def test_other_modes(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(picture(16, 12)).convert(mode)
    path = tmp_path / ("x.tif" if mode in ("CMYK", "YCbCr") else "x.png")
    (image.convert("RGB") if mode == "HSV" else image).save(path)
    read = read_picture(path)
    grey = mode in ("1", "LA")
    assert read.pixels.shape == (16, 12, 1 if grey else 3)
    assert (read.alpha is not None) == (mode == "LA")
    wanted = np.asarray(image.convert("L" if grey else "RGB")).reshape(read.pixels.shape)
    assert np.abs(wanted.astype(int) - read.pixels).max() <= 2


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.fromarray(picture(16, 12)).convert("P")
    image.save(tmp_path / "x.png", transparency=int(np.asarray(image)[0, 0]))
    read = read_picture(tmp_path / "x.png")
    assert read.alpha is not None
    assert read.alpha[0, 0] == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_reset(tmp_path: Path, orientation: int) -> None:
    pixels = picture(12, 20)
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    path = tmp_path / "x.png"
    Image.fromarray(pixels).save(path, exif=exif)
    read = read_picture(path)
    turned = {1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1]}
    turned |= {5: pixels.transpose(1, 0, 2), 6: np.rot90(pixels, -1)}
    turned |= {7: np.rot90(pixels.transpose(1, 0, 2), 2), 8: np.rot90(pixels, 1)}
    np.testing.assert_array_equal(read.pixels, turned[orientation])
    assert read.exif is not None
    kept = Image.Exif()
    kept.load(read.exif)
    assert kept.get(0x0112, 1) == 1
    assert kept[0x010F] == "Maker"


def test_icc_is_kept(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = save(tmp_path / "x.png", picture(8, 8), icc_profile=profile)
    assert read_picture(path).icc == profile


@pytest.mark.parametrize("colours", [1, 3])
def test_16_bit_is_noticed(tmp_path: Path, colours: int) -> None:
    import cv2

    values = np.full((8, 8, colours), 300, np.uint16)  # dark: guessed from the maximum it would pass for 8 bits
    cv2.imwrite(str(tmp_path / "x.png"), values[..., 0] if colours == 1 else values)
    read = read_picture(tmp_path / "x.png")
    assert read.deep
    assert read.pixels.max() == 1
    assert not read_picture(save(tmp_path / "y.png", picture(8, 8))).deep


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def _jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(64, 64)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("text.png", b"this is not a picture\n", "not a picture"),
        ("empty.jpg", b"", "the file is empty"),
        ("truncated.jpg", _jpeg()[:900], "damaged|truncated"),
        ("bomb.png", _png_header(60_000, 60_000), "pixels"),
        ("header.png", _png_header(64, 64), "damaged"),
        ("nothing.tif", b"II*\0", "cannot be read|not a picture"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ImageError, match=says) as error:
        read_picture(path)
    assert str(error.value).startswith(str(path))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        read_picture(tmp_path / "none.png")


def test_content_rules_not_the_name(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(_jpeg())
    assert read_picture(tmp_path / "x.png").format == "JPEG"
