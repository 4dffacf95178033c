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
    help="Of the filter. Repeatable: one is laid over the other.",
)
@click.option(
    "--cube",
    "cubes",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A lookup table (.cube) as a filter, after those that are named. Repeatable.",
)
@click.option(
    "--strength",
    type=FiniteRange(0, 1),
    default=1,
    show_default=True,
    help="Of each filter, from 0 to 1.",
)
@click.option("--sheet", is_flag=True, help="Instead, a sheet of the picture under each filter: those named, or all.")
@click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True, help="Of JPEG and WebP.")
@max_pixels_option
@plugin_option
@list_option(_names, "List the filters.")
def filter(
    names: tuple[str, ...], cubes: tuple[Path, ...], sheet: bool, plugins: tuple[str, ...], **options: Any
) -> None:
    """Lay a photo filter over IN, a picture or a folder with all below it, into OUT.

    The results have the pictures' formats and metadata, and 8 bits; nothing is overwritten. Exits with 0 when all was
    done, 1 when some pictures failed, 2 on wrong use.
    """
    if not (names or cubes or sheet):
        raise click.UsageError("which filter? Give --name or --cube; --list lists them, --sheet shows them all")
    from restore.filter import Request, start
    from restore.plugins import load_plugins

    load_plugins(plugins)
    raise SystemExit(start(Request(names=names, cubes=cubes, sheet=sheet, **options), console()))
