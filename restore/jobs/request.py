"""The options of a folder job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from restore.jobs.options import Metadata, PictureOptions
from restore.jobs.plan import Existing
from restore.jobs.sizing import TargetSize

if TYPE_CHECKING:
    from restore.zoo.precision import Precision

_DEFAULT, _MOST = 2, 4


@dataclass(frozen=True)
class Request:
    """The command-line options; ``restore enhance --help`` explains each."""

    sources: tuple[Path, ...]
    target: Path
    model: str | None
    size: TargetSize
    strength: float | None
    format_: str | None
    name: str
    quality: int
    png_level: int
    metadata: Metadata
    keep_times: bool
    max_pixels: float
    tile: int | None
    device: str
    precision: Precision
    threads: int | None
    workers: int
    existing: Existing | None
    resume: bool
    shard: tuple[int, int]
    dry_run: bool
    report: Path | None
    watch: bool
    spec: Mapping[str, str]

    @property
    def model_name(self) -> str:
        """The model's name or path. Without one, by scale; where the scale differs by picture, the larger one.

        Not by the pictures: every shard and every part of an interrupted job must choose the same.
        """
        if self.model is not None:
            return self.model
        largest = self.size.scale or (_MOST if self.size.options() else _DEFAULT)
        return "sr-x2" if largest <= 2 else "sr-x4"

    @property
    def scale(self) -> float | None:
        """The factor that the user asked for."""
        return self.size.scale

    def target_size(self, scale: int) -> TargetSize | None:
        """The size of the results, if it is not simply the scale of the model."""
        return None if self.size.scale == scale or not self.size.options() else self.size

    def picture_options(self) -> PictureOptions:
        """How pictures are read and written."""
        most = round(self.max_pixels * 1e6)
        return PictureOptions(self.quality, self.png_level, self.metadata, most, self.keep_times)
