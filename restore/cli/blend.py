"""``restore blend``."""

from __future__ import annotations

from pathlib import Path

import click

from restore.cli import complete
from restore.cli.common import FiniteRange, extra_needed, parse_pairs
from restore.cli.help import Command
from restore.cli.supervise import supervise
from restore.utils.text import printable


@click.command(
    cls=Command,
    examples=(
        "restore blend sr-x4 photo-x4 --alpha 0.3 -o mild.onnx",
        "restore blend faithful.pth sharp.pth --alpha 0.7 -o between.safetensors",
    ),
)
@click.argument("a", metavar="A", shell_complete=complete.models)
@click.argument("b", metavar="B", shell_complete=complete.models)
@click.option("--alpha", type=FiniteRange(0, 1), required=True, help="Share of B: 0 gives A, 1 gives B.")
@click.option(
    "-o",
    "--out",
    "target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: .onnx, or of two checkpoints also .safetensors.",
)
@click.option(
    "--spec", multiple=True, metavar="FIELD=VALUE", help="Metadata of the result: --spec licence=MIT. Repeatable."
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def blend(a: str, b: str, alpha: float, target: Path, spec: tuple[str, ...], overwrite: bool) -> None:
    """Make a model between A and B, two models of one architecture.

    Their weights are interpolated. With a network trained for fidelity and one trained with an adversary from it, this
    trades invented detail for faithfulness. A and B are names or .onnx files, or two checkpoints (.pth, .safetensors).
    The result is verified, and its metadata name both and their licenses.
    """
    given = parse_pairs(spec, "--spec")
    supervise(f"{a}, {b}", "Nothing was written.")
    with extra_needed("Blending", "train"):
        from restore.export.blend import blend as make
    from restore.jobs.stop import stoppable

    with stoppable(hard=True):
        done = make(a, b, alpha, target, given, overwrite, lambda line: click.echo(line, err=True))
    for check in done.checks:
        click.echo(f"{check.name}: {printable(check.measured)}")
    if done.spec is None:
        click.echo(f"{done.path}: restore import {done.path}")
        return
    click.echo(f"licence: {printable(done.spec.licence)}")
    click.echo(f"{done.path}: restore enhance IN OUT --model {done.path}")
