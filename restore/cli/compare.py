"""``restore compare``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from restore.cli.common import FiniteRange, console, max_pixels_option
from restore.cli.help import Command


@click.command(
    cls=Command,
    examples=(
        "restore compare Pictures enlarged --out page.html",
        "restore compare low sr-x4 photo-x4 --reference originals --out page.html",
    ),
)
@click.argument("before", metavar="BEFORE", type=click.Path(path_type=Path))
@click.argument("afters", metavar="AFTER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, metavar="PAGE.html", type=click.Path(path_type=Path), help="The page to write.")
@click.option(
    "--reference",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="What the pictures should look like: they are measured against it.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    help="What a folder is called on the page; one for each of BEFORE AFTER..., in their order.  "
    "[default: 'before', and the names of the others]",
)
@click.option(
    "--name",
    help="How those in AFTER were named after those in BEFORE, as in 'restore enhance', with {stem} and {ext}; "
    "or both sides, as in {stem}x4={stem}.  "
    "[default: the usual ways are tried]",
)
@click.option("--beside", is_flag=True, help="Put the pictures into a folder beside the page, not into it.")
@click.option(
    "--max-side",
    type=click.IntRange(64, 16_000),
    default=4096,
    show_default=True,
    help="Longer side, in pixels, of what is shown; larger pictures are reduced, and the page says so.",
)
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=92,
    show_default=True,
    help="Of the pictures in the page, as JPEG; less where the page would become larger than --max-mb.",
)
@click.option(
    "--max-mb",
    "megabytes",
    type=FiniteRange(1),
    default=80,
    show_default=True,
    help="Size of a page that holds its pictures; does not limit --beside.",
)
@click.option(
    "--most",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="Pictures that are shown, evenly spread over the folder; the table has all.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=min(8, os.cpu_count() or 1),
    show_default="the cores, at most 8",
    help="Pictures that are worked on at once.",
)
@max_pixels_option
def compare(**options: Any) -> None:
    """Write a page that shows the pictures of BEFORE beside those of AFTER...: folders, or single pictures.

    With a slider, side by side, and their difference in colors; with a table to sort. Pictures go together by their
    names. The page needs no network. Exits with 0 when all was compared, 1 when some pictures have no partner or
    cannot be read: the page names them; 2 on wrong use.
    """
    from restore.compare.compare import Request, start

    raise SystemExit(start(Request(**options), console()))
