"""Translate OpenCV's single exception type into meaningful ones."""

from __future__ import annotations

import functools
import os
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

    _quiet()
    try:
        yield
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(str(error)) from error
        raise ImageError(f"{what}: {error.err}") from error


@functools.cache
def _quiet() -> None:
    """Stop OpenCV from printing warnings, which name no file, unless the user asks for them by OpenCV's variable."""
    import cv2

    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
