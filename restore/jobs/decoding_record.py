"""The pictures that are being decoded now; see :mod:`restore.jobs.crash_record`."""

from __future__ import annotations

from pathlib import Path

from restore.errors import ImageError
from restore.jobs.crash_record import CrashRecord
from restore.utils.atomic_write import TEMPORARY_PREFIX
from restore.utils.isolated_process import ApartError, run_apart

_TRIAL_SECONDS = 300.0


class DecodingRecord(CrashRecord):
    """The pictures that one job, or shard, decodes now.

    Args:
        folder: the output folder.
        name: distinguishes shards.
    """

    def __init__(self, folder: Path, name: str = "") -> None:
        super().__init__(folder / f"{TEMPORARY_PREFIX}decoding{name}")

    def check(self, digest: str, path: Path, pixel_limit: int) -> None:
        """Try a picture in a process of its own if an earlier job died while it was decoded.

        Raises:
            ImageError: that process died too.
        """
        if not self.suspects(digest):
            return
        try:
            run_apart("restore.jobs.decode_apart", str(path), str(pixel_limit), timeout=_TRIAL_SECONDS)
        except ApartError as error:
            self.convict(digest)
            raise ImageError(
                "an earlier job died while it decoded this file, and so did a trial in a process of its own "
                f"({error}): update Pillow and OpenCV, or remove the file"
            ) from error
