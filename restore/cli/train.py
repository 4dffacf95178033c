"""``restore train``."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from restore.cli import complete
from restore.cli.common import console, extra_needed, plugin_option, trust_option
from restore.cli.help import Command


@click.command(
    cls=Command,
    examples=(
        "restore train sr-x2 --data Pictures --out runs/mine --set train.steps=5000",
        "restore train mine.yaml --data Pictures --out runs/mine --device cuda",
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
    required=True,
    help="Folder of the run: checkpoints, logs, the recipe.",
)
@click.option(
    "--start",
    "start_from",
    type=click.Path(path_type=Path),
    help="Run or checkpoint of the same network to take the initial (averaged) weights from.",
)
@click.option("--resume", is_flag=True, help="Continue from the run's last checkpoint.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change the recipe, for example --set train.steps=1000. Repeatable.",
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(1), help="CPU threads to compute with (default: all cores).")
@click.option(
    "--workers",
    type=click.IntRange(0),
    help="Processes that cut patches; 0 cuts them between steps (default: the fastest, found by trial).",
)
@click.option("--compile", "compile_", is_flag=True, help="Run the network through torch.compile.")
@plugin_option
@trust_option
def train(
    recipe: str | None,
    data: Path,
    folder: Path,
    start_from: Path | None,
    resume: bool,
    changes: tuple[str, ...],
    device: str,
    threads: int | None,
    workers: int | None,
    compile_: bool,
    plugins: tuple[str, ...],
    trust_recipe: bool,
) -> None:
    """Train a network by RECIPE, a name ('restore recipes' lists them) or a file, on the photographs in --data.

    With --resume the run's own recipe is used; Ctrl-C saves before it stops. On several GPUs:
    torchrun --nproc-per-node 4 -m restore train ...
    """
    with extra_needed("Training", "train"):
        from restore.plugins import Trust
        from restore.recipes import find_recipe
        from restore.training.train import Options, start

    path = None if recipe is None else find_recipe(recipe)
    trust = Trust(plugins, trust_recipe)
    options = Options(start_from, resume, changes, device, threads, workers, compile_, trust)
    if not start(path, data, folder, options, console()):
        said = [word for name in plugins for word in ("--plugin", name)] + ["--trust-recipe"] * trust_recipe
        again = shlex.join(["restore", "train", "--data", str(data), "--out", str(folder), "--resume", *said])
        click.echo(f"Interrupted and saved. Go on with: {again}", err=True)
        raise SystemExit(130)
