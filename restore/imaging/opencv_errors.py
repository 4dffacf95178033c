"""Translate OpenCV's single exception type into meaningful ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from restore.errors import ImageError


@contextmanager
def opencv_errors(what: str) -> Iterator[None]:
    """Turn ``cv2.error`` into MemoryError if memory ran out, and into ImageError otherwise.

    Args:
        what: what failed, for the message.
    """
    import cv2

    try:
        yield
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(str(error)) from error
        raise ImageError(f"{what}: {error.err}") from error
