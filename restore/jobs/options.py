"""What the user chose that changes the pixels or the files of a job."""

from __future__ import annotations

from dataclasses import dataclass

from restore.imaging.decode import PIXEL_LIMIT


@dataclass(frozen=True)
class PictureOptions:
    """How pictures are read and written; applied in :mod:`restore.jobs.picture` alone.

    Attributes:
        quality: of JPEG and WebP, 1..100.
        pixel_limit: pictures of more pixels are refused before they are decoded.
    """

    quality: int = 95
    pixel_limit: int = PIXEL_LIMIT

    def changing_files(self) -> dict[str, object]:
        """Those that change what is written: a result made with others is made again."""
        return {"quality": self.quality}
