"""``restore pick``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from restore.cli.common import console, max_pixels_option, parse_pairs
from restore.cli.help import Command


@click.command(cls=Command, examples=("restore pick Pictures --worst 20",))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--metric", default="niqe", show_default=True, help="A metric that needs no reference.")
@click.option("--worst", type=click.IntRange(1), metavar="N", help="Show only the worst N.")
@click.option("--weights", multiple=True, metavar="METRIC=FILE", help="Weights of a learned metric.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Pictures measured at once.")
@max_pixels_option
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
def pick(as_json: bool, worst: int | None, weights: tuple[str, ...], **options: Any) -> None:
    """Rank the pictures in FOLDER and its subfolders by quality, the worst first.

    Use it to find pictures worth enhancing. The metric has no reference, so it may mistake fog for blur. Exits with 0
    if everything was measured, 1 if files are broken (each is listed) or nothing could be measured, and 2 on usage
    errors. Pictures too small for the metric are skipped and listed.
    """
    from restore.evaluation.rank import Request, start, to_json, to_text

    files = {name: Path(file) for name, file in parse_pairs(weights, "--weights").items()}
    ranking = start(Request(worst=worst, weights=files, **options), console())
    click.echo((to_json if as_json else to_text)(ranking, worst))
    raise SystemExit(ranking.exit_code)
