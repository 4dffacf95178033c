"""Import a model and say what came of it; shared by ``restore import`` and ``restore get``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from restore.cli.common import Decorator, extra_needed, shape_option
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
) -> None:
    """Import a model, print its checks and how to use it; see :func:`restore.export.import_model.import_model`.

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
    click.echo(
        f"{found.network} x{found.scale}, {found.parameters:,} parameters; {found.low:g}..{found.high:g}, "
        f"sides a multiple of {found.multiple} from {found.minimum}, halo {found.halo}: {tiles}"
    )
    for note in done.notes:
        click.echo(printable(note))
    for twin in done.outdated:
        click.echo(f"{twin}: was made from another file and is no longer selected automatically. Rebuild or delete it")
    if found.licence == "unknown":
        click.echo("The license is unknown: ask the publisher before you use the model, and add --spec licence=...")
    click.echo(f"{done.path}: restore enhance IN OUT --model {_called(done.path, found.name)}")


def _called(path: Path, name: str) -> str:
    """How to refer to a model: by name if that finds it, else by path."""
    import shlex

    from restore.zoo.find import entries

    found = {entry.name: entry.file for entry in entries()}
    return name if found.get(name) == path else shlex.quote(str(path))
