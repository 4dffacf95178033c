"""Damaged files of every format, by number: flipped bits, lost and repeated parts, foreign headers, wrong extensions."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from restore.imaging.encode import EncodeOptions, encode
from tests.conftest import picture
from tests.imaging.samples import GRAY, SRGB, XMP, any_picture, exif_block, with_thumbnail


def _pillow(kind: str, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(61, 83)).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def _ours(suffix: str, channels: int = 3, alpha: bool = False, bits: int = 8) -> bytes:
    exif = with_thumbnail(exif_block(6), b"\xff\xd8 thumbnail \xff\xd9")
    given = any_picture(channels, alpha, bits, icc=SRGB if channels == 3 else GRAY, exif=exif, xmp=XMP)
    return encode(given, suffix, EncodeOptions())


def whole_files() -> list[bytes]:
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


def damaged(number: int, whole: list[bytes]) -> tuple[bytes, str]:
    """One damaged file and the ending it has; ``number`` says all about it.

    Args:
        number: from 0 on.
        whole: from :func:`whole_files`.
    """
    draw = np.random.default_rng(number)
    mutation = MUTATIONS[number % len(MUTATIONS)]
    data = whole[number // len(MUTATIONS) % len(whole)]
    return mutation(data, whole[draw.integers(len(whole))], draw), SUFFIXES[number % len(SUFFIXES)]
