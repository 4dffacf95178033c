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
@click.option("--quality", type=_file, metavar="FILE", help="Instead of runs: output of 'restore evaluate --json' ...")
@click.option("--speed", type=_file, metavar="FILE", help="... and output of 'restore bench --json' for those models.")
@click.option("--metric", help="One of the metrics in --quality.  [default: the first]")
@click.option(
    "--out",
    type=_file,
    help="A .svg, .png or .pdf file.  [default: curves.svg in the first RUN, or tradeoff.svg next to --quality]",
)
def plot(
    runs: tuple[Path, ...], quality: Path | None, speed: Path | None, metric: str | None, out: Path | None
) -> None:
    """Plot the losses of one run of 'restore train', or compare several runs.

    With --quality and --speed, plot the models' quality against their speed instead. An existing file is replaced.
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
        raise click.UsageError(f"--out {target}: the extension must be one of {', '.join(FORMATS)}")
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
