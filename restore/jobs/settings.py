"""How a planned job is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from restore.imaging.picture import Samples
from restore.jobs.chain import Before, Chain
from restore.jobs.network_record import Trial
from restore.jobs.options import PictureOptions
from restore.jobs.request import Request
from restore.jobs.sizing import TargetSize
from restore.jobs.store_results import StoreResults
from restore.jobs.worker import READ_TIMEOUT
from restore.runtime.classification import UNTOLD, Told

DEFAULT_MEMORY = 1 << 30


@dataclass(frozen=True)
class Settings:
    """How to run a job.

    Attributes:
        options: how pictures are read and written.
        scale: of the model, or of all models of a chain together.
        size: of the results; None for the model's scale.
        overwrite: replace existing outputs; otherwise an output that appeared after planning makes its picture fail.
        resume: skip pictures that are done according to the journal, and replace outdated results of restore.
        workers: threads of the decoding pool, and of the encoding pool.
        judge: what the network tells about an RGB picture (H, W, 3).
        memory: limit in bytes for decoded pictures and results waiting to be written; a larger picture is
            processed alone.
        read_timeout: seconds without progress after which reading a picture fails; 0 for no limit.
        trial: how to try the network in a process of its own, if an earlier job died in it.
        before: all models of a chain but the last.
        stored: the results, if some end of the job is in a store.
    """

    options: PictureOptions = field(default_factory=PictureOptions)
    scale: int = 1
    size: TargetSize | None = None
    overwrite: bool = False
    resume: bool = False
    workers: int = 2
    judge: Callable[[Samples], Told] = lambda _: UNTOLD
    memory: int = DEFAULT_MEMORY
    read_timeout: float = READ_TIMEOUT
    trial: Trial | None = None
    before: Before | None = None
    stored: StoreResults | None = None


def settings_of(
    request: Request, network: Chain, before: Before | None, stored: StoreResults | None, resume: bool
) -> Settings:
    """How a request's job is run.

    Args:
        request: the job.
        network: opened for it.
        before: see :class:`Settings`, also for the others.
        stored: see there.
        resume: see there.
    """
    return Settings(
        request.picture_options(network),
        network.scale,
        request.target_size(network.scale),
        overwrite=request.existing == "overwrite",
        resume=resume,
        workers=request.workers,
        judge=partial(network.tell, strength=request.stream_options().strength),
        read_timeout=request.read_timeout,
        trial=request.trial(network),
        before=before,
        stored=stored,
    )
