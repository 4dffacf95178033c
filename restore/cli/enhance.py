"""``restore enhance``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from restore.cli import complete
from restore.cli.common import FiniteRange, console, device_option, max_pixels_option, parse_pairs
from restore.cli.help import Command

if TYPE_CHECKING:
    from restore.jobs.console import Record
    from restore.jobs.options import Metadata
    from restore.jobs.report import PageWriter


_SECTIONS = {
    "What is done": ("--model", "--scale", "--strength", "--spec"),
    "What is written": ("--format", "--name", "--quality", "--png-level", "--strip", "--strip-gps"),
    "What is there already": ("--overwrite", "--skip-existing", "--resume", "--dry-run"),
    "Many pictures, many machines": ("--report", "--json", "--watch", "--shard", "--max-pixels"),
    "The machine": ("--device", "--precision", "--tile", "--threads", "--workers"),
}


def _shard(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[int, int]:
    index, slash, count = value.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise click.BadParameter(f"{value!r}: write it as i/n with i in 1..n, for example 2/4")
    return int(index), int(count)


@click.command(
    cls=Command,
    examples=(
        "restore enhance photo.jpg large.jpg",
        "restore enhance Pictures enlarged --scale 4",
        "restore enhance Pictures lifted --model backlit --strength 0.7",
        "restore enhance Pictures enlarged --resume --report page.html",
    ),
    sections=_SECTIONS,
)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--model",
    shell_complete=complete.models,
    help="Name ('restore models' lists them) or path of an .onnx file.  [default: sr-x2]",
)
@click.option("--scale", type=click.IntRange(1, 16), help="Enlargement: chooses sr-x2 or sr-x4.")
@click.option(
    "--strength",
    type=FiniteRange(0, 1),
    help="How far pictures are changed, for models that let one choose: 0 not at all, 1 as learned.  [default: 1]",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["png", "jpg", "webp", "tif", "bmp"]),
    help="Format of the results.  [default: each picture's own, PNG where that cannot be written]",
)
@click.option(
    "--name",
    default="{stem}",
    show_default=True,
    help="Name of the results, with {stem} and {ext} of the source, {model} and {scale}; the ending is added.",
)
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=95,
    show_default=True,
    help="Of JPEG (full colour resolution from 90 on) and WebP (100 is lossless).",
)
@click.option(
    "--png-level",
    type=click.IntRange(0, 9),
    default=1,
    show_default=True,
    help="Effort of PNG; above 2 pays on drawings, hardly on photographs.",
)
@click.option("--strip", "metadata", flag_value="none", help="Leave out EXIF and XMP; the colour profile stays.")
@click.option(
    "--strip-gps",
    "metadata",
    flag_value="no-place",
    help="Leave out where the picture was taken.",
)
@max_pixels_option
@click.option(
    "--tile",
    type=click.IntRange(16),
    help="Largest side, in input pixels, of what is enhanced at once; smaller takes less memory.  [default: by memory]",
)
@device_option
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "fp16", "int8"]),
    default="auto",
    show_default=True,
    help="auto takes int8 on a CPU that is fast with it, where the model loses at most 0.1 dB; fp16 on a GPU.",
)
@click.option("--threads", type=click.IntRange(1), help="CPU threads of the network.  [default: all cores]")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Threads that read pictures, and as many that write them.  [default: half the cores, 2..8]",
)
@click.option("--overwrite", "existing", flag_value="overwrite", help="Replace results that exist.")
@click.option("--skip-existing", "existing", flag_value="skip", help="Leave out pictures whose result exists.")
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with an interrupted job: what is done stays, what changed (picture, model, option) is done again.",
)
@click.option(
    "--shard",
    metavar="i/n",
    default="1/1",
    callback=_shard,
    help="Do the i-th of n parts of the folder, for n machines or processes.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines on standard output, for machines.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Also write what became of each: .json, .csv, or .html, a page that shows the pictures beside their results.",
)
@click.option("--watch", is_flag=True, help="Then wait for pictures that arrive, until Ctrl-C.")
@click.option(
    "--spec",
    multiple=True,
    metavar="FIELD=VALUE",
    help="What a foreign .onnx file does not say of itself, for example --spec scale=4. Repeatable.",
)
def enhance(
    spec: tuple[str, ...], metadata: Metadata | None, workers: int | None, as_json: bool, **options: Any
) -> None:
    """Enhance IN, a picture or a folder with all below it, into OUT.

    Exits with 0 when all was done, 1 when some pictures failed, 2 on wrong use, 130 after Ctrl-C or SIGTERM.
    """
    pairs = parse_pairs(spec, "--spec")
    from restore.jobs.enhance import Request, default_workers, start

    request = Request(spec=pairs, metadata=metadata or "keep", workers=workers or default_workers(), **options)

    def page() -> PageWriter:
        # It takes a quarter of a second to import, and few jobs want one.
        from restore.compare.job_report import JobPage

        return JobPage(request.workers)

    def give(record: Record) -> None:
        click.echo(json.dumps(record))

    raise SystemExit(start(request, console(), click.echo, page, give if as_json else None))
