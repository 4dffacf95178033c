"""``restore distill``."""

from __future__ import annotations

from pathlib import Path

import click

from restore.cli import complete
from restore.cli.common import console, extra_needed, plugin_option, trust_option
from restore.cli.help import Command


@click.command(
    cls=Command,
    examples=("restore distill student.yaml --data Pictures",),
)
@click.argument("recipe", metavar="RECIPE", shell_complete=complete.recipes)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder that contains the recipe's folders.",
)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change the recipe. Repeatable.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(1), help="CPU threads to compute with (default: all cores).")
@plugin_option
@trust_option
def distill(
    recipe: str,
    data: Path,
    changes: tuple[str, ...],
    device: str,
    threads: int | None,
    plugins: tuple[str, ...],
    trust_recipe: bool,
) -> None:
    """Compute the results of RECIPE's teacher for all its samples, and keep them in the folder teacher.cache.

    Training then reads them instead of running the teacher. It also fills the cache by itself; this command does so in
    advance, on another machine, or for several runs. Results that are there are kept: after Ctrl-C, repeat the command.
    """
    with extra_needed("Training", "train"):
        from restore.plugins import Trust
        from restore.recipes import find_recipe
        from restore.training.distill import distill as fill
        from restore.training.train import Options

    options = Options(changes=changes, device=device, threads=threads, trust=Trust(plugins, trust_recipe))
    fill(find_recipe(recipe), data, options, console())
