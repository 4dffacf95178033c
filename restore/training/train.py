"""``restore train``: starts or resumes a run from the options of the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch
from rich.console import Console
from torch import Tensor

from restore.errors import DeviceError, RecipeError
from restore.plugins import NO_CODE, Trust, code_of, factory_module
from restore.runtime.memory import is_out_of_memory
from restore.training.checkpoint import LAST, Checkpoint
from restore.training.data_fingerprint import fingerprint
from restore.training.distributed import Team, join_team
from restore.training.environment import log_environment
from restore.training.lock import patience, run_lock
from restore.training.logging import Reporter, SilentReporter
from restore.training.loop import find_training_data, train
from restore.training.recipe import Recipe
from restore.training.recipe_base import differences, read_lineage
from restore.training.recipe_file import dump_recipe, parse_recipe, recipe_of
from restore.training.resume_notes import data_notes, option_notes
from restore.training.state import Run, new_run, resume_run
from restore.training.teacher_cache import TeacherCache
from restore.training.trackers.base import TrackedRun
from restore.training.trackers.open_trackers import check_installed, open_trackers
from restore.utils.atomic_write import write_bytes
from restore.utils.json_types import JsonObject
from restore.utils.progress import waiting


def choose_device(name: str, number: int = 0) -> torch.device:
    """Choose a device: ``auto`` uses a GPU if there is one; ``cuda`` requires it.

    Args:
        name: ``auto``, ``cpu`` or ``cuda``.
        number: number of the GPU, for one of several processes.

    Raises:
        DeviceError: ``cuda`` was requested and torch finds no GPU, or there are fewer GPUs than processes.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise DeviceError(
            f"--device cuda: torch {torch.__version__} finds no CUDA GPU here (is it a CPU build of torch?)"
        )
    if name == "cpu" or not available:
        return torch.device("cpu")
    if number >= torch.cuda.device_count():
        raise DeviceError(
            f"process {number + 1} on this machine finds {torch.cuda.device_count()} GPUs: "
            "start as many processes as there are GPUs (torchrun --nproc-per-node)"
        )
    # Keep float32 exact: with TF32, convolutions would round to 10 bits, in validation and losses too.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device("cuda", number)


@dataclass(frozen=True)
class Options:
    """Options beyond the recipe; see ``restore train --help``."""

    start_from: Path | None = None
    resume: bool = False
    changes: Sequence[str] = ()
    device: str = "auto"
    threads: int | None = None
    workers: int | None = None
    compile: bool = False
    trust: Trust = NO_CODE
    trackers: Sequence[str] = ()


def start(recipe_path: Path | None, data: Path, folder: Path, options: Options, console: Console) -> bool:
    """Start or resume a run, in a single process or as one of several started by torchrun.

    Args:
        recipe_path: recipe file; None to resume. With both, a run is resumed if the folder has one.
        data: folder that the recipe's folder names are relative to.
        folder: folder of the run.
        options: everything else.
        console: for messages and progress.

    Returns:
        Whether the run is complete; False if it was interrupted.

    Raises:
        RestoreError: there is a problem with the recipe, the data, or the run's folder.
    """
    check_installed(options.trackers)
    with prepared_device(options) as (device, team), run_lock(folder, patience()) if team.is_main else nullcontext():
        return _train(recipe_path, data, folder, options, console, device, team)


@contextmanager
def prepared_device(options: Options) -> Iterator[tuple[torch.device, Team]]:
    """The device and team to train with; explains a lack of memory.

    Raises:
        DeviceError: the device cannot be used, or has too little memory.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    # OpenCV's thread pool would not survive a fork into worker processes, and pictures this small do not need it.
    cv2.setNumThreads(1)
    on_gpu = choose_device(options.device).type == "cuda"
    with join_team(on_gpu) as team:
        device = choose_device(options.device, team.local_rank)
        if on_gpu:
            torch.cuda.set_device(device)
        try:
            yield device, team
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise DeviceError(
                f"{device}: not enough memory to train; split each batch into pieces (--set train.accumulate=4), "
                "keep less of the network (--set train.checkpointing=true), or lower train.batch, data.patch or "
                "data.cache_gb"
            ) from error


def _train(
    recipe_path: Path | None,
    data: Path,
    folder: Path,
    options: Options,
    console: Console,
    device: torch.device,
    team: Team,
) -> bool:
    """Start or resume in a folder that this process has locked."""
    continued = options.resume and (folder / LAST).exists()
    with waiting("Reading the photographs", console) if team.is_main else nullcontext():
        run, notes = _run(recipe_path, folder, options, device, team)
        training_data = find_training_data(run, data, options.workers)
        run.note_data(fingerprint(training_data, data))
    notes += data_notes(run.data_before, run.data or {})
    if options.compile:
        run.call = compiled(run, console)
    # All checks have passed; from here on the run's folder is written to.
    reporter: Reporter = SilentReporter()
    if team.is_main:
        recipe = dump_recipe(run.recipe)
        tracked = TrackedRun(folder, run.recipe.as_dict(), recipe)
        trackers = open_trackers(
            options.trackers, tracked, continued, lambda line: console.print(line, markup=False, highlight=False)
        )
        write_bytes(folder / "recipe.yaml", recipe.encode())
        log_environment(folder, device, team, run.step, run.precision)
        for line in describe(run):
            console.print(line)
        for line in notes:
            console.print(line, markup=False)
        if run.best_reset:
            console.print("Validation has changed; the previous best score no longer applies.")
        reporter = Reporter(folder, run.metric, console, trackers=trackers)
    with open_teacher_cache(run):
        return train(run, training_data, reporter, options.workers)


@contextmanager
def open_teacher_cache(run: Run) -> Iterator[TeacherCache | None]:
    """The cache of the run's teacher, if the recipe names one, for the time of a ``with`` statement.

    Raises:
        RecipeError: it cannot be used; see :class:`TeacherCache`.
    """
    options = run.recipe.teacher
    if run.teacher is None or options is None or options.cache is None or options.samples is None:
        yield None
        return
    recipe = run.recipe
    facts: JsonObject = {
        "teacher": run.teacher.sha256,
        "data": recipe.data.model_dump(mode="json", exclude={"cache_gb"}),
        "photographs": (run.data or {}).get("training"),
        "scale": recipe.scale,
        "seed": recipe.train.seed,
    }
    with TeacherCache(options.cache, facts, options.samples, recipe.scale * recipe.data.patch) as cache:
        run.teacher.cache = cache
        try:
            yield cache
        finally:
            run.teacher.cache = None


def describe(run: Run) -> list[str]:
    """Lines about a run's size, device and precision."""
    count = sum(p.numel() for p in run.network.parameters())
    several = f", {run.team.size} processes" if run.team.size > 1 else ""
    lines = [f"{run.recipe.name}: {count:,} parameters, on {run.device}{several}"]
    if run.precision != run.recipe.train.precision:
        lacks = "no fp16" if run.recipe.train.precision == "fp16" else "no fast bf16 (AMX or AVX-512 BF16)"
        lines.append(f"this processor has {lacks}; the networks compute in fp32")
    if note := run.recipe.network.note():
        lines.append(note)
    if run.teacher_name:
        lines.append(f"teacher: {run.teacher_name}")
    if run.flow is not None:
        lines.append(f"flow from the results of {run.started_from}")
    return lines


def _run(
    recipe_path: Path | None, folder: Path, options: Options, device: torch.device, team: Team
) -> tuple[Run, list[str]]:
    """A new or resumed run, and lines for the console about where its options come from."""
    last = folder / LAST
    if options.resume and (recipe_path is None or last.exists()):
        if options.start_from is not None and recipe_path is None:
            raise RecipeError("--resume continues with the run's own weights; remove --start")
        if recipe_path is None and not last.exists():
            raise RecipeError(f"{folder}: there is no run to continue; give a RECIPE to start one")
        saved = Checkpoint(last).recipe_yaml
        recipe = _with_plugins(parse_recipe(saved, str(folder), options.changes, options.trust), options.trust)
        if recipe_path is not None:
            _refuse_another(recipe_path, recipe, folder, options)
        run = resume_run(recipe, folder, device, team, options.trust)
        before = parse_recipe(saved, str(folder), trust=options.trust)
        return run, list(option_notes(before, recipe, options.changes, run.step))
    if recipe_path is None:
        raise RecipeError("give a RECIPE, or --resume to continue a run")
    recipe, inherited = read_recipe(recipe_path, options)
    refuse_existing_run(folder)
    return new_run(recipe, folder, device, team, options.start_from), inherited


def _refuse_another(path: Path, own: Recipe, folder: Path, options: Options) -> None:
    """Check that the recipe that would have begun a run is the run's own.

    Raises:
        RecipeError: it is another.
    """
    given, _ = read_recipe(path, options)
    if found := list(differences(own.as_dict(), given.as_dict())):
        raise RecipeError(
            f"{path} is not the recipe of the run in {folder} ({'; '.join(found[:3])}): remove RECIPE to continue the "
            "run, with --set to change options, or use another --out"
        )


def read_recipe(path: Path, options: Options) -> tuple[Recipe, list[str]]:
    """The recipe to train by, and what it changes in its bases."""
    lineage = read_lineage(path)
    recipe = recipe_of(lineage, str(path), options.changes, options.trust)
    return _with_plugins(recipe, options.trust), lineage.changes


def refuse_existing_run(folder: Path) -> None:
    """Check that a folder is free for a new run.

    Raises:
        RecipeError: it contains a run.
    """
    if (folder / LAST).exists():
        raise RecipeError(f"{folder} already contains a run; add --resume to continue it, or use another --out")


def _with_plugins(recipe: Recipe, trust: Trust) -> Recipe:
    """Add the plug-ins in use to the recipe, so that the run records what is needed to resume it."""
    called = set(map(factory_module, code_of(recipe.as_dict()).factories))
    plugins = dict.fromkeys((*recipe.plugins, *(name for name in trust.plugins if name not in called)))
    return recipe.model_copy(update={"plugins": list(plugins)})


def compiled(run: Run, console: Console) -> Callable[..., Tensor]:
    """The run's network compiled by torch.compile, which takes a while.

    Raises:
        DeviceError: torch.compile does not work on this machine.
    """
    options, side = run.recipe.train, run.recipe.data.patch
    side *= run.recipe.scale if run.flow is not None else 1
    count = options.batch // options.accumulate // run.team.size
    piece = torch.zeros(count, 3, side, side, device=run.device).to(memory_format=torch.channels_last)
    times = () if run.flow is None else (piece.new_zeros(count),)
    console.print("compiling the network")
    try:
        call: Callable[..., Tensor] = torch.compile(run.network)
        with run.autocast():
            call(piece, *times)
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DeviceError(
            f"--compile: torch.compile fails here ({reason[0]}). It needs a C++ compiler on a CPU, and Triton on a "
            "GPU; remove --compile to train without it"
        ) from error
    return call
