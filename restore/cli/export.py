"""``restore export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from restore.cli.common import console, extra_needed, parse_pairs, parse_shape
from restore.words import shown

if TYPE_CHECKING:
    from restore.export.run import Exported

_FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("source", metavar="RUN_OR_FILE", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", required=False, type=click.Path(path_type=Path))
@click.option(
    "--which",
    type=click.Choice(["last", "best"]),
    default="last",
    show_default=True,
    help="Which checkpoint of a run's folder.",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    default="fp32",
    show_default=True,
    help="fp16: what would suffer stays in fp32. int8 makes the 8-bit twin of an fp32 .onnx file; it needs --calibrate "
    "and --check.",
)
@click.option(
    "--shape",
    metavar="SIDE|NxHxW",
    callback=parse_shape,
    help="A file for this one input alone, as some devices want it; pictures are cut and filled up to it.",
)
@click.option(
    "--opset", type=click.IntRange(17, 23), default=18, show_default=True, help="Version of ONNX's operators."
)
@click.option("--name", help="Of the model.  [default: the recipe's, or the file's]")
@click.option(
    "--spec",
    multiple=True,
    metavar="FIELD=VALUE",
    help="What is known of a published checkpoint, for example --spec licence=MIT. Repeatable.",
)
@click.option("--calibrate", type=_FOLDER, help="int8: photographs to take the ranges of the 8-bit values from.")
@click.option(
    "--check",
    multiple=True,
    type=_FOLDER,
    help="Folder of pictures to measure on. int8: as they should be, and not those of --calibrate. Repeatable.",
)
@click.option(
    "--check-input",
    "inputs",
    multiple=True,
    type=_FOLDER,
    help="int8 of a model that does not enlarge: the inputs of a --check, by the same names. Of --calibrate, inputs.",
)
@click.option("--pattern", default="*", show_default=True, help="int8: which files of --check, for example '*_HR.png'.")
@click.option(
    "--max-loss",
    type=click.FloatRange(min=0),
    default=0.1,
    show_default=True,
    help="int8: dB of PSNR that it may lose on any --check folder; above, nothing is written.",
)
@click.option("--explain", is_flag=True, help="int8: say what each layer loses by itself in 8 bits, and write nothing.")
@click.option("--overwrite", is_flag=True, help="Replace a model file that exists.")
def export(
    source: Path,
    target: Path | None,
    which: str,
    precision: str,
    shape: tuple[int, int, int] | None,
    opset: int,
    name: str | None,
    spec: tuple[str, ...],
    calibrate: Path | None,
    check: tuple[Path, ...],
    inputs: tuple[Path, ...],
    pattern: str,
    max_loss: float,
    explain: bool,
    overwrite: bool,
) -> None:
    """Turn weights into an ONNX file OUT (or a file in the folder OUT), and prove it.

    RUN_OR_FILE is a run's folder or checkpoint, or a published .pth or .safetensors file. With --precision int8 it is
    an fp32 .onnx file, and OUT its 8-bit twin; with fp16 it can be.

    After each step the model is measured beside the network; then the file is run beside it at five shapes, and held to
    what it says of itself. If anything differs, nothing is written and the exit code is 1.
    """
    if explain and precision != "int8":
        raise click.UsageError("--explain belongs to --precision int8")
    if target is None and not explain:
        raise click.UsageError("Missing argument 'OUT'.")
    if source.suffix == ".onnx" and (shape or name or spec or opset != 18):
        raise click.UsageError("--shape, --opset, --name and --spec are for weights; an .onnx file has its own")
    if precision == "int8":
        if source.suffix != ".onnx":
            raise click.UsageError(f"--precision int8 takes an fp32 .onnx file, not {source}: export that first")
        if explain and calibrate is not None:
            _explain(source, calibrate)
            return
        if calibrate is None or not check:
            raise click.UsageError("--precision int8 needs --calibrate FOLDER and --check FOLDER")
        if inputs and len(inputs) != len(check):
            raise click.UsageError(f"{len(check)} --check and {len(inputs)} --check-input: give one for each")
        pairs = list(zip(check, inputs or [None] * len(check), strict=True))
        assert target is not None
        _int8(source, target, calibrate, pairs, pattern, max_loss, overwrite)
        return
    assert target is not None
    if source.suffix == ".onnx":
        if precision == "fp32":
            raise click.UsageError(f"{source} is an .onnx file already; 'restore import' makes one of others a model")
        _half(source, target, check, overwrite)
    else:
        _floats(source, target, which, precision, shape, opset, name, parse_pairs(spec, "--spec"), check, overwrite)


def _floats(
    source: Path,
    target: Path,
    which: str,
    precision: str,
    shape: tuple[int, int, int] | None,
    opset: int,
    name: str | None,
    given: dict[str, str],
    check: tuple[Path, ...],
    overwrite: bool,
) -> None:
    with extra_needed("Exporting", "train"):
        from restore.export.fidelity import picture_patches
        from restore.export.make import How, fitted
        from restore.export.run import export as run_export
        from restore.export.source import load_source

    loaded = load_source(source, which, name, given)
    seen = fitted(loaded.spec, shape)
    batches = [batch for folder in check for batch in picture_patches(folder, seen)]
    how = How("fp16" if precision == "fp16" else "fp32", shape, opset, batches)
    _show(run_export(loaded, target, how, overwrite))


def _half(source: Path, target: Path, check: tuple[Path, ...], overwrite: bool) -> None:
    with extra_needed("Exporting", "train"):
        from restore.export.fidelity import picture_patches
        from restore.export.make import How
        from restore.export.run import export_half
        from restore.runtime.model import file_spec

    spec = file_spec(source)
    how = How("fp16", batches=[batch for folder in check for batch in picture_patches(folder, spec)])
    _show(export_half(source, target, how, overwrite))


def _show(done: Exported) -> None:
    made = done.made
    for step in made.steps:
        click.echo(f"{step.name}: {'equal' if step.psnr == float('inf') else f'{step.psnr:.1f} dB'}")
    for compared in made.compared:
        click.echo(f"input {'x'.join(map(str, compared.shape))}: largest difference {compared.difference:.1e}")
    for check in made.checks:
        click.echo(f"{check.name}: {shown(check.measured)}")
    size = done.path.stat().st_size
    click.echo(
        f"{done.path}: {made.spec.name}, {made.spec.precision}, {made.spec.parameters:,} parameters, "
        f"{size / 1e6:.2f} MB, verified"
    )
    for twin in done.outdated:
        click.echo(f"{twin}: of another training, and no longer taken by itself. Make it again, or delete it")


def _explain(source: Path, calibrate: Path) -> None:
    with extra_needed("Quantising", "train"):
        from restore.export.explain import explain

    for layer in explain(source, calibrate, console()):
        click.echo(f"{layer.psnr:7.2f} dB  {layer.name}  ({layer.what})")


def _int8(
    source: Path,
    target: Path,
    calibrate: Path,
    pairs: list[tuple[Path, Path | None]],
    pattern: str,
    max_loss: float,
    overwrite: bool,
) -> None:
    with extra_needed("Exporting", "train"):
        from restore.export.twin import Check, export_twin

    checks = [Check(folder, pattern, inputs) for folder, inputs in pairs]
    twin = export_twin(source, target, calibrate, checks, max_loss, overwrite, console())
    for folder, loss in twin.losses.items():
        click.echo(f"{folder}: int8 loses {loss:.3f} dB")
    kept = "" if twin.last == 1 else f", its last {twin.last} convolutions in fp32"
    kept += ", ranges by percentiles" if twin.method == "Percentile" else ""
    click.echo(f"{twin.path}: {twin.spec.name}, int8{kept}, {twin.path.stat().st_size / 1e6:.2f} MB, measured")
