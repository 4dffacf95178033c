"""``restore export``."""

from __future__ import annotations

from pathlib import Path

import click

from restore.cli.common import console, extra_needed

_FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("source", metavar="RUN_OR_FILE", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--which",
    type=click.Choice(["last", "best"]),
    default="last",
    show_default=True,
    help="Which checkpoint of a run's folder.",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "int8"]),
    default="fp32",
    show_default=True,
    help="int8 makes the 8-bit twin of an fp32 .onnx file; it needs --calibrate and --check.",
)
@click.option("--calibrate", type=_FOLDER, help="int8: photographs to take the ranges of the 8-bit values from.")
@click.option(
    "--check",
    multiple=True,
    type=_FOLDER,
    help="int8: folder of pictures as they should be, to measure the loss on; not those of --calibrate. Repeatable.",
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
@click.option("--overwrite", is_flag=True, help="Replace a model file that exists.")
def export(
    source: Path,
    target: Path,
    which: str,
    precision: str,
    calibrate: Path | None,
    check: tuple[Path, ...],
    inputs: tuple[Path, ...],
    pattern: str,
    max_loss: float,
    overwrite: bool,
) -> None:
    """Turn a run's averaged weights into an ONNX file OUT (or a file in the folder OUT).

    The file is run beside the network at five shapes; if they differ, nothing is written and the exit code is 1.
    With --precision int8, RUN_OR_FILE is an .onnx file, and OUT its 8-bit twin.
    """
    if precision == "int8":
        if source.suffix != ".onnx":
            raise click.UsageError(f"--precision int8 takes an fp32 .onnx file, not {source}: export that first")
        if calibrate is None or not check:
            raise click.UsageError("--precision int8 needs --calibrate FOLDER and --check FOLDER")
        if inputs and len(inputs) != len(check):
            raise click.UsageError(f"{len(check)} --check and {len(inputs)} --check-input: give one for each")
        pairs = list(zip(check, inputs or [None] * len(check), strict=True))
        _int8(source, target, calibrate, pairs, pattern, max_loss, overwrite)
    else:
        _fp32(source, target, which, overwrite)


def _fp32(source: Path, target: Path, which: str, overwrite: bool) -> None:
    with extra_needed("Exporting", "train"):
        from restore.export.run import export as run_export

    done = run_export(source, target, which, overwrite)
    for check in done.checks:
        click.echo(f"input {'x'.join(map(str, check.shape))}: largest difference {check.difference:.1e}")
    size = done.path.stat().st_size
    click.echo(f"{done.path}: {done.spec.name}, {done.spec.parameters:,} parameters, {size / 1e6:.2f} MB, verified")
    for twin in done.outdated:
        click.echo(f"{twin}: of another training, and no longer taken by itself. Make it again, or delete it")


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
    click.echo(f"{twin.path}: {twin.spec.name}, int8{kept}, {twin.path.stat().st_size / 1e6:.2f} MB, measured")
