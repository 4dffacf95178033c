"""Decode a picture in a process of its own: ``python -m restore.jobs.decode_apart FILE LIMIT``; see decoding_record."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from restore.errors import ImageError
from restore.imaging.decode import decode_frames
from restore.imaging.read_file import read_file
from restore.utils.isolated_process import end_with


def main(path: str, pixel_limit: str) -> None:
    """Print a JSON object if the process survives; that a file is no picture is for the job to report."""
    with suppress(ImageError, MemoryError):
        limit = int(pixel_limit)
        picture = decode_frames(read_file(Path(path), limit), Path(path), limit)
        for _ in picture.animation.frames() if picture.animation else ():
            pass
    sys.stdout.write("{}\n")


if __name__ == "__main__":
    end_with(os.getppid())
    main(*sys.argv[1:])
