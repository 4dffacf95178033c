"""``restore filter``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from restore.cli import complete
from restore.cli.common import FiniteRange, console, list_option, max_pixels_option, plugin_option
from restore.cli.help import Command


def _names() -> Iterable[str]:
    from restore.data.filters.library import FILTERS

    return FILTERS


@click.command(
    name="filter",
    cls=Command,
    examples=(
        "restore filter Pictures filtered --name clarendon --strength 0.8",
        "restore filter photo.jpg all.jpg --sheet",
    ),
)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--name",
    "names",
    multiple=True,
    shell_complete=complete.filters,
    help="Name of a filter. Repeatable; filters are applied in order.",
)
@click.option(
    "--cube",
    "cubes",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A lookup table (.cube) as a filter, applied after named ones. Repeatable.",
)
@click.option(
    "--strength",
    type=FiniteRange(0, 1),
    default=1,
    show_default=True,
    help="Strength of each filter, from 0 to 1.",
)
@click.option(
    "--sheet", is_flag=True, help="Write a sheet of the picture with each filter (the given ones, or all) instead."
)
@click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True, help="Quality of JPEG and WebP.")
@max_pixels_option
@plugin_option
@list_option(_names, "List the filters.")
def filter(
    names: tuple[str, ...], cubes: tuple[Path, ...], sheet: bool, plugins: tuple[str, ...], **options: Any
) -> None:
    """Apply a photo filter to IN, a picture or a folder with its subfolders, and write to OUT.

    The results keep the pictures' formats and metadata, with 8 bits; nothing is overwritten. Exits with 0 on success,
    1 if some pictures failed, and 2 on usage errors.
    """
    if not (names or cubes or sheet):
        raise click.UsageError("no filter given: use --name or --cube; --list lists all filters, --sheet shows them")
    from restore.filter import Request, start
    from restore.plugins import load_plugins

    load_plugins(plugins)
    raise SystemExit(start(Request(names=names, cubes=cubes, sheet=sheet, **options), console()))
