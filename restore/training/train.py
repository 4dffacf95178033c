"""From the options of ``restore train`` to a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch
from rich.console import Console
from torch import Tensor

from restore.errors import DeviceError, RecipeError
from restore.plugins import NO_CODE, Trust, code_of, factory_module
from restore.runtime.memory import is_out_of_memory
from restore.training.checkpoint import Checkpoint
from restore.training.distributed import Team, join_team
from restore.training.environment import note_environment
from restore.training.lock import held
from restore.training.logging import Reporter, Silence
from restore.training.loop import find_training_data, train
from restore.training.recipe import Recipe
from restore.training.recipe_file import dump_recipe, load_recipe, parse_recipe
from restore.training.state import LAST, Run, new_run, resume_run
from restore.utils.atomic_write import write_bytes


def choose_device(name: str, number: int = 0) -> torch.device:
    """``auto`` takes a GPU where there is one; ``cuda`` insists on it.

    Args:
        name: ``auto``, ``cpu`` or ``cuda``.
        number: of the GPU, for one of several processes.

    Raises:
        DeviceError: ``cuda`` was asked for and torch sees no GPU.
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
    # float32 is to be float32: torch would let convolutions round to 10 bits, and validation and losses with them.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device("cuda", number)


@dataclass(frozen=True)
class Options:
    """How to run, beyond the recipe; see ``restore train --help``."""

    begin_with: Path | None = None
    resume: bool = False
    changes: Sequence[str] = ()
    device: str = "auto"
    threads: int | None = None
    workers: int | None = None
    compile: bool = False
    trust: Trust = NO_CODE


def start(recipe_path: Path | None, data: Path, folder: Path, options: Options, console: Console) -> bool:
    """Begin a run or go on with one, alone or as one of torchrun's processes.

    Args:
        recipe_path: None to go on.
        data: the folder that the recipe's folder names are relative to.
        folder: of the run.
        options: the rest.
        console: for messages and progress.

    Returns:
        Whether the run is complete; False when it was interrupted.

    Raises:
        RestoreError: the recipe, the data or the run's folder is not as it should be.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    on_gpu = choose_device(options.device).type == "cuda"
    with join_team(on_gpu) as team:
        device = choose_device(options.device, team.here)
        if on_gpu:
            torch.cuda.set_device(device)
        with held(folder) if team.leads else nullcontext():
            try:
                return _train(recipe_path, data, folder, options, console, device, team)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                raise DeviceError(
                    f"{device}: not enough memory to train with: do each batch in pieces (--set train.accumulate=4), "
                    "or lower train.batch, data.patch or data.cache_gb"
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
    """The same in a folder that is this process's."""
    # A pool of threads of OpenCV's would not survive in worker processes, and pictures this small need none.
    cv2.setNumThreads(1)
    run = _run(recipe_path, folder, options, device, team)
    material = find_training_data(run, data, options.workers)
    if options.compile:
        run.call = compiled(run, console)
    # All that may be refused was: from here on the run's folder is written to.
    reporter: Reporter = Silence()
    if team.leads:
        write_bytes(folder / "recipe.yaml", dump_recipe(run.recipe).encode())
        note_environment(folder, device, team, run.step, run.precision)
        count = sum(p.numel() for p in run.network.parameters())
        several = f", {team.size} processes" if team.size > 1 else ""
        console.print(f"{run.recipe.name}: {count:,} parameters, on {device}{several}")
        if run.precision != run.recipe.train.precision:
            console.print("this processor has no fast bf16 (AMX or AVX-512 BF16): the networks compute in fp32")
        if run.anew:
            console.print("Validation settings changed; the previous best score no longer applies.")
        reporter = Reporter(folder, run.metric, console)
    return train(run, material, reporter, options.workers)


def _run(recipe_path: Path | None, folder: Path, options: Options, device: torch.device, team: Team) -> Run:
    last = folder / LAST
    if options.resume:
        if options.begin_with is not None:
            raise RecipeError("--resume goes on with the run's own weights: leave --start out")
        if recipe_path is not None:
            raise RecipeError("--resume uses the run's own recipe: leave RECIPE out (change it with --set)")
        recipe = parse_recipe(Checkpoint(last).recipe_yaml, str(folder), options.changes, options.trust)
        return resume_run(_with_plugins(recipe, options.trust), folder, device, team, options.trust)
    if recipe_path is None:
        raise RecipeError("give a RECIPE, or --resume to go on with a run")
    recipe = _with_plugins(load_recipe(recipe_path, options.changes, options.trust), options.trust)
    if last.exists():
        raise RecipeError(f"{folder} holds a run already: give --resume to go on with it, or another --out")
    begin_with = options.begin_with
    if begin_with is not None and begin_with.is_dir():
        begin_with = begin_with / LAST
    return new_run(recipe, folder, device, team, begin_with)


def _with_plugins(recipe: Recipe, trust: Trust) -> Recipe:
    """The recipe with the plug-ins that it was validated with, so that the run says what it takes to go on with it."""
    called = set(map(factory_module, code_of(recipe.as_dict()).factories))
    plugins = dict.fromkeys((*recipe.plugins, *(name for name in trust.plugins if name not in called)))
    return recipe.model_copy(update={"plugins": list(plugins)})


def compiled(run: Run, console: Console) -> Callable[[Tensor], Any]:
    """The run's network through torch.compile, which takes a while at the first step.

    Raises:
        DeviceError: it cannot be compiled here.
    """
    options, side = run.recipe.train, run.recipe.data.patch
    count = options.batch // options.accumulate // run.team.size
    piece = torch.zeros(count, 3, side, side, device=run.device).to(memory_format=torch.channels_last)
    console.print("compiling the network")
    try:
        call: Callable[[Tensor], Any] = torch.compile(run.network)
        with run.autocast():
            call(piece)
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DeviceError(
            f"--compile: torch.compile fails here ({reason[0]}): it needs a C++ compiler on a CPU, and Triton on a "
            "GPU; leave --compile out to train without"
        ) from error
    return call
