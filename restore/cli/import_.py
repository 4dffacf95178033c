"""``restore import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from restore.cli.common import parse_pairs
from restore.cli.help import Command
from restore.cli.importing import (
    calibrate_option,
    check_can_import,
    check_option,
    fixed_shape_option,
    into_option,
    photographs,
    run_import,
)
from restore.cli.supervise import supervise

if TYPE_CHECKING:
    from restore.verify.channel_order import Colors


@click.command(
    "import",
    cls=Command,
    examples=(
        "restore import RealESRGAN_x4plus.pth --spec licence=BSD-3-Clause",
        "restore import swinir.safetensors --name swinir --shape 256",
        "restore import compact.pth --calibrate Pictures/a --check Pictures/b",
    ),
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the model.  [default: the file's]")
@into_option
@click.option(
    "--spec",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Metadata that overrides what is detected: --spec licence=MIT, --spec high=255. Repeatable.",
)
@fixed_shape_option
@click.option(
    "--colors",
    type=click.Choice(["auto", "rgb", "bgr"]),
    default="auto",
    show_default=True,
    help="Order of the color channels that the network takes and returns; auto tries which one keeps colors. A network "
    "for BGR is installed as one for RGB.",
)
@calibrate_option
@check_option
@click.option("--overwrite", is_flag=True, help="Replace an existing model of that name.")
def import_(
    file: Path,
    name: str | None,
    folder: Path | None,
    spec: tuple[str, ...],
    shape: tuple[int, int, int] | None,
    colors: Colors,
    calibrate: Path | None,
    check: Path | None,
    overwrite: bool,
) -> None:
    """Import FILE, a third-party checkpoint (.pth, .safetensors) or ONNX file, as a model.

    Scale, input sizes and receptive field are detected by running the network. The result is compared with the
    checkpoint and checked against what was detected; if that fails, nothing is installed and the exit code is 1.
    Checkpoints are loaded as plain weights: no code in them runs.
    """
    given = parse_pairs(spec, "--spec")
    supervise(file, "Nothing was installed.")
    check_can_import()

    from restore.jobs.stop import stoppable

    with stoppable(hard=True):
        run_import(file, name, folder, given, shape, overwrite, colors, photographs(calibrate, check))
