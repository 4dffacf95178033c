"""What the user chose that changes the pixels or the files of a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from restore.imaging.formats import PIXEL_LIMIT

Metadata = Literal["keep", "no-place", "none"]


@dataclass(frozen=True)
class PictureOptions:
    """How pictures are read and written; applied in :mod:`restore.jobs.codec` alone.

    Attributes:
        quality: of JPEG and WebP, 1..100.
        png_level: effort of PNG, 0..9.
        metadata: ``keep``; ``no-place`` leaves out where the picture was taken; ``none`` keeps only the colour profile.
        pixel_limit: pictures of more pixels are refused before they are decoded.
    """

    quality: int = 95
    png_level: int = 1
    metadata: Metadata = "keep"
    pixel_limit: int = PIXEL_LIMIT

    def changing_files(self) -> dict[str, object]:
        """Those that change what is written: a result made with others is made again."""
        return {"quality": self.quality, "png_level": self.png_level, "metadata": self.metadata}
