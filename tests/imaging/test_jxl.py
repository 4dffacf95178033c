"""JPEG XL: headers by the standard's bits, and reading and writing where the plugin is installed."""

from __future__ import annotations

import io
import struct
import sys
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from restore.errors import ImageError
from restore.imaging import jxl
from restore.imaging.decode import read_picture
from restore.imaging.encode import EncodeOptions, encode, lost
from restore.imaging.header import read_size
from restore.jobs import codec
from restore.jobs.naming import Naming, PlanError
from restore.jobs.options import PictureOptions
from restore.jobs.plan import make_plan
from tests.conftest import picture
from tests.imaging.samples import GRAY, SRGB, any_picture, exif_block, read_exif, xmp_packet

CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "


def codestream(*fields: tuple[int, int]) -> bytes:
    """A codestream that begins with these numbers, each with its count of bits, and zeros."""
    value = at = 0
    for number, count in fields:
        assert number < 1 << count
        value |= number << at
        at += count
    return b"\xff\x0a" + value.to_bytes(64, "little")


LARGE = [(0, 1), (1, 2), (3999, 13), (0, 3), (1, 2), (2999, 13)]  # 4000 rows, no ratio, 3000 columns
USUAL, UNUSUAL = (1, 1), (0, 1)


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        ([(1, 1), (7, 5), (1, 3), USUAL], (64, 64, 8, False)),
        ([(1, 1), (7, 5), (0, 3), (11, 5), USUAL], (64, 96, 8, False)),
        ([(0, 1), (0, 2), (299, 9), (3, 3), USUAL], (300, 400, 8, False)),
        ([(0, 1), (0, 2), (99, 9), (2, 3), USUAL], (100, 120, 8, False)),
        ([(0, 1), (3, 2), (2**30 - 1, 30), (7, 3), USUAL], (2**30, 2**31, 8, False)),
        ([*LARGE, USUAL], (4000, 3000, 8, False)),
        ([*LARGE, UNUSUAL, (0, 1), (0, 1), (1, 2)], (4000, 3000, 10, False)),
        ([*LARGE, UNUSUAL, (0, 1), (0, 1), (3, 2), (15, 6)], (4000, 3000, 16, False)),
        ([*LARGE, UNUSUAL, (0, 1), (1, 1), (1, 2)], (4000, 3000, 16, False)),
        ([*LARGE, UNUSUAL, (1, 1), (5, 3), (0, 3)], (3000, 4000, 8, False)),
        (
            [*LARGE, UNUSUAL, (1, 1), (0, 5), (1, 1), (0, 2), (0, 2), (0, 2), (0, 1), (0, 1), (2, 2)],
            (4000, 3000, 12, True),
        ),
        (
            [
                *LARGE,
                UNUSUAL,
                (1, 1),
                (0, 3),
                (1, 1),
                (1, 1),
                (0, 5),
                (1, 3),
                (1, 1),
                (1, 1),
                (2, 2),
                (9, 5),
                (7, 3),
                (0, 1),
                (0, 1),
                (1, 2),
            ],
            (4000, 3000, 10, False),
        ),
    ],
)
def test_headers(fields: list[tuple[int, int]], header: tuple[int, int, int, bool]) -> None:
    data = codestream(*fields)
    split = [struct.pack(">I4sI", 12 + len(p), b"jxlp", n) + p for n, p in enumerate((data[:9], data[9:]))]
    exif = struct.pack(">I4s", 108, b"Exif") + bytes(100)
    assert jxl.read_header(data) == header
    assert jxl.read_header(CONTAINER + exif + struct.pack(">I4s", 8 + len(data), b"jxlc") + data) == header
    assert jxl.read_header(CONTAINER + exif + b"".join(split)) == header


@given(st.binary(max_size=70))
def test_any_header_is_read_or_refused(junk: bytes) -> None:
    for beginning in (b"\xff\x0a", CONTAINER, CONTAINER + b"\0\0\0\0jxlp\0\0\0\0"):
        assert jxl.is_jxl(beginning)
        with suppress(ImageError):
            assert jxl.read_header(beginning + junk).height > 0


def test_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    path = tmp_path / "in" / "x.jxl"
    path.parent.mkdir()
    path.write_bytes(codestream(*LARGE, USUAL))
    hint = "JPEG XL files need another package: pip install pillow-jxl-plugin"
    for read in (read_picture, read_size):
        with pytest.raises(ImageError, match=hint):
            read(path)
    with pytest.raises(ImageError, match=hint):
        encode(any_picture(), ".jxl")
    for target, naming in ((tmp_path / "out", Naming(suffix=".jxl")), (tmp_path / "y.jxl", None)):
        with pytest.raises(PlanError, match=f"jxl cannot be written: {hint}"):
            make_plan(path, target, naming)
    assert make_plan(path.parent, tmp_path / "out").items


plugin = pytest.mark.skipif(find_spec("pillow_jxl") is None, reason="needs the package pillow-jxl-plugin")


@plugin
def test_large_pictures_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "x.jxl"
    path.write_bytes(codestream((0, 1), (3, 2), (2**20 - 1, 30), (1, 3), USUAL))
    with pytest.raises(ImageError, match=r"1048576 x 1048576 pixels are more than the limit"):
        read_picture(path)
    assert read_size(path) == (2**20, 2**20)


@plugin
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("alpha", [False, True])
def test_what_is_written_reads_as_before(tmp_path: Path, channels: int, alpha: bool) -> None:
    packet = xmp_packet('xmlns:a="urn:a" a:b="c"')
    given_ = any_picture(channels, alpha, icc=SRGB if channels == 3 else None, exif=exif_block(), xmp=packet)
    assert lost(given_, ".jxl") == ()
    path = tmp_path / "x.jxl"
    path.write_bytes(encode(given_, ".jxl", EncodeOptions(quality=100)))
    assert read_size(path) == (24, 30)
    got = read_picture(path)
    assert got.notes == ()
    assert got.xmp == packet
    assert got.exif is not None
    assert read_exif(got.exif)[0x010F] == "Maker"
    np.testing.assert_array_equal(got.pixels, given_.pixels)
    if alpha:
        np.testing.assert_array_equal(got.alpha, given_.alpha)
    else:
        assert got.alpha is None
    lossy = tmp_path / "y.jxl"
    lossy.write_bytes(encode(given_, ".jxl", EncodeOptions(quality=90)))
    assert 0 < np.abs(read_picture(lossy).pixels.astype(int) - given_.pixels).mean() < 6


@plugin
def test_other_profiles_are_converted_and_told() -> None:
    wide = SRGB.replace(b"s\0R\0G\0B", b"W\0i\0d\0e").replace(b"\0s\0R\0G\0B", b"\0W\0i\0d\0e")
    given_ = any_picture(icc=wide)
    assert lost(given_, ".jxl") == ("color profile (converted to sRGB)",)
    encode(given_, ".jxl")
    assert lost(replace(any_picture(1), icc=GRAY), ".jxl") == ("color profile (converted to sRGB)",)


@plugin
def test_turned_files(tmp_path: Path) -> None:
    """The decoder turns by the codestream's orientation; the one in EXIF does not count."""
    buffer = io.BytesIO()
    Image.fromarray(picture(24, 30)).save(buffer, "JXL", lossless=True, exif=exif_block(6))
    path = tmp_path / "x.jxl"
    path.write_bytes(buffer.getvalue())
    got = read_picture(path)
    assert got.size == read_size(path) == (24, 30)
    assert got.exif is not None
    assert read_exif(got.exif)[0x0112] == 1


@plugin
def test_a_recompressed_jpeg(tmp_path: Path) -> None:
    """The plugin restores the JPEG file, whose pixels are not turned."""
    given_ = tmp_path / "x.jpg"
    Image.fromarray(picture(24, 30)).save(given_, quality=95, exif=b"Exif\0\0" + exif_block(6))
    path = tmp_path / "x.jxl"
    with Image.open(given_) as image:
        image.save(path, "JXL", lossless_jpeg=True)
    got, expected = read_picture(path), read_picture(given_)
    assert got.size == read_size(path) == (30, 24)
    np.testing.assert_array_equal(got.pixels, expected.pixels)


# Four frames of 32 x 40 pixels, each of one gray level: 0, 40, 80 and 120 (``cjxl -d 0`` of an APNG file).
ANIMATED = bytes.fromhex(
    "ff0a87050308282e0908029209000024004b188b15820b44000008029209000048004b188b1580d5fc7f81080004070200d00f21"
    "0802920900004c004b188b15801df8ff021100081004007019820008029205004c004b188b15801df8ff021100081004007019c2"
    "01"
)


def test_an_animation_is_its_last_frame_with_a_note(tmp_path: Path) -> None:
    pytest.importorskip("pillow_jxl")
    (tmp_path / "x.jxl").write_bytes(ANIMATED)
    for options in (PictureOptions(), PictureOptions(frames="all")):
        picture = codec.decode(tmp_path / "x.jxl", options)
        assert picture.size == (32, 40)
        assert set(picture.pixels.ravel()) == {120}
        assert picture.notes == ("the file contains several pictures; only the last is used",)
