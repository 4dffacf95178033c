"""``restore plot``."""

from __future__ import annotations

from pathlib import Path

import click

from restore.cli.common import console, extra_needed
from restore.cli.help import Command

_file = click.Path(path_type=Path, dir_okay=False)


@click.command(
    cls=Command,
    examples=(
        "restore plot runs/mine",
        "restore plot runs/mine runs/other --out curves.png",
        "restore plot --quality evaluate.json --speed bench.json --out tradeoff.svg",
    ),
)
@click.argument("runs", metavar="[RUN]...", nargs=-1, type=click.Path(path_type=Path, file_okay=False))
@click.option("--quality", type=_file, metavar="FILE", help="Instead of runs: what 'restore evaluate --json' wrote ...")
@click.option("--speed", type=_file, metavar="FILE", help="... and what 'restore bench --json' wrote of those models.")
@click.option("--metric", help="Of those in --quality.  [default: its first]")
@click.option(
    "--out",
    type=_file,
    help="A .svg, .png or .pdf file.  [default: curves.svg in the first RUN, or tradeoff.svg beside --quality]",
)
def plot(
    runs: tuple[Path, ...], quality: Path | None, speed: Path | None, metric: str | None, out: Path | None
) -> None:
    """Draw the curves of one run of 'restore train', loss by loss, or compare several.

    With --quality and --speed, draw instead how good models are against how fast they are. The file is replaced if it
    is there.
    """
    from restore.training.plot import plot as draw
    from restore.training.plot import read_log
    from restore.utils.atomic_write import write_bytes
    from restore.utils.plotting import FORMATS

    if bool(runs) == (quality is not None or speed is not None) or (quality is None) != (speed is None):
        raise click.UsageError("give RUN..., or --quality and --speed")
    if metric is not None and quality is None:
        raise click.UsageError("--metric goes with --quality")
    target = out or (runs[0] / "curves.svg" if quality is None else quality.parent / "tradeoff.svg")
    suffix = target.suffix.lower()
    if suffix not in FORMATS:
        raise click.UsageError(f"--out {target}: the ending is to be one of {', '.join(FORMATS)}")
    if quality is not None and speed is not None:
        from restore.evaluation.tradeoff import draw_tradeoff, read_tradeoff

        tradeoff = read_tradeoff(quality, speed, metric)
        with extra_needed("Plotting", "plot"):
            picture = draw_tradeoff(tradeoff, suffix)
        count = f"{len(tradeoff.points)} models on their devices"
    else:
        logs = [read_log(run) for run in runs]
        with extra_needed("Plotting", "plot"):
            picture = draw(logs, suffix)
        count = "1 run" if len(logs) == 1 else f"{len(logs)} runs"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(target, picture, overwrite=True)
    console().print(f"{target}: {count}")
