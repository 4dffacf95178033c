"""``restore edits``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from restore.cli import complete
from restore.cli.common import FiniteRange, console, device_option, max_pixels_option, parse_pairs
from restore.cli.help import Command
from restore.cli.supervise import supervise


@click.command(
    cls=Command,
    examples=(
        "restore edits photo.jpg looks --model mine.onnx",
        "restore edits Pictures looks --model mine.onnx --strength 0.5 --json",
    ),
)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--model",
    required=True,
    shell_complete=complete.models,
    help="Name or .onnx file of a model with the network 'edits', such as the recipe unfilter-edits trains.",
)
@click.option("--strength", type=FiniteRange(0, 1), help="Strength of the edit: 0 none, 1 as trained.  [default: 1]")
@device_option
@click.option("--threads", type=click.IntRange(1), help="CPU threads of the network.  [default: all cores]")
@max_pixels_option
@click.option(
    "--spec", multiple=True, metavar="FIELD=VALUE", help="Metadata that the .onnx file lacks or has wrong. Repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="Print each edit as a line of JSON.")
def edits(spec: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Write the edit that a model makes of IN, a picture or a folder with its subfolders, into the folder OUT.

    For each picture: the edit in numbers on standard output; NAME.cube, a lookup table that gives the model's result in
    ffmpeg, darktable, Photoshop, video editors and 'restore filter --cube'; and NAME.xmp, a preset with tone curves and
    saturation for Lightroom and Camera Raw, to go on from by hand. 'restore enhance' makes the same edit. Nothing is
    overwritten. Exits with 0 on success, 1 if some pictures failed, and 2 on usage errors.
    """
    given = parse_pairs(spec, "--spec")
    supervise(options["model"], "Written files are complete.")
    from restore.edits import Request, start

    raise SystemExit(start(Request(spec=given, **options), console(), click.echo, as_json))
