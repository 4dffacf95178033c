"""The options of a folder job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from restore.jobs.journal import job_key
from restore.jobs.masks import Masks
from restore.jobs.network_record import Trial
from restore.jobs.options import Frames, Metadata, PictureOptions
from restore.jobs.plan import Existing
from restore.jobs.sizing import TargetSize
from restore.jobs.watch import SETTLE_SECONDS
from restore.jobs.worker import READ_TIMEOUT
from restore.stores.address import Address

if TYPE_CHECKING:
    from restore.jobs.chain import Chain
    from restore.runtime.stream import StreamOptions
    from restore.zoo.precision import Precision

EngineName = Literal["local", "ray"]
_DEFAULT, _MOST = 2, 4


@dataclass(frozen=True)
class Request:
    """The command-line options; ``restore enhance --help`` explains each."""

    sources: tuple[Path | Address, ...]
    target: Path | Address
    model: str | None
    size: TargetSize
    strength: float | None
    format_: str | None
    name: str
    quality: int
    png_level: int
    metadata: Metadata
    keep_times: bool
    history: bool
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
    frames: Frames = "first"
    strict: bool = False
    masks: Masks | None = None
    engine: EngineName = "local"
    address: str | None = None
    cpus_per_worker: float | None = None
    gpus_per_worker: float | None = None
    max_workers: int | None = None
    again: bool = False  # this process goes on with a job whose earlier process crashed

    @property
    def uses_stores(self) -> bool:
        """Whether pictures are read from a store, or written to one."""
        return any(isinstance(end, Address) for end in (*self.sources, self.target))

    @property
    def paths(self) -> tuple[Path, ...]:
        """The sources, of a job on files."""
        return tuple(source for source in self.sources if isinstance(source, Path))

    @property
    def folder(self) -> Path:
        """The target, of a job on files."""
        assert isinstance(self.target, Path)
        return self.target

    def continued(self) -> Request:
        """The options of the process that goes on with the job after a crash; what it finds there is known."""
        if self.uses_stores and self.existing == "skip":
            return replace(self, again=True)  # nobody has noted which results were there before
        return replace(self, again=True, resume=True, existing=None if self.existing == "skip" else self.existing)

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

    def picture_options(self, network: Chain) -> PictureOptions:
        """How pictures are read and written by a job with this network."""
        most = round(self.max_pixels * 1e6)
        history = ""
        if self.history:
            strength = "" if self.strength is None else f", strength {self.strength:g}"
            history = f"{network.history()}{strength}{'' if self.masks is None else ', inside a mask'}"
        return PictureOptions(
            self.quality,
            self.png_level,
            self.metadata,
            most,
            self.keep_times,
            history,
            self.frames,
            self.strict,
            self.masks,
        )

    def stream_options(self) -> StreamOptions:
        """How pictures are cut into tiles and blended."""
        from restore.runtime.stream import StreamOptions

        return StreamOptions(self.tile, strength=1.0 if self.strength is None else self.strength)

    def trial(self, network: Chain) -> Trial:
        """How to run the network of a job in another process, if an earlier one died while it ran."""
        *before, last = [(str(model.file), model.device, model.precision) for model in network.models]
        return Trial(
            *last,
            threads=self.threads,
            tile=self.tile,
            strength=self.stream_options().strength,
            pixel_limit=round(self.max_pixels * 1e6),
            frames=self.frames,
            spec=dict(self.spec),
            before=before,
        )


def default_workers(stores: bool = False, shared: bool = False) -> int:
    """Default number of reading threads, and of writing threads: half the cores, 2..8; 8 for stores, which are far.

    Args:
        stores: whether some end of the job is in a store.
        shared: whether other processes share the cores: 2 then.
    """
    return 8 if stores else 2 if shared else min(8, max(2, (os.cpu_count() or 1) // 2))


def job_key_of(request: Request, network: Chain) -> str:
    """The key of a request's job in the journal."""
    options: dict[str, object] = {
        "format": request.format_,
        "spec": dict(request.spec),
        **request.picture_options(network).changing_files(),
    }
    if not network.exact_tiles:
        options["tile"] = request.tile
    if request.strength not in (None, 1):
        options["strength"] = request.strength
    if size := request.target_size(network.scale):
        options["size"] = size.options()
    if network.precision != network.stored_precision:
        options["precision"] = network.precision
    return job_key(network.digest, options)
