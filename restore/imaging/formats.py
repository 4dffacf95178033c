"""Supported formats and their size limits. Imports nothing heavy, since jobs are planned before they start."""

from __future__ import annotations

from restore.errors import ImageError

# Formats that can be written: suffix and Pillow's name.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}

# Formats of photographs: training reads these from a folder.
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})

# Formats that can be read. Those that cannot be written are saved as PNG.
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

# Longest side in pixels. For JPEG it is libjpeg's limit, for PNG libpng's.
_LONGEST = {"JPEG": 65_500, "WEBP": 16_383, "PNG": 1_000_000, "TIFF": 2**31 - 1, "BMP": 2**31 - 1}
# Sizes and offsets in these files have 31 or 32 bits.
_MOST_BYTES = {"TIFF": 2**32, "BMP": 2**31}


def check_fits(suffix: str, height: int, width: int) -> None:
    """Reject a picture that a format cannot hold, before any work is done on it.

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
            f"{width} x {height} pixels are more than {kind} can hold ({_LONGEST[kind]:,} per side): "
            "choose another --format"
        )
    if height * width * 3 > _MOST_BYTES.get(kind, 2**63):
        raise ImageError(
            f"{width} x {height} pixels are more than {kind} can hold ({_MOST_BYTES[kind] // 2**30} GiB): "
            "choose another --format, such as png"
        )
