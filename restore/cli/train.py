"""``restore train``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from restore.cli import complete
from restore.cli.common import console, extra_needed, plugin_option, trust_option
from restore.cli.help import Command

if TYPE_CHECKING:
    from restore.training.train import Options


@click.command(
    cls=Command,
    examples=(
        "restore train sr-x2 --data Pictures --out runs/mine --set train.steps=5000",
        "restore train mine.yaml --data Pictures --out runs/mine --device cuda",
        "restore train mine.yaml --data Pictures --check",
        "restore train sr-x2 --data Pictures --out runs/mine --tracker wandb",
        "restore train --data Pictures --out runs/mine --resume",
    ),
)
@click.argument("recipe", metavar="RECIPE", required=False, shell_complete=complete.recipes)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder that contains the recipe's folders.",
)
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the run: checkpoints, logs, the recipe. Only --check and --overfit do without.",
)
@click.option(
    "--start",
    "start_from",
    type=click.Path(path_type=Path),
    help="Take the initial weights from another run of the same network, a checkpoint, or a model: its name or fp32 "
    ".onnx file.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue from the run's last checkpoint. With RECIPE, start the run if there is none yet.",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change the recipe, for example --set train.steps=1000 or --set losses.0.weight=2. Repeatable.",
)
@click.option(
    "--check",
    "rehearse",
    is_flag=True,
    help="Put a batch through training, validation and export, print parameters, memory, speed and how long the run "
    "will take, and stop; nothing is written.",
)
@click.option(
    "--overfit",
    type=click.IntRange(1),
    metavar="N",
    help="Train on the first N batches only, at a constant rate, and report whether the loss goes to near zero; "
    "nothing is written. Exits with 1 if it hardly falls.",
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(1), help="CPU threads to compute with (default: all cores).")
@click.option(
    "--workers",
    type=click.IntRange(0),
    help="Processes that cut patches; 0 cuts them between steps (default: the fastest, found by trial).",
)
@click.option("--compile", "compile_", is_flag=True, help="Run the network through torch.compile.")
@click.option(
    "--tracker",
    "trackers",
    type=click.Choice(["wandb", "mlflow"]),
    multiple=True,
    help="Also record the run with Weights & Biases or MLflow, as their environment variables say (WANDB_PROJECT, "
    "WANDB_MODE=offline, MLFLOW_TRACKING_URI); with --resume, go on with its record. Files for TensorBoard are always "
    "written. Repeatable.",
)
@plugin_option
@trust_option
def train(
    recipe: str | None,
    data: Path,
    folder: Path | None,
    start_from: Path | None,
    resume: bool,
    changes: tuple[str, ...],
    rehearse: bool,
    overfit: int | None,
    device: str,
    threads: int | None,
    workers: int | None,
    compile_: bool,
    trackers: tuple[str, ...],
    plugins: tuple[str, ...],
    trust_recipe: bool,
) -> None:
    """Train a network by RECIPE, a name ('restore recipes' lists them) or a file, on the photographs in --data.

    With --resume the run's own recipe is used; Ctrl-C saves before it stops. With RECIPE and --resume, one command
    starts a run and continues it, for systems that run a job again when its machine is lost. On several GPUs:
    torchrun --nproc-per-node 4 -m restore train ...
    """
    if rehearse and overfit:
        raise click.UsageError("--check and --overfit exclude each other")
    if (rehearse or overfit) and (resume or recipe is None):
        raise click.UsageError("--check and --overfit need a RECIPE and no --resume")
    if (rehearse or overfit) and trackers:
        raise click.UsageError("--check and --overfit record nothing: remove --tracker")
    if folder is None and not (rehearse or overfit):
        raise click.UsageError("Missing option '--out'.")
    with extra_needed("Training", "train"):
        from restore.plugins import Trust
        from restore.recipes import find_recipe
        from restore.training.train import Options, start

    path = None if recipe is None else find_recipe(recipe)
    trust = Trust(plugins, trust_recipe)
    options = Options(start_from, resume, changes, device, threads, workers, compile_, trust, trackers)
    if path is not None and (rehearse or overfit):
        _try(path, data, folder, overfit, options)
        return
    assert folder is not None
    if not start(path, data, folder, options, console()):
        said = [word for name in plugins for word in ("--plugin", name)] + ["--trust-recipe"] * trust_recipe
        said += [word for name in trackers for word in ("--tracker", name)]
        again = shlex.join(["restore", "train", "--data", str(data), "--out", str(folder), "--resume", *said])
        click.echo(f"Interrupted and saved. Go on with: {again}", err=True)
        raise SystemExit(130)


def _try(path: Path, data: Path, folder: Path | None, overfit: int | None, options: Options) -> None:
    """``--check`` and ``--overfit``."""
    if overfit is not None:
        from restore.training.overfit import overfit as learn_by_heart

        raise SystemExit(0 if learn_by_heart(path, data, overfit, options, console()) else 1)
    from restore.export.try_export import try_export
    from restore.training.rehearsal import check

    check(path, data, folder, options, console(), lambda run: try_export(run, options.trust))
