"""Import a model and say what came of it; shared by ``restore import`` and ``restore get``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from restore.cli.common import Decorator, console, extra_needed, shape_option
from restore.utils.text import printable

if TYPE_CHECKING:
    from restore.verify.channel_order import Colors

into_option: Decorator = click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder of models.  [default: the first in RESTORE_MODELS, else the user's folder]",
)
fixed_shape_option: Decorator = click.option(
    "--shape",
    metavar="SIDE|NxHxW",
    callback=shape_option,
    help="Fix the input shape, for networks that cannot be exported for all sizes.",
)

calibrate_option: Decorator = click.option(
    "--calibrate",
    type=click.Path(path_type=Path),
    help="Folder of photographs to calibrate an 8-bit twin on, which runs faster on most CPUs. Needs --check.",
)
check_option: Decorator = click.option(
    "--check",
    type=click.Path(path_type=Path),
    help="With --calibrate: folder of other photographs. The twin is kept if it loses at most 0.1 dB on them.",
)


def photographs(calibrate: Path | None, check: Path | None) -> Twin | None:
    """What ``--calibrate`` and ``--check`` ask for; None for no twin.

    Raises:
        click.UsageError: one of them is missing, or both are the same.
        DataError: a folder has no pictures. That is found before anything takes long.
    """
    if calibrate is None and check is None:
        return None
    if calibrate is None or check is None:
        raise click.UsageError("--calibrate and --check go together: photographs to calibrate on, and others to check")
    if calibrate.resolve() == check.resolve():
        raise click.UsageError("--calibrate and --check must be folders of different photographs")
    from restore.data.folder import list_photos

    for folder in (calibrate, check):
        list_photos([folder])
    return Twin(calibrate, check)


class Twin(NamedTuple):
    """Folders of photographs for an 8-bit twin: to calibrate on, and to measure the loss on."""

    calibrate: Path
    check: Path


def check_can_import() -> None:
    """Check, before any other work, that what imports models is installed.

    Raises:
        MissingExtraError: it is not.
    """
    with extra_needed("Importing", "train"):
        importlib.import_module("restore.export.import_model")


def run_import(
    file: Path,
    name: str | None,
    folder: Path | None,
    given: Mapping[str, str],
    shape: tuple[int, int, int] | None,
    overwrite: bool,
    colors: Colors = "auto",
    twin: Twin | None = None,
) -> None:
    """Import a model, print its checks and how to use it; see :func:`restore.export.import_model.import_model`.

    With ``twin``, an 8-bit twin is made too. If it loses too much, the model is there without one, and a line says so.

    Raises:
        RestoreError: it cannot be imported. Nothing is installed.
    """
    from restore.export.import_model import import_model

    def report(line: str) -> None:
        click.echo(line, err=True)

    done = import_model(file, name, folder, given, shape, overwrite, report, colors)
    for check in done.checks:
        click.echo(f"{check.name}: {printable(check.measured)}")
    found = done.spec
    tiles = (
        "tiling is exact"
        if found.exact_tiles
        else "the receptive field is larger, so tiles may differ from the whole picture"
    )
    sides = "sides of any length"
    if (found.multiple, found.minimum) != (1, 1):
        sides = f"sides that are multiples of {found.multiple}, at least {found.minimum}"
    click.echo(
        f"{found.network} x{found.scale}, {found.parameters:,} parameters; {found.low:g}..{found.high:g}, "
        f"{sides}, halo {found.halo}: {tiles}"
    )
    for note in done.notes:
        click.echo(printable(note))
    for old in done.outdated:
        click.echo(f"{old}: was made from another file and is no longer selected automatically. Rebuild or delete it")
    if twin is not None:
        _make_twin(done.path, found.scale, twin, overwrite)
    if found.licence == "unknown":
        click.echo("The license is unknown: ask the publisher before you use the model, and add --spec licence=...")
    click.echo(f"{done.path}: restore enhance IN OUT --model {_called(done.path, found.name)}")


def _make_twin(model: Path, scale: int, twin: Twin, overwrite: bool) -> None:
    from restore.errors import RestoreError
    from restore.export.quantized_model import BenchmarkSet, export_twin
    from restore.zoo.precision import MOST_LOST

    # A model that does not enlarge is measured by how far from the photographs its results are.
    check = BenchmarkSet(twin.check, inputs=twin.check if scale == 1 else None)
    try:
        made = export_twin(model, None, twin.calibrate, [check], MOST_LOST, overwrite, console())
    except RestoreError as error:  # the model itself is installed, and can be used
        click.echo(f"no 8-bit twin: {printable(str(error))}")
        return
    click.echo(f"{made.path}: 8-bit twin, loses {max(made.losses.values()):.3f} dB on {twin.check}")


def _called(path: Path, name: str) -> str:
    """How to refer to a model: by name if that finds it, else by path."""
    import shlex

    from restore.zoo.find import entries

    found = {entry.name: entry.file for entry in entries()}
    return name if found.get(name) == path else shlex.quote(str(path))
