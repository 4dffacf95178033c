"""The options of ``restore enhance``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from restore.jobs.journal import job_key, model_digest
from restore.jobs.options import Metadata, PictureOptions
from restore.jobs.plan import Existing
from restore.jobs.watch import SETTLE_SECONDS
from restore.jobs.worker import READ_TIMEOUT

if TYPE_CHECKING:
    from restore.runtime.model import Model
    from restore.zoo.precision import Precision

_DEFAULT_SCALE = 2


@dataclass(frozen=True)
class Request:
    """The command-line options; ``restore enhance --help`` explains each."""

    source: Path
    target: Path
    model: str | None
    scale: int | None
    strength: float | None
    format_: str | None
    name: str
    quality: int
    png_level: int
    metadata: Metadata
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
    read_timeout: float = READ_TIMEOUT
    settle: float = SETTLE_SECONDS

    @property
    def model_name(self) -> str:
        """The model's name or path; chosen by scale if no model was given."""
        return f"sr-x{self.scale or _DEFAULT_SCALE}" if self.model is None else self.model

    def picture_options(self) -> PictureOptions:
        """How pictures are read and written."""
        return PictureOptions(self.quality, self.png_level, self.metadata, round(self.max_pixels * 1e6))


def default_workers() -> int:
    """Default number of reading threads, and of writing threads: half the cores, 2..8."""
    return min(8, max(2, (os.cpu_count() or 1) // 2))


def job_key_of(request: Request, network: Model) -> str:
    """The key of a request's job in the journal."""
    options: dict[str, object] = {
        "format": request.format_,
        "spec": dict(request.spec),
        **request.picture_options().changing_files(),
    }
    if not network.spec.exact_tiles:
        options["tile"] = request.tile
    if request.strength not in (None, 1):
        options["strength"] = request.strength
    if network.precision != network.spec.precision:
        options["precision"] = network.precision
    return job_key(model_digest(network.file), options)
