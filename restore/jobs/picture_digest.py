"""What stands for a picture in the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from restore.jobs.journal import file_digest


def picture_digest(source: Path, mask: Path | None, progress: Callable[[], object] = lambda: None) -> str:
    """A picture's SHA-256, or one of its and its mask's together.

    Raises:
        OSError: one of them cannot be read.
    """
    digest = file_digest(source, progress)
    if mask is None:
        return digest
    return hashlib.sha256(f"{digest} in {file_digest(mask, progress)}".encode()).hexdigest()
