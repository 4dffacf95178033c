"""Read the bytes of a picture's file, if they are not more than it can have."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from restore.errors import ImageError
from restore.imaging import refusals
from restore.utils.regular_file import open_regular, read_regular


def read_file(path: Path, pixel_limit: int, progress: Callable[[], object] = lambda: None) -> bytes:
    """The whole file, unless it is larger than a picture within the limit could be.

    Raises:
        ImageError: it is too large or cannot be read.
    """
    try:
        with open_regular(path) as file:
            check_length(os.fstat(file.fileno()).st_size, pixel_limit, f"{path}: ")
            return read_regular(file, progress)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file") from error
    except OSError as error:
        raise ImageError(f"{path}: {refusals.unreadable(error)}") from error


def check_length(size: int, pixel_limit: int, where: str = "") -> None:
    """Refuse a file of more bytes than a picture within the limit could have.

    Args:
        size: in bytes.
        pixel_limit: largest number of pixels.
        where: put before the message.

    Raises:
        ImageError: it is larger.
    """
    # Uncompressed 16-bit RGBA plus generous metadata.
    if size > 8 * pixel_limit + 2**26:
        raise ImageError(
            f"{where}{size / 1e6:.0f} MB is more than a picture of {pixel_limit / 1e6:g} million pixels can take; "
            "if it really is a picture, raise the limit with --max-pixels"
        )
