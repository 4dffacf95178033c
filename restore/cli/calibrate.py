"""``restore calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from restore.cli import complete
from restore.cli.common import FiniteRange, console, device_option, extra_needed, parse_pairs
from restore.cli.help import Command
from restore.cli.supervise import supervise
from restore.utils.text import printable


@click.command(
    cls=Command,
    examples=(
        "restore calibrate sr-x4 --natural Pictures --degraded bicubic -o knob.onnx",
        "restore calibrate photo-x4 --natural Pictures --degraded light -o knob.onnx",
        "restore calibrate sr-x4 --natural Pictures --degraded bicubic -o knob.onnx --autoencoder sd-vae-ft-mse/"
        "diffusion_pytorch_model.safetensors",
        "restore calibrate mine.onnx --natural Pictures --degraded scans -o knob.onnx --pictures 100",
    ),
)
@click.argument("model", metavar="MODEL", shell_complete=complete.models)
@click.option(
    "--natural",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of good photographs; not those that the result will be measured on.",
)
@click.option(
    "--degraded",
    required=True,
    metavar="FOLDER|PRESET",
    help="Folder of inputs for MODEL, of any content; or how to make them from the photographs: bicubic, or a preset "
    "of restore degrade.",
)
@click.option(
    "-o", "--out", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help=".onnx file to write."
)
@click.option(
    "--pictures",
    type=click.IntRange(1, 10_000),
    default=16,
    show_default=True,
    help="How many of each folder are used, evenly spread.",
)
@click.option(
    "--side", type=click.IntRange(32, 8192), default=512, show_default=True, help="Side of what is used of a picture."
)
@click.option(
    "--factor",
    type=click.Choice(["1", "2", "4"]),
    help="Side of a block in pixels; patches consist of blocks.  [default: 2]",
)
@click.option("--patch", type=click.IntRange(1, 9), default=5, show_default=True, help="Side of a patch in blocks.")
@click.option(
    "--autoencoder",
    metavar="FILE|FOLDER|MODULE:FACTORY",
    help="Patches of this autoencoder's codes, not of pixels: a file of Stable Diffusion's (AutoencoderKL), a run of "
    "restore train autoencoder, a folder with encoder.onnx and decoder.onnx, or package.module:factory of a torch "
    "module, whose code is run.",
)
@click.option(
    "--rebuilt",
    is_flag=True,
    help="End at the picture that the autoencoder decodes, with its error, and not at the model's result changed by "
    "the difference that the transport makes to it.",
)
@click.option(
    "--reach",
    type=FiniteRange(0, 2, min_open=True),
    default=1,
    show_default=True,
    help="How far strength 1 goes; more than 1 exaggerates the detail of photographs.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the preset's degradations.")
@device_option
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.option(
    "--spec", multiple=True, metavar="FIELD=VALUE", help="Metadata of the result: --spec licence=MIT. Repeatable."
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def calibrate(model: str, degraded: str, factor: str | None, patch: int, spec: tuple[str, ...], **options: Any) -> None:
    """Give MODEL an adjustable strength, from its own results to the statistics of photographs.

    A network that is trained for fidelity leaves out detail that it is not sure of. This measures how patches of its
    results differ from those of photographs in means and covariances, and writes a model that also makes up for the
    difference: at strength 0 its results are MODEL's, at 1 their patches have the statistics of photographs. Nothing is
    trained, and the photographs need not show what the inputs show. 'restore evaluate --plane' draws what it gains and
    costs.
    """
    given = parse_pairs(spec, "--spec")
    if options["autoencoder"] and factor:
        raise click.UsageError("--factor is of blocks of pixels; the --autoencoder has a factor of its own")
    if options["rebuilt"] and not options["autoencoder"]:
        raise click.UsageError("--rebuilt needs an --autoencoder")
    supervise(", ".join(filter(None, (model, options["autoencoder"]))), "Nothing was written.")
    with extra_needed("Calibrating", "train"):
        from restore.calibration.calibrate import Request, start
    from restore.calibration.patches import PatchCode
    from restore.jobs.stop import stoppable

    code = PatchCode(int(factor or 2), patch)
    with stoppable(hard=True):
        done = start(Request(model, degraded=degraded, code=code, spec=given, **options), console())
    for check in done.checks:
        click.echo(f"{check.name}: {printable(check.measured)}")
    if done.error is not None:
        click.echo(f"autoencoder: reproduces the photographs with {done.error:.2f} dB")
    click.echo(
        f"transport: {done.map.rank} of {done.code.size} directions, {done.lost:.2%} of the photographs' variance lost"
    )
    click.echo(f"{done.path}: restore enhance IN OUT --model {done.path} --strength 0.5")
