"""What stands for a picture in the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from restore.errors import ImageError
from restore.imaging.refusals import unreadable
from restore.jobs.journal import file_digest


def picture_digest(source: Path, mask: Path | None, progress: Callable[[], object] = lambda: None) -> str:
    """A picture's SHA-256, or one of its and its mask's together.

    Raises:
        OSError: the picture cannot be read.
        ImageError: the mask cannot be read.
    """
    digest = file_digest(source, progress)
    if mask is None:
        return digest
    try:
        inside = file_digest(mask, progress)
    except OSError as error:
        raise ImageError(f"{mask}: {unreadable(error)}") from error
    return hashlib.sha256(f"{digest} in {inside}".encode()).hexdigest()
