"""Supported formats and their size limits. Imports nothing heavy, since jobs are planned before they start."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

from restore.errors import ImageError
from restore.utils.regular_file import open_regular

# Formats that can be written: suffix and Pillow's name.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".jxl": "JXL",
}

# Those that hold animations. GIF, which has 256 colors, is written only for those and where it is asked for.
ANIMATED = {".png": "PNG", ".webp": "WEBP", ".gif": "GIF"}

# Suffixes for which another, usual one is written.
_USUAL = {".jpg_large": ".jpg"}

# Formats that need a package: its module, and what to install.
_PACKAGES = {".jxl": ("pillow_jxl", "JPEG XL files need another package: pip install pillow-jxl-plugin")}

# Formats of photographs: training reads these from a folder.
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})

# Formats that can be read. Those that cannot be written are saved as PNG.
READABLE = frozenset(
    {
        *FORMATS,
        *_USUAL,
        ".gif",
        ".apng",
        ".avif",
        ".avifs",
        ".heic",
        ".heics",
        ".heif",
        ".heifs",
        ".hif",
        ".jp2",
        ".j2k",
        ".j2c",
        ".jpx",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".tga",
    }
)

# What files begin with.
_SIGNATURES = {
    suffix: re.compile(pattern, re.DOTALL)
    for suffix, pattern in {
        ".jpg": rb"\xff\xd8\xff",
        ".png": rb"\x89PNG\r\n\x1a\n",
        ".webp": rb"RIFF....WEBP",
        ".tif": rb"II[*+]\0|MM\0[*+]",
        ".bmp": rb"BM........[\x1a-\xff]...[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
        ".gif": rb"GIF8[79]a",
        ".avif": rb"....ftypavi[fs]",
        ".heic": rb"....ftyp(?:hei[cmsx]|hev[cmsx]|mif1|msf1)",
        ".jp2": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
        ".jxl": rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n",
    }.items()
}
_UNKNOWN = object()

# A file of a few kilobytes can claim to be gigapixels ("decompression bomb").
PIXEL_LIMIT = 256_000_000

# Longest side in pixels. For JPEG it is libjpeg's limit, for PNG libpng's, for JPEG XL that of level 5.
_LONGEST = {
    "JPEG": 65_500,
    "WEBP": 16_383,
    "PNG": 1_000_000,
    "TIFF": 2**31 - 1,
    "BMP": 2**31 - 1,
    "JXL": 2**18,
    "GIF": 65_535,
}
_MOST_PIXELS = {"JXL": 2**28}
# Sizes and offsets in these files have 31 or 32 bits.
_MOST_BYTES = {"TIFF": 2**32, "BMP": 2**31}


def kind_of(suffix: str) -> str:
    """Pillow's name of a format that can be written, by one of :data:`FORMATS` or :data:`ANIMATED`."""
    return FORMATS.get(suffix.lower()) or ANIMATED[suffix.lower()]


def check_fits(suffix: str, height: int, width: int) -> None:
    """Reject a picture that a format cannot hold, before any work is done on it.

    Args:
        suffix: one of :data:`FORMATS` or :data:`ANIMATED`.
        height: of the result, in pixels.
        width: of the result, in pixels.

    Raises:
        ImageError: a side is too long, or the pixels are too many for the file's offsets.
    """
    kind = kind_of(suffix)
    if max(height, width) > _LONGEST[kind]:
        raise ImageError(
            f"{width} x {height} pixels are more than {kind} can hold ({_LONGEST[kind]:,} per side): "
            "choose another --format"
        )
    if height * width > _MOST_PIXELS.get(kind, 2**63):
        raise ImageError(
            f"{width} x {height} pixels are more than {kind} can hold ({_MOST_PIXELS[kind] / 1e6:.0f} million): "
            "choose another --format"
        )
    if height * width * 3 > _MOST_BYTES.get(kind, 2**63):
        raise ImageError(
            f"{width} x {height} pixels are more than {kind} can hold ({_MOST_BYTES[kind] // 2**30} GiB): "
            "choose another --format, such as png"
        )


def check_package(suffix: str) -> None:
    """Check that the package is installed that a format needs, if it needs one.

    Raises:
        ImageError: it is not; the message says what to install.
    """
    module, message = _PACKAGES.get(suffix.lower(), (None, ""))
    if module is not None and (sys.modules.get(module, _UNKNOWN) is None or importlib.util.find_spec(module) is None):
        raise ImageError(message)


def suffix_of(source: Path) -> str:
    """The suffix of a picture that is saved in its own format, or as PNG if that cannot be written.

    Args:
        source: the picture. Without a suffix, its content counts.
    """
    suffix = source.suffix.lower()
    if suffix in FORMATS:
        return source.suffix
    found = _USUAL.get(suffix) if suffix else suffix_by_content(source)
    return found if found in FORMATS else ".png"


def suffix_by_content(path: Path) -> str | None:
    """The usual suffix for a file's content, one of :data:`READABLE`; None if it is none, or cannot be read."""
    try:
        with open_regular(path) as file:
            beginning = file.read(32)
    except OSError:
        return None
    return next((suffix for suffix, pattern in _SIGNATURES.items() if pattern.match(beginning)), None)
