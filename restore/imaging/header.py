"""Read the size from a file's header without decoding."""

from __future__ import annotations

import functools
import importlib
import io
import logging
import mmap
import warnings
from contextlib import suppress
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from restore.errors import ImageError
from restore.imaging import jxl, refusals
from restore.imaging.jpeg import segments as jpeg_segments
from restore.imaging.metadata import exif as exif_metadata
from restore.imaging.metadata import ifd, xmp_update
from restore.imaging.png.writer import PNG_SIGNATURE
from restore.utils.regular_file import open_regular

# Formats that Pillow may open. It supports forty more, some of which start external programs.
_READERS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM", "TGA")
_HEADERS = 2**24  # bytes before a JPEG file's first scan, generously
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})

# We check sizes against a limit that the user can raise; Pillow's own limit is lower and fixed.
Image.MAX_IMAGE_PIXELS = None
# Pillow reports odd metadata through the warnings module, which would print from the reader threads.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
# And some through logging, which prints what nobody handles; the error that follows says it.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def read_size(path: Path) -> tuple[int, int]:
    """Height and width of a picture turned upright.

    Raises:
        ImageError: the file cannot be read or is not a picture.
    """
    beginning = _beginning(path)
    if not beginning.startswith(b"\xff\xd8") and (known := _known_size(path, beginning)):
        return known
    with _opened(path, beginning) as image:
        size = image.height, image.width
        if image.format in ("AVIF", "JPEG2000"):
            size = _complete(image, path, size)
        return size[::-1] if _turn(image) >= 5 else size


def format_of(path: Path) -> str:
    """Pillow's name of a picture's format, by its content.

    Raises:
        ImageError: the file cannot be read or is not a picture.
    """
    with _opened(path, _beginning(path)) as image:
        return image.format or ""


def header_size(path: Path) -> tuple[int, int] | None:
    """Height and width of a picture turned upright; None if they cannot be read: decoding will report the error."""
    try:
        return read_size(path)
    except ImageError:
        return None


def formats(beginning: bytes) -> list[str]:
    """The formats that Pillow may try for a file with this beginning.

    Raises:
        ImageError: the format needs a package that is not installed.
    """
    if jxl.is_jxl(beginning):
        jxl.register()
        return ["JXL"]
    heif = beginning[4:8] == b"ftyp" and beginning[8:12] in _HEIF_BRANDS and b"avif" not in beginning[8:64]
    if not heif:
        return list(_READERS)
    _register_heif()
    return [*_READERS, "HEIF"]


@functools.cache
def _register_heif() -> None:
    try:
        plugin = importlib.import_module("pillow_heif")
    except ImportError as error:
        raise ImageError("HEIC files need another package: pip install pillow-heif") from error
    plugin.register_heif_opener()


def _beginning(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(64)
    except (OSError, ValueError) as error:
        raise ImageError(f"{path}: {refusals.why(error)}") from error


def _known_size(path: Path, beginning: bytes) -> tuple[int, int] | None:
    """Upright height and width of a file whose header is read here; None for others and broken ones."""
    if beginning.startswith(PNG_SIGNATURE):
        return _png_size(path)
    return _jxl_size(path) if jxl.is_jxl(beginning) else _own_size(path, beginning)


def _opened(path: Path, beginning: bytes) -> Image.Image:
    """Open a file with Pillow without decoding it. The caller must close it."""
    try:
        return Image.open(path, formats=formats(beginning))
    except UnidentifiedImageError as error:
        if image := _opened_jpeg(path):
            return image
        raise ImageError(f"{path}: {refusals.NOT_A_PICTURE}") from error
    except Exception as error:  # Pillow's readers raise anything on a broken file
        raise ImageError(f"{path}: {refusals.why(error)}") from error


def _png_size(path: Path) -> tuple[int, int] | None:
    """Upright height and width of a PNG file; None if its header is broken."""
    from restore.imaging.png import extras as png_extras

    try:
        found = png_extras.read_header(path)
    except (OSError, ValueError) as error:
        raise ImageError(f"{path}: {refusals.why(error)}") from error
    if found is None:
        return None
    chunks, extras = found
    size = chunks.height, chunks.width
    return size[::-1] if _turn_by(extras.exif, extras.xmp) >= 5 else size


def _opened_jpeg(path: Path) -> Image.Image | None:
    """A JPEG file opened without segments that Pillow refuses; None for other files."""
    with open_regular(path) as file:
        data = file.read(_HEADERS) if file.read(2) == b"\xff\xd8" else b""
    cleaned = jpeg_segments.without_odd_segments(b"\xff\xd8" + data) if data else None
    try:
        return Image.open(io.BytesIO(cleaned), formats=["JPEG"]) if cleaned else None
    except UnidentifiedImageError:
        return None


def _jxl_size(path: Path) -> tuple[int, int]:
    """Upright height and width of a JPEG XL file, which cannot be opened without decoding."""
    try:
        jxl.register()
        with open_regular(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            header = jxl.read_header(data)
    except (OSError, ImageError) as error:
        raise ImageError(f"{path}: {refusals.why(error)}") from error
    return header.height, header.width


def _complete(image: Image.Image, path: Path, size: tuple[int, int]) -> tuple[int, int]:
    """Complete Pillow's ``info`` by what it does not report; returns the size of the part that is to be shown."""
    from restore.imaging import heif, jp2

    data = path.read_bytes()
    if image.format == "JPEG2000":
        image.info.update(jp2.read_extra(data).info)
    crop = heif.properties(data).crop if image.format == "AVIF" else None
    return (crop.height, crop.width) if crop else size


def is_turned(image: Image.Image) -> bool:
    """Whether Pillow or its plugin turns this picture upright itself, except a JPEG file recompressed as JPEG XL."""
    return image.format in ("TIFF", "HEIF") or (image.format == "JXL" and not getattr(image, "jpeg", False))


def _turn(image: Image.Image) -> int:
    """The orientation, 1..8, by which the decoder will turn an opened picture."""
    if is_turned(image):
        return 1  # Pillow already reports the upright size
    return _turn_by(image.info.get("exif"), image.info.get("xmp"))


def _turn_by(exif: object, xmp: object) -> int:
    turn = xmp_update.orientation(xmp) if isinstance(xmp, bytes) else 1
    if isinstance(exif, bytes):
        with suppress(ifd.BrokenDirectoryError):
            turn = exif_metadata.orientation(exif.removeprefix(b"Exif\0\0")) or turn
    return turn


def _own_size(path: Path, beginning: bytes) -> tuple[int, int] | None:
    """Upright height and width of a file that is decoded without Pillow; None for others and broken ones."""
    from restore.imaging import bmp, tga
    from restore.imaging.tiff import pages as tiff_pages

    try:
        if not tiff_pages.is_tiff(beginning):
            return bmp.size(beginning) or tga.size(beginning)
        with open_regular(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            height, width = tiff_pages.main_page(data)[0].upright_size
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    except (OSError, ValueError):  # a broken directory is a ValueError too
        return None
    return (height, width) if height > 0 and width > 0 else None
