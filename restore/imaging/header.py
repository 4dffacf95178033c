"""What a file's header says: nothing is decoded, and only as much is read as tells the size."""

from __future__ import annotations

import functools
import importlib
import mmap
import warnings
from contextlib import suppress
from pathlib import Path

from PIL import Image

from restore.errors import ImageError
from restore.imaging import ifd, metadata, tiff

# What Pillow may open. It knows forty more, some of which start other programs.
_READERS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM", "TGA")
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})

# Sizes are checked against a limit that the user can raise; Pillow's own is lower and cannot be.
Image.MAX_IMAGE_PIXELS = None
# Pillow warns of odd metadata through the warnings module, which would print from the reading threads.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def read_size(path: Path) -> tuple[int, int]:
    """Height and width of a picture turned upright.

    Raises:
        ImageError: the file cannot be read, or is not a picture.
    """
    try:
        with _opened(path) as image:
            size = image.height, image.width
            turn = _turn(image)
    except ImageError:
        # Grey with alpha in 16 bits is a TIFF file that we read and Pillow does not.
        stored = _tiff_size(path)
        if stored is None:
            raise
        return stored
    return size[::-1] if turn >= 5 else size


def header_size(path: Path) -> tuple[int, int] | None:
    """Height and width of a picture turned upright; None where they cannot be told: decoding will say what is wrong."""
    try:
        return read_size(path)
    except ImageError:
        return None


def formats(beginning: bytes) -> list[str]:
    """What Pillow may take a file for that begins so.

    Raises:
        ImageError: another package is needed.
    """
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
        raise ImageError("HEIC needs another package. Install it with: pip install pillow-heif") from error
    plugin.register_heif_opener()


def _opened(path: Path) -> Image.Image:
    """A file opened by Pillow, nothing decoded. To be closed."""
    try:
        with path.open("rb") as file:
            known = formats(file.read(64))
        return Image.open(path, formats=known)
    except Exception as error:  # Pillow's readers meet a broken file with whatever exception comes of it
        raise ImageError(f"{path}: {error}") from error


def _turn(image: Image.Image) -> int:
    """The orientation, 1..8, by which the decoder will turn what Pillow has opened."""
    if image.format == "TIFF":
        return 1  # Pillow gives its size upright
    exif, xmp = image.info.get("exif"), image.info.get("xmp")
    turn = metadata.xmp_orientation(xmp) if isinstance(xmp, bytes) else 1
    if isinstance(exif, bytes):
        with suppress(ifd.BrokenDirectoryError):
            turn = metadata.orientation(exif.removeprefix(b"Exif\0\0")) or turn
    return turn


def _tiff_size(path: Path) -> tuple[int, int] | None:
    """Of a classic TIFF file by its own directory; None of any other, and of one without a size."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            layout = tiff.Layout(data)
    except (OSError, ValueError):  # an empty file cannot be mapped; a broken directory is a ValueError too
        return None
    if layout.height < 1 or layout.width < 1:
        return None
    size = layout.height, layout.width
    return size[::-1] if layout.turn in (5, 6, 7, 8) else size
