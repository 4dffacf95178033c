"""``restore export``."""

from __future__ import annotations

from pathlib import Path

import click

from restore.cli.common import extra_needed


@click.command()
@click.argument("source", metavar="RUN_OR_CHECKPOINT", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--which",
    type=click.Choice(["last", "best"]),
    default="last",
    show_default=True,
    help="Which checkpoint of a run's folder.",
)
@click.option("--overwrite", is_flag=True, help="Replace a model file that exists.")
def export(source: Path, target: Path, which: str, overwrite: bool) -> None:
    """Turn a run's averaged weights into an ONNX file OUT (or a file in the folder OUT).

    The file is run beside the network at five shapes; if they differ, nothing is written and the exit code is 1.
    """
    with extra_needed("Exporting", "train"):
        from restore.export.run import export as run_export

    done = run_export(source, target, which, overwrite)
    for check in done.checks:
        click.echo(f"input {'x'.join(map(str, check.shape))}: largest difference {check.difference:.1e}")
    size = done.path.stat().st_size
    click.echo(f"{done.path}: {done.spec.name}, {done.spec.parameters:,} parameters, {size / 1e6:.2f} MB, verified")
