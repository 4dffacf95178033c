"""Damaged files of every format: each decodes to a sane picture or is an error that names it. Nothing crashes or hangs.

``RESTORE_MUTATIONS=100000 pytest -m slow tests/imaging/test_mutated.py`` goes on for longer. Where the process dies, the
file that killed it is the last in pytest's temporary folder.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restore.errors import ImageError
from restore.imaging.decode import read_picture
from restore.imaging.encode import EncodeOptions, encode
from tests.conftest import picture
from tests.imaging.samples import GREY, SRGB, XMP, any_picture, exif_block, with_thumbnail

resource = pytest.importorskip("resource")

SECONDS, PIXELS, MEGABYTES = 5.0, 1_000_000, 500
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def _pillow(kind: str, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(61, 83)).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def _ours(suffix: str, channels: int = 3, alpha: bool = False, bits: int = 8) -> bytes:
    exif = with_thumbnail(exif_block(6), b"\xff\xd8 thumbnail \xff\xd9")
    given = any_picture(channels, alpha, bits, icc=SRGB if channels == 3 else GREY, exif=exif, xmp=XMP)
    return encode(given, suffix, EncodeOptions())


def _whole() -> list[bytes]:
    """A file of every format and kind that is read."""
    ours = [
        _ours(s, *kind)
        for s in (".png", ".tif")
        for kind in ((3, False, 8), (1, True, 16), (3, True, 16), (1, False, 16))
    ]
    ours += [_ours(".jpg"), _ours(".webp", 3, True), _ours(".bmp", 1)]
    frames = [Image.fromarray(picture(61, 83, seed=1))]
    pillow = [
        _pillow("JPEG", progressive=True),
        _pillow("JPEG", "CMYK"),
        _pillow("PNG", "P"),
        _pillow("PNG", "1"),
        _pillow("PNG", save_all=True, append_images=frames),
        _pillow("WEBP", lossless=True),
        _pillow("TIFF", compression="tiff_lzw"),
        _pillow("TIFF", "CMYK"),
        _pillow("TIFF", compression="jpeg"),
        _pillow("TIFF", "LAB"),
        _pillow("GIF", "P", save_all=True, append_images=frames),
        _pillow("AVIF"),
        _pillow("JPEG2000"),
        _pillow("JPEG2000", "LA"),
        _pillow("PPM"),
        _pillow("TGA", compression="tga_rle"),
    ]
    return [*ours, *pillow, b"P6 9 8 1023\n" + bytes(9 * 8 * 6)]


Mutation = Callable[[bytes, bytes, np.random.Generator], bytes]


def _flipped(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for at in draw.integers(0, len(data), draw.integers(1, 20)):
        changed[at] ^= 1 << int(draw.integers(8))
    return bytes(changed)


def _header_changed(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    """Most of what a decoder trusts is in the first bytes."""
    changed = bytearray(data)
    for at in draw.integers(0, min(400, len(data)), draw.integers(1, 6)):
        changed[at] = int(draw.choice([0, 1, 0x7F, 0x80, 0xFF, draw.integers(256)]))
    return bytes(changed)


def _cut_off(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    return data[: draw.integers(len(data))]


def _piece_lost(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    start = draw.integers(len(data))
    return data[:start] + data[start + draw.integers(1, 200) :]


def _piece_repeated(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    start, length = draw.integers(len(data)), draw.integers(1, 200)
    return data[: start + length] + data[start:]


def _anothers_head(data: bytes, other: bytes, draw: np.random.Generator) -> bytes:
    length = draw.integers(4, 300)
    return other[:length] + data[length:]


def _blanked(data: bytes, _: bytes, draw: np.random.Generator) -> bytes:
    start, length = draw.integers(len(data)), draw.integers(1, 500)
    return (data[:start] + bytes(length) + data[start + length :])[: len(data)]


MUTATIONS: list[Mutation] = [
    _flipped,
    _header_changed,
    _cut_off,
    _piece_lost,
    _piece_repeated,
    _anothers_head,
    _blanked,
]
SUFFIXES = [".jpg", ".png", ".tif", ".webp", ".heic", ".txt"]


def _check(folder: Path, numbers: range) -> tuple[int, int]:
    """How many of the damaged files were decoded all the same, and how many refused."""
    whole = _whole()
    decoded = refused = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in numbers:
        draw = np.random.default_rng(number)
        data = MUTATIONS[number % len(MUTATIONS)](
            whole[number // len(MUTATIONS) % len(whole)], whole[draw.integers(len(whole))], draw
        )
        path = folder / f"{number}{SUFFIXES[number % len(SUFFIXES)]}"
        path.write_bytes(data)
        began = time.process_time()
        try:
            read = read_picture(path, PIXELS)
        except ImageError as error:
            message = str(error)
            refused += 1
        else:
            message = f"{path}: "
            decoded += 1
            height, width = read.size
            assert 0 < height * width <= PIXELS
            assert read.pixels.shape in ((height, width, 1), (height, width, 3))
            assert read.pixels.dtype in (np.uint8, np.uint16)
            assert read.alpha is None or (read.alpha.shape, read.alpha.dtype) == ((height, width), read.pixels.dtype)
            for suffix in (".png", ".jpg", ".tif"):  # whatever metadata came with it can be written again
                encode(read, suffix)
        assert message.startswith(f"{path}: ")
        assert time.process_time() - began < SECONDS, path
        path.unlink()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * _RSS_UNIT / 2**20
    assert grown < MEGABYTES
    return decoded, refused


def test_a_few_of_each(tmp_path: Path) -> None:
    decoded, refused = _check(tmp_path, range(len(MUTATIONS) * 28))
    assert decoded > 10
    assert refused > 50


@pytest.mark.slow
def test_many(tmp_path: Path) -> None:
    decoded, refused = _check(tmp_path, range(1000, 1000 + int(os.environ.get("RESTORE_MUTATIONS", "1000"))))
    assert decoded > 50
    assert refused > 300


def test_whole_files_are_read(tmp_path: Path) -> None:
    for number, data in enumerate(_whole()):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(data)
        assert min(read_picture(path).size) >= 8
