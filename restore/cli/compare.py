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
    help="Ground truth pictures to measure against.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    help="Label of a folder on the page; give one for each of BEFORE AFTER..., in order.  "
    "[default: 'before' and the other folders' names]",
)
@click.option(
    "--name",
    help="How files in AFTER are named after those in BEFORE, as in 'restore enhance', with {stem} and {ext}; "
    "or both sides, as in {stem}x4={stem}.  "
    "[default: try the usual names]",
)
@click.option("--beside", is_flag=True, help="Put the pictures into a folder next to the page instead of into it.")
@click.option(
    "--max-side",
    type=click.IntRange(64, 16_000),
    default=4096,
    show_default=True,
    help="Maximum longer side of shown pictures in pixels; larger ones are reduced, and the page says so.",
)
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=92,
    show_default=True,
    help="JPEG quality of the pictures in the page; reduced if the page would exceed --max-mb.",
)
@click.option(
    "--max-mb",
    "megabytes",
    type=FiniteRange(1),
    default=80,
    show_default=True,
    help="Maximum size of a page with embedded pictures; does not limit --beside.",
)
@click.option(
    "--most",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="Maximum number of pictures shown, evenly spread over the folder; the table lists all.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=min(8, os.cpu_count() or 1),
    show_default="the cores, at most 8",
    help="Pictures processed at once.",
)
@max_pixels_option
def compare(**options: Any) -> None:
    """Write a web page that compares the pictures in BEFORE with those in AFTER...: folders or single pictures.

    The page has a slider, a side-by-side view, a color map of the difference, and a sortable table. Pictures are
    matched by name. The page works offline. Exits with 0 if everything was compared, 1 if some pictures have no match
    or cannot be read (the page lists them), and 2 on usage errors.
    """
    from restore.compare.compare import Request, start

    raise SystemExit(start(Request(**options), console()))
