"""Options of a job that contradict each other, or its inputs."""

from __future__ import annotations

from typing import get_args

from restore.imaging.formats import ANIMATED
from restore.jobs.naming import PlanError
from restore.jobs.request import EngineName, Request
from restore.jobs.watch import check_watch
from restore.stores.address import Address


def refuse_contradictions(request: Request) -> None:
    """Check options before anything is planned.

    Raises:
        PlanError: some contradict each other.
        MissingExtraError: a package that one of them needs is not installed.
    """
    first = request.sources[0]
    if request.uses_stores:
        _refuse_for_stores(request)
        single = False
    else:
        _refuse_mixed_masks(request)
        single = len(request.sources) == 1 and not request.paths[0].is_dir() and request.paths[0].exists()
    if request.resume and request.existing == "skip":
        raise PlanError("--resume and --skip-existing: --resume already skips finished pictures; remove one")
    if request.resume and single:
        raise PlanError(f"--resume needs a folder, but {first} is a file: use --overwrite")
    if request.watch and (single or len(request.sources) > 1):
        what = f"{first} is a file" if single else f"there are {len(request.sources)} inputs"
        raise PlanError(f"--watch needs one folder, but {what}")
    if request.watch and (request.dry_run or request.shard != (1, 1)):
        raise PlanError("--watch does not work with --dry-run or --shard: a growing folder has no fixed plan")
    if request.scale == 1 and request.model is None:
        raise PlanError("--scale 1 keeps the size: choose a model, such as --model photo-x1, or a larger scale")
    if request.frames == "first" and request.format_ == "gif":
        raise PlanError("--format gif is for animations: add --frames all, or choose png for single pictures")
    if request.frames == "all" and request.format_ and f".{request.format_}" not in ANIMATED:
        raise PlanError(f"--frames all and --format {request.format_} contradict each other: choose webp, png or gif")
    _refuse_for_engine(request)
    if request.watch:
        check_watch()


def _refuse_mixed_masks(request: Request) -> None:
    """Refuse masks that would be taken for pictures, and results among masks."""
    if request.masks is None or request.masks.place is None:
        return
    place = request.masks.place.resolve()
    for source in request.paths:
        if source.is_dir() and place.is_relative_to(source.resolve()):
            raise PlanError(
                f"--mask {request.masks} is inside the input folder {source}, so that masks would be enhanced like "
                "pictures: move them elsewhere"
            )
    if place in (request.folder.resolve(), *request.folder.resolve().parents):
        raise PlanError(f"--mask {request.masks} and the output {request.folder}: results would be mixed with masks")


# Of one worker, as in restore/cli/enhance.py.
MOST_CPUS, MOST_GPUS = 1024, 64
_ONLY_RAY = ("address", "cpus_per_worker", "gpus_per_worker", "max_workers")


def _refuse_for_engine(request: Request) -> None:
    """Refuse what only the other engine does."""
    if request.engine not in get_args(EngineName):
        raise PlanError(f"--engine {request.engine}: there are {' and '.join(get_args(EngineName))}")
    if request.engine == "local":
        for name in _ONLY_RAY:
            if getattr(request, name) is not None:
                raise PlanError(f"--{name.replace('_', '-')} is for a cluster: add --engine ray, or remove it")
        return
    if request.watch:
        raise PlanError("--watch works with --engine local: repeat the command with --engine ray and --resume instead")
    if request.address is not None and request.address.startswith("ray://"):
        raise PlanError(
            f"--address {request.address}: Ray's client is not supported; run the command on a machine of the cluster "
            "with --address auto, for example by 'ray job submit'"
        )
    _refuse_shares(request)
    kind, _, number = request.device.partition(":")
    if number:
        raise PlanError(f"--device {request.device}: Ray gives each worker its GPUs; write --device {kind}")
    if request.dry_run:
        return
    from restore.jobs.ray_pool import import_ray

    import_ray()


def _refuse_shares(request: Request) -> None:
    """Refuse what no worker can take of a machine; the command line has checked it, programs have not."""
    cpus, gpus, most = request.cpus_per_worker, request.gpus_per_worker, request.max_workers
    if cpus is not None and not 0 < cpus <= MOST_CPUS:
        raise PlanError(f"--cpus-per-worker {cpus}: must be above 0 and at most {MOST_CPUS}")
    if gpus is not None and not 0 <= gpus <= MOST_GPUS:
        raise PlanError(f"--gpus-per-worker {gpus}: must be within 0..{MOST_GPUS}")
    if most is not None and most < 1:
        raise PlanError(f"--max-workers {most}: must be at least 1")


def _refuse_for_stores(request: Request) -> None:
    """Refuse what only works with folders."""
    where = next(end for end in (*request.sources, request.target) if isinstance(end, Address))
    if request.watch:
        raise PlanError(f"--watch works with folders, and {where} is in a store: repeat the command with --resume")
    if request.masks is not None and not request.masks.from_alpha:
        raise PlanError(f"--mask {request.masks} works with folders, and {where} is in a store: use --mask alpha")
    if request.keep_times and isinstance(request.target, Address):
        raise PlanError(f"--keep-times: {request.target} is in a store, which sets the times of its objects itself")
    if request.report is not None and request.report.suffix.lower() == ".html":
        raise PlanError(
            f"--report {request.report}: a page reads all pictures again, and {where} is in a store: choose .json or "
            ".csv"
        )
