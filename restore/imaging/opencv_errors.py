"""OpenCV's one exception, as what it means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from restore.errors import ImageError


@contextmanager
def opencv_errors(what: str) -> Iterator[None]:
    """Turn ``cv2.error`` into MemoryError where that is what it says, and into ImageError elsewhere.

    Args:
        what: could not be done, for the message.
    """
    import cv2

    try:
        yield
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(str(error)) from error
        raise ImageError(f"{what}: {error.err}") from error
