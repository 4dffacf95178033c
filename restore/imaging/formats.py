"""Which formats there are and how large they get. Imports nothing heavy: a job is planned before it is begun."""

from __future__ import annotations

from restore.errors import ImageError

# What can be written: the suffix and Pillow's name.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}

# What photographs are kept in: training takes these from a folder.
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})

# Read, though not all can be written: what is written instead of the others is PNG.
READABLE = frozenset(
    {
        *FORMATS,
        ".jfif",
        ".gif",
        ".apng",
        ".avif",
        ".heic",
        ".heif",
        ".jp2",
        ".j2k",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".tga",
    }
)

# A file of a few kilobytes can claim to be gigapixels ("decompression bomb").
PIXEL_LIMIT = 256_000_000

# The longest side: of JPEG by libjpeg's own limit, of PNG by libpng's.
_LONGEST = {"JPEG": 65_500, "WEBP": 16_383, "PNG": 1_000_000, "TIFF": 2**31 - 1, "BMP": 2**31 - 1}
# Sizes and offsets in the file are numbers of 31 or 32 bits.
_MOST_BYTES = {"TIFF": 2**32, "BMP": 2**31}


def check_fits(suffix: str, height: int, width: int) -> None:
    """Refuse a picture that a format cannot hold, before any work is done on it.

    Args:
        suffix: one of :data:`FORMATS`.
        height: of the result, in pixels.
        width: of the result, in pixels.

    Raises:
        ImageError: a side is too long, or the pixels are too many for the file's offsets.
    """
    kind = FORMATS[suffix.lower()]
    if max(height, width) > _LONGEST[kind]:
        raise ImageError(
            f"{width} x {height} pixels are more than {kind} can hold ({_LONGEST[kind]:,} a side): "
            "choose another --format"
        )
    if height * width * 3 > _MOST_BYTES.get(kind, 2**63):
        raise ImageError(
            f"{width} x {height} pixels are more than {kind} can hold ({_MOST_BYTES[kind] // 2**30} GiB): "
            "choose another --format, such as png"
        )
