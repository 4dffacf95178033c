"""``restore dataset``."""

from __future__ import annotations

import json
from pathlib import Path

import click
from click.core import ParameterSource

from restore.cli.common import FiniteRange, console
from restore.cli.help import Command

# Options, and the actions that they apply to.
_APPLIES = {
    "target": ("tile", "filter"),
    "least_side": ("check", "filter"),
    "most_blocks": ("check", "filter"),
    "most_flat": ("check", "filter"),
    "unique": ("filter",),
    "side": ("tile",),
    "step": ("tile",),
    "as_json": ("check",),
}


@click.command(
    cls=Command,
    examples=(
        "restore dataset check Pictures",
        "restore dataset tile Pictures tiles --side 480 --step 240",
        "restore dataset filter Pictures good --min-side 400 --max-blockiness 1.1",
    ),
    sections={
        "Options of check and filter": ("--min-side", "--max-blockiness", "--max-flat"),
        "Options of tile": ("--side", "--step"),
    },
)
@click.argument("action", type=click.Choice(["check", "tile", "filter"]))
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("target", metavar="[OUT]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--min-side",
    "least_side",
    type=click.IntRange(1),
    default=192,
    show_default=True,
    help="Least length of the shorter side, pixels.",
)
@click.option(
    "--max-blockiness",
    "most_blocks",
    type=FiniteRange(min=1),
    default=1.3,
    show_default=True,
    help="Most JPEG blockiness: the differences across the borders of blocks, divided by those elsewhere. About 1.1 "
    "without compression, 1.3 at quality 50, 1.5 at 30.",
)
@click.option(
    "--max-flat",
    "most_flat",
    type=FiniteRange(0, 1),
    default=1.0,
    show_default=True,
    help="Largest share of 16 x 16 blocks without structure.",
)
@click.option("--unique", is_flag=True, help="filter: leave out copies of the same pixels, all but the first.")
@click.option("--side", type=click.IntRange(16), default=480, show_default=True, help="Side of a tile, pixels.")
@click.option("--step", type=click.IntRange(1), default=240, show_default=True, help="Pixels between tiles.")
@click.option("--json", "as_json", is_flag=True, help="check: output JSON.")
def dataset(
    action: str,
    folder: Path,
    target: Path | None,
    least_side: int,
    most_blocks: float,
    most_flat: float,
    unique: bool,
    side: int,
    step: int,
    as_json: bool,
) -> None:
    """Prepare the photographs in FOLDER and its subfolders for training.

    \b
    check   lists damaged photographs, ones outside the limits, copies, and ones that look alike
    tile    cuts photographs into overlapping PNG tiles in OUT, which are faster to read; goes on where it was
    filter  copies the photographs within the limits to OUT, or lists them without OUT

    Exits with 0 on success, 1 if some photographs are damaged, and 2 on usage errors.
    """
    _refuse_inapplicable_options(action)
    from restore.data.preparation.check_photos import Limits

    limits = Limits(least_side, most_blocks, most_flat)
    if action == "tile":
        if target is None:
            raise click.UsageError("Missing argument 'OUT'.")
        if step > side:
            raise click.UsageError(
                f"--step {step} is more than --side {side}, so pixels between the tiles would be lost"
            )
        raise SystemExit(_tile(folder, target, side, step))
    raise SystemExit(_check(folder, limits, as_json) if action == "check" else _filter(folder, target, limits, unique))


def _refuse_inapplicable_options(action: str) -> None:
    ctx = click.get_current_context()
    for parameter in ctx.command.params:
        actions = _APPLIES.get(str(parameter.name), (action,))
        given = ctx.get_parameter_source(str(parameter.name)) == ParameterSource.COMMANDLINE
        if given and action not in actions:
            name = "OUT" if parameter.name == "target" else parameter.opts[0]
            raise click.UsageError(f"{name} applies to {' and '.join(actions)}, not to {action}")


def _check(folder: Path, limits: object, as_json: bool) -> int:
    from restore.data.preparation.check_photos import Limits, report_on, to_json, to_text
    from restore.data.preparation.photo_facts import measure_photos
    from restore.files.listing import list_pictures
    from restore.utils.progress import progress_bar

    assert isinstance(limits, Limits)
    paths = list_pictures(folder)
    report = report_on(list(progress_bar(measure_photos(paths), "Checking", console(), len(paths))), limits)
    for line in [json.dumps(to_json(report), indent=2)] if as_json else to_text(report):
        click.echo(line)
    return 1 if report.unreadable else 0


def _tile(folder: Path, target: Path, side: int, step: int) -> int:
    from rich.progress import Progress

    from restore.data.preparation.tile_photos import Tiled, tile_photos
    from restore.files.listing import list_pictures
    from restore.utils.text import printable

    paths, screen = list_pictures(folder), console()
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task("Tiling", total=len(paths))

        def done(one: Tiled) -> None:
            progress.advance(task)
            if one.problem:
                screen.print(f"skipped: {printable(one.source)}: {printable(one.problem)}", markup=False)

        results = tile_photos(folder, paths, target, side, step, done)
    written, there = sum(one.written for one in results), sum(one.there for one in results)
    skipped = sum(bool(one.problem) for one in results)
    ending = (f", {there} were there" if there else "") + (f", {skipped} photographs skipped" if skipped else "")
    screen.print(f"{written} tiles of {len(results) - skipped} photographs written to {printable(target)}{ending}")
    return 1 if skipped else 0


def _filter(folder: Path, target: Path | None, limits: object, unique: bool) -> int:
    from restore.data.preparation.check_photos import Limits
    from restore.data.preparation.filter_photos import copy_photos, without_copies
    from restore.data.preparation.photo_facts import measure_photos
    from restore.files.listing import list_pictures
    from restore.utils.progress import progress_bar
    from restore.utils.text import printable

    assert isinstance(limits, Limits)
    paths, screen = list_pictures(folder), console()
    photos = list(progress_bar(measure_photos(paths), "Measuring", screen, len(paths)))
    faults = {i: fault for i, one in enumerate(photos) if (fault := limits.fault(one))}
    if unique:
        for copy, first in without_copies(photos).items():
            faults.setdefault(copy, f"has the pixels of {photos[first].path}")
    for i, fault in faults.items():
        screen.print(f"left out: {printable(photos[i].path)}: {printable(fault)}", markup=False)
    kept = [one.path for i, one in enumerate(photos) if i not in faults]
    if target is None:
        for path in kept:
            click.echo(str(path))
        screen.print(f"{len(kept)} of {len(photos)} photographs are within the limits", markup=False)
    else:
        copied, there = copy_photos(kept, folder, target)
        screen.print(
            f"{copied} of {len(photos)} photographs copied to {printable(target)}"
            + (f", {there} were there" if there else ""),
            markup=False,
        )
    return 1 if any(one.problem for one in photos) else 0
