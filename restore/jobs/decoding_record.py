"""The pictures that are being decoded now; see :mod:`restore.jobs.crash_record`."""

from __future__ import annotations

from pathlib import Path

from restore.errors import ImageError
from restore.jobs.crash_record import CrashRecord
from restore.jobs.verdict import Verdict, Verdicts, decoders
from restore.utils.atomic_write import TEMPORARY_PREFIX
from restore.utils.isolated_process import ApartCrashError, ApartError, run_apart

_TRIAL_SECONDS = 300.0
_STEP = "decoder"
_CURE = "update Pillow and OpenCV, or remove the file"


class DecodingRecord(CrashRecord):
    """The pictures that one job, or shard, decodes now.

    Args:
        folder: the output folder.
        name: distinguishes shards.
        verdicts: of the folder's journals.
    """

    def __init__(self, folder: Path, name: str = "", verdicts: Verdicts | None = None) -> None:
        super().__init__(folder / f"{TEMPORARY_PREFIX}decoding{name}")
        self._verdicts = verdicts

    def check(self, digest: str, path: Path, pixel_limit: int, resume: bool = False) -> None:
        """Try a picture in a process of its own if an earlier one died while it was decoded.

        Args:
            digest: SHA-256 of its bytes.
            path: the file.
            pixel_limit: see :func:`restore.imaging.decode.read_picture`.
            resume: do not try it again if its trial crashed before, with the same decoders.

        Raises:
            ImageError: that process died too.
        """
        before = self._verdicts and self._verdicts.of(_STEP, digest, decoders())
        if before and resume:
            raise ImageError(
                f"a process of its own died while it decoded this file ({before}), and --resume does not try it again: "
                f"{_CURE}"
            )
        if not before and not self.suspects(digest):
            return
        try:
            run_apart("restore.jobs.decode_apart", str(path), str(pixel_limit), timeout=_TRIAL_SECONDS)
        except ApartError as error:
            if isinstance(error, ApartCrashError) and self._verdicts:
                self._verdicts.add(Verdict(_STEP, digest, decoders(), str(error)))
            else:
                self.keep(digest)
            raise ImageError(
                "an earlier process died while it decoded this file, and so did a trial in a process of its own "
                f"({error}): {_CURE}"
            ) from error
