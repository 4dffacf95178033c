"""``restore import``."""

from __future__ import annotations

from pathlib import Path

import click

from restore.cli.common import extra_needed, parse_pairs, shape_option
from restore.cli.help import Command
from restore.utils.text import printable


@click.command(
    "import",
    cls=Command,
    examples=(
        "restore import RealESRGAN_x4plus.pth --spec licence=BSD-3-Clause",
        "restore import swinir.safetensors --name swinir --shape 256",
    ),
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--name", help="What to call the model.  [default: as the file]")
@click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder of models.  [default: the first that RESTORE_MODELS names, else the user's]",
)
@click.option(
    "--spec",
    multiple=True,
    metavar="FIELD=VALUE",
    help="What is known of the model, and wins over what is found: --spec licence=MIT, --spec high=255. Repeatable.",
)
@click.option(
    "--shape",
    metavar="SIDE|NxHxW",
    callback=shape_option,
    help="Make the file for this one input alone, for networks that cannot be had for all sizes.",
)
@click.option("--overwrite", is_flag=True, help="Replace a model of that name.")
def import_(
    file: Path,
    name: str | None,
    folder: Path | None,
    spec: tuple[str, ...],
    shape: tuple[int, int, int] | None,
    overwrite: bool,
) -> None:
    """Make a model at hand of FILE: a published checkpoint (.pth, .safetensors), or an ONNX file of somebody else's.

    What the network needs is found by trying: scale, sizes, how far it looks. It is run beside the checkpoint and held
    to what was found; if that fails nothing is installed, and the exit code is 1. Checkpoints are read as weights
    alone: nothing in them is run.
    """
    given = parse_pairs(spec, "--spec")
    with extra_needed("Importing", "train"):
        from restore.export.import_model import import_model

    done = import_model(file, name, folder, given, shape, overwrite, lambda line: click.echo(line, err=True))
    for check in done.checks:
        click.echo(f"{check.name}: {printable(check.measured)}")
    found = done.spec
    tiles = (
        "tiles give the whole picture's result"
        if found.exact_tiles
        else "it looks further than that, and tiles may differ from the whole"
    )
    click.echo(
        f"{found.network} x{found.scale}, {found.parameters:,} parameters; {found.low:g}..{found.high:g}, "
        f"sides a multiple of {found.multiple} from {found.minimum}, halo {found.halo}: {tiles}"
    )
    if done.note:
        click.echo(printable(done.note))
    for twin in done.outdated:
        click.echo(f"{twin}: made of another file, and no longer taken by itself. Make it again, or delete it")
    if found.licence == "unknown":
        click.echo("Its licence is unknown: ask whoever published it before you use it, and add --spec licence=...")
    click.echo(f"{done.path}: restore enhance IN OUT --model {_called(done.path, found.name)}")


def _called(path: Path, name: str) -> str:
    """How a model is named: by its name where that finds it, else by its file."""
    import shlex

    from restore.zoo.find import entries

    found = {entry.name: entry.file for entry in entries()}
    return name if found.get(name) == path else shlex.quote(str(path))
