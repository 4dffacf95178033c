"""``restore plot``."""

from __future__ import annotations

from pathlib import Path

import click

from restore.cli.common import console, extra_needed
from restore.cli.help import Command


@click.command(
    cls=Command,
    examples=(
        "restore plot runs/mine",
        "restore plot runs/mine runs/other --out curves.png",
    ),
)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A .svg, .png or .pdf file.  [default: curves.svg in the first RUN]",
)
def plot(runs: tuple[Path, ...], out: Path | None) -> None:
    """Draw the curves of one run of 'restore train', loss by loss, or compare several.

    The file is replaced if it is there.
    """
    from restore.atomic import write_bytes
    from restore.training.plot import FORMATS, read_log
    from restore.training.plot import plot as draw

    target = out or runs[0] / "curves.svg"
    if target.suffix.lower() not in FORMATS:
        raise click.UsageError(f"--out {target}: the ending is to be one of {', '.join(FORMATS)}")
    logs = [read_log(run) for run in runs]
    with extra_needed("Plotting", "plot"):
        picture = draw(logs, target.suffix.lower())
    target.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(target, picture, overwrite=True)
    console().print(f"{target}: {'1 run' if len(runs) == 1 else f'{len(runs)} runs'}")
