"""``restore enhance``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from restore.cli import complete
from restore.cli.common import FiniteRange, console, device_option, max_pixels_option, parse_pairs
from restore.cli.help import Command
from restore.cli.place import Place
from restore.cli.supervise import Attempt, supervise_foreign, supervise_job
from restore.jobs.journal_name import journal_name
from restore.stores.address import Address

if TYPE_CHECKING:
    from restore.jobs.console import Record
    from restore.jobs.options import Metadata
    from restore.jobs.report import PageWriter
    from restore.jobs.sizing import TargetSize


_SECTIONS = {
    "Model and strength": ("--model", "--strength", "--mask", "--spec"),
    "Size": ("--scale", "--width", "--height", "--longest", "--megapixels", "--min-side"),
    "Output files": (
        "--format",
        "--frames",
        "--name",
        "--quality",
        "--png-level",
        "--strip",
        "--strip-gps",
        "--keep-times",
        "--history",
    ),
    "Existing results": ("--overwrite", "--skip-existing", "--resume", "--dry-run"),
    "Large jobs": (
        "--report",
        "--json",
        "--watch",
        "--settle",
        "--shard",
        "--strict",
        "--max-pixels",
        "--read-timeout",
    ),
    "Hardware and speed": ("--device", "--precision", "--tile", "--threads", "--workers"),
    "Several machines": ("--engine", "--address", "--cpus-per-worker", "--gpus-per-worker", "--max-workers"),
}


_PIXELS = click.IntRange(1, 1_000_000)
_SIZES = ("scale", "width", "height", "longest", "megapixels", "min_side")


def _size(options: dict[str, Any]) -> TargetSize:
    """The size options, removed from the others."""
    from restore.jobs.sizing import TargetSize

    size = TargetSize(**{name: options.pop(name) for name in _SIZES})
    given = [f"--{name.replace('_', '-')}" for name in size.options()]
    if len(given) > 1 and given != ["--width", "--height"]:
        raise click.UsageError(f"{' and '.join(given)} contradict each other: the size is given by one of them")
    return size


def _is_folder_job(options: dict[str, Any]) -> bool:
    """Whether a crash would cost more than one picture; of what is in a store, nobody has asked what it is."""
    sources = options["sources"]
    streams = Path("-") in (*sources, options["target"])
    whole = len(sources) > 1 or isinstance(sources[0], Address) or sources[0].is_dir()
    return not streams and not options["dry_run"] and whole


def _journal(options: dict[str, Any]) -> Path | None:
    """The journal of a job on folders."""
    target = options["target"]
    return None if isinstance(target, Address) else target / journal_name(options["shard"])


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
        "restore enhance *.jpg Scans enlarged --longest 4000",
        "restore enhance Pictures lifted --model backlit --strength 0.7",
        "restore enhance Pictures enlarged --model backlit+sr-x2",
        "restore enhance Pictures enlarged --resume --report page.html",
        "restore enhance s3://bucket/photos s3://bucket/large --resume",
        "restore enhance /shared/photos /shared/large --engine ray --address auto",
    ),
    sections=_SECTIONS,
)
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=Place())
@click.argument("target", metavar="OUT", type=Place())
@click.option(
    "--model",
    shell_complete=complete.models,
    help="Name ('restore models' lists them) or path of an .onnx file, or several joined by +, of which each takes the "
    "result of the one before.  [default: sr-x2]",
)
@click.option(
    "--scale", type=FiniteRange(1, 16), help="Enlargement factor, for example 3 or 1.5.  [default: the model's]"
)
@click.option("--width", type=_PIXELS, help="Width of the results, in pixels; with --height, a box that they fit into.")
@click.option("--height", type=_PIXELS, help="Height of the results, in pixels.")
@click.option("--longest", type=_PIXELS, help="Longer side of the results, in pixels.")
@click.option("--megapixels", type=FiniteRange(0, 1e4, min_open=True), help="Size of the results, in megapixels.")
@click.option(
    "--min-side", type=_PIXELS, help="Enlarge until the shorter side is this long; keep what is large enough."
)
@click.option(
    "--strength",
    type=FiniteRange(0, 1),
    help="Strength of the change, for models with adjustable strength: 0 none, 1 as trained.  [default: 1]",
)
@click.option(
    "--mask",
    metavar="FOLDER|FILE|alpha",
    help="Change pictures only inside masks: gray pictures of their size, white where all changes. A folder has one of "
    "each picture's name; a file is for all; alpha takes each picture's alpha channel.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["png", "jpg", "webp", "tif", "bmp", "jxl", "gif"]),
    help="Format of the results; gif needs --frames all.  [default: each picture's own, PNG if it cannot be written]",
)
@click.option(
    "--frames",
    type=click.Choice(["first", "all"]),
    default="first",
    show_default=True,
    help="Which frames of animated GIF, PNG, WebP and AVIF to enhance; with all, the results are animated too.",
)
@click.option(
    "--name",
    default="{stem}",
    show_default=True,
    help="Name of the results, with {stem} and {ext} of the source, {model} and {scale}; the suffix is added.",
)
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=95,
    show_default=True,
    help="Quality of JPEG (full color resolution from 90), WebP and JPEG XL (lossless at 100).",
)
@click.option(
    "--png-level",
    type=click.IntRange(0, 9),
    default=1,
    show_default=True,
    help="PNG compression effort; above 2 helps on drawings, hardly on photographs.",
)
@click.option(
    "--strip", "metadata", flag_value="none", help="Remove EXIF, XMP, IPTC and comments; keep the color profile."
)
@click.option(
    "--strip-gps",
    "metadata",
    flag_value="no-place",
    help="Remove the location: coordinates, place names and metadata that may hold them.",
)
@click.option("--history", is_flag=True, help="Record program, model and options in XMP (xmpMM:History).")
@click.option("--keep-times", is_flag=True, help="Give each result the modification time of its source.")
@click.option("--strict", is_flag=True, help="Reject pictures that are damaged, even if most of them can be read.")
@max_pixels_option
@click.option(
    "--tile",
    type=click.IntRange(16),
    help="Largest side of a tile, in input pixels; smaller tiles take less memory.  [default: by memory]",
)
@device_option
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16", "fp16", "int8"]),
    default="auto",
    show_default=True,
    help="auto uses fp16 on GPUs; on CPUs the fastest that loses at most 0.1 dB, measured for large jobs.",
)
@click.option("--threads", type=click.IntRange(1), help="CPU threads of the network.  [default: all cores]")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Threads for reading pictures, and as many for writing.  [default: half the cores, 2..8; 8 for stores]",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="What runs the job: this process, or the workers of a Ray cluster; IN and OUT are then in stores, or on a "
    "file system that all machines share.",
)
@click.option(
    "--address",
    metavar="ADDRESS",
    help="With --engine ray: cluster, auto for the one that this machine belongs to.  [default: one on this machine]",
)
@click.option(
    "--cpus-per-worker",
    type=FiniteRange(0, 1024, min_open=True),
    help="With --engine ray: CPUs of each worker, which are also its --threads.  [default: 2, or 1 if there is only 1]",
)
@click.option(
    "--gpus-per-worker",
    type=FiniteRange(0, 64),
    help="With --engine ray: GPUs of each worker; with 0.25, four share one.  [default: 1 if the cluster has some]",
)
@click.option(
    "--max-workers",
    type=click.IntRange(1),
    help="With --engine ray: number of workers at most.  [default: as many as have room, also later]",
)
@click.option("--overwrite", "existing", flag_value="overwrite", help="Replace existing results.")
@click.option("--skip-existing", "existing", flag_value="skip", help="Skip pictures whose result exists.")
@click.option(
    "--resume",
    is_flag=True,
    help="Continue an interrupted job: keep finished results, redo those whose picture, model or options changed.",
)
@click.option(
    "--shard",
    metavar="i/n",
    default="1/1",
    callback=_shard,
    help="Process the i-th of n parts of the folder, for n machines or processes.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines on standard output.")
@click.option(
    "--report",
    type=Place(here="a report is a file on this machine"),
    help="Write a report: .json, .csv, or .html, a page that shows pictures next to their results.",
)
@click.option("--watch", is_flag=True, help="Keep running and enhance new pictures until Ctrl-C.")
@click.option(
    "--settle",
    type=FiniteRange(0, 86_400),
    default=2,
    show_default=True,
    help="With --watch: seconds without change after which a new picture is complete; more for writers that pause.",
)
@click.option(
    "--read-timeout",
    type=FiniteRange(0, 86_400),
    default=60,
    show_default=True,
    help="Seconds without progress after which reading a picture fails, as on a lost network share; 0 waits forever.",
)
@click.option(
    "--spec",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Metadata that a third-party .onnx file lacks, for example --spec scale=4, or another seed of the noise that "
    "a model takes: --spec seed=1. Repeatable.",
)
def enhance(
    spec: tuple[str, ...],
    mask: str | None,
    metadata: Metadata | None,
    workers: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Enhance IN, pictures or folders (recursively), into OUT.

    Several inputs go into the folder OUT, each folder under its own name. - stands for standard input or output. IN and
    OUT may also be in a store, as s3://bucket/folder: whatever fsspec opens.

    Exit codes: 0 success, 1 some pictures failed, 2 usage error, 130 Ctrl-C, SIGTERM or SIGHUP.
    """
    pairs = parse_pairs(spec, "--spec")
    here = options["engine"] == "local"  # elsewhere, others see to it that a crash costs little
    if here and _is_folder_job(options):
        supervise_job(options["model"] or "the model", _journal(options))
    if here and options["model"]:
        supervise_foreign([options["model"]], "Written files are complete; --resume continues.")
    from restore.jobs.enhance import start
    from restore.jobs.ledger import Ledger
    from restore.jobs.masks import Masks
    from restore.jobs.request import Request, default_workers
    from restore.jobs.standard_streams import STREAM, run_streams, uses_streams

    size = _size(options)
    far = any(isinstance(end, Address) for end in (*options["sources"], options["target"]))
    workers = workers or default_workers(far, shared=not here)
    masks = None if mask is None else Masks.parse(mask)
    request = Request(size=size, spec=pairs, metadata=metadata or "keep", workers=workers, masks=masks, **options)

    def page() -> PageWriter:
        # Imported on demand: it takes a quarter of a second, and few jobs need it.
        from restore.compare.job_report import JobPage

        return JobPage(request.workers)

    def give(record: Record) -> None:
        click.echo(json.dumps(record))

    on_output = request.target == STREAM

    def say(line: str) -> None:
        if not on_output:
            click.echo(line)

    attempt = click.get_current_context().find_root().obj
    ledger = Ledger(attempt.ledger, attempt.again) if isinstance(attempt, Attempt) else None

    def run(job: Request) -> int:
        return start(job, console(), say, page, give if as_json else None, hard=True, ledger=ledger)

    if not here and uses_streams(request):
        raise click.UsageError("- is read and written by this process: use --engine local")
    if not uses_streams(request):
        raise SystemExit(run(request))
    if as_json and on_output:
        raise click.UsageError("--json and the picture would both go to standard output: remove --json or name a file")
    raise SystemExit(run_streams(request, run))
