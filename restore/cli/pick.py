"""``restore pick``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from restore.cli.common import console, max_pixels_option, parse_pairs
from restore.cli.help import Command


@click.command(cls=Command, examples=("restore pick Pictures --worst 20",))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--metric", default="niqe", show_default=True, help="One that needs no reference.")
@click.option("--worst", type=click.IntRange(1), metavar="N", help="Show the worst N alone.")
@click.option("--weights", multiple=True, metavar="METRIC=FILE", help="Weights of a learned metric.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Pictures judged at once.")
@max_pixels_option
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def pick(as_json: bool, worst: int | None, weights: tuple[str, ...], **options: Any) -> None:
    """Rank the pictures of FOLDER, and of all below it, by how they look: the worst first.

    So one finds those that are worth enhancing. The measure is blind: it knows no picture as it should be, and takes
    a fog for a blur. Exits with 0 when all was measured, 1 when files are broken (each is named) or nothing could be
    measured, 2 on wrong use. Pictures too small for the measure are left out, and named.
    """
    from restore.evaluation.rank import Request, start, to_json, to_text

    files = {name: Path(file) for name, file in parse_pairs(weights, "--weights").items()}
    ranking = start(Request(worst=worst, weights=files, **options), console())
    click.echo((to_json if as_json else to_text)(ranking, worst))
    raise SystemExit(ranking.exit_code)
