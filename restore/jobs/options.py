"""User options that change the pixels or files of a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from restore.imaging.formats import PIXEL_LIMIT
from restore.jobs.masks import Masks

Metadata = Literal["keep", "no-place", "none"]
Frames = Literal["first", "all"]


@dataclass(frozen=True)
class PictureOptions:
    """How pictures are read and written; only :mod:`restore.jobs.codec` applies them.

    Attributes:
        quality: JPEG and WebP quality, 1..100.
        png_level: PNG compression effort, 0..9.
        metadata: ``keep``; ``no-place`` removes where the picture was taken; ``none`` keeps only the color profile.
        pixel_limit: pictures with more pixels are rejected before decoding.
        keep_times: results get the modification time of their sources.
        history: what is recorded in XMP about a result; empty for nothing.
        frames: which frames of an animation are enhanced.
        strict: damaged pictures are rejected, even if most of them can be read.
        masks: where results may differ from their sources; None for everywhere.
    """

    quality: int = 95
    png_level: int = 1
    metadata: Metadata = "keep"
    pixel_limit: int = PIXEL_LIMIT
    keep_times: bool = False
    history: str = ""
    frames: Frames = "first"
    strict: bool = False
    masks: Masks | None = None

    def changing_files(self) -> dict[str, object]:
        """The options that change what is written; changing one makes existing results outdated."""
        changing: dict[str, object] = {"quality": self.quality, "png_level": self.png_level, "metadata": self.metadata}
        if self.history:
            changing["history"] = self.history
        if self.frames != "first":
            changing["frames"] = self.frames
        if self.masks is not None:  # which one is part of what stands for the picture
            changing["mask"] = "alpha" if self.masks.from_alpha else "file"
        return changing
