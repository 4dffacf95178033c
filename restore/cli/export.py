"""``restore export``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from restore.cli.common import (
    FiniteRange,
    console,
    extra_needed,
    parse_pairs,
    plugin_option,
    shape_option,
    trust_option,
)
from restore.cli.help import Command
from restore.errors import ModelError
from restore.export.requests import ExplainRequest, HalfRequest, Int8Request, Request, WeightsRequest

_FOLDER = click.Path(path_type=Path)

# Names of the requests in messages.
_MEANS: dict[type[Request], str] = {
    WeightsRequest: "weights",
    HalfRequest: "the fp16 twin of an .onnx file",
    Int8Request: "--precision int8",
    ExplainRequest: "--explain",
}


@click.command(
    cls=Command,
    examples=(
        "restore export runs/mine mine.onnx",
        "restore export RealESRGAN_x4plus.pth x4.onnx --precision fp16",
        "restore export mine.onnx --precision int8 --calibrate Pictures --check Pictures/other",
    ),
)
@click.argument("source", metavar="RUN_OR_FILE", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", required=False, type=click.Path(path_type=Path))
@click.option(
    "--which",
    type=click.Choice(["last", "best"]),
    default="last",
    show_default=True,
    help="Which checkpoint of a run folder to use.",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    default="fp32",
    show_default=True,
    help="fp16 keeps sensitive operations in fp32. int8 makes the 8-bit twin of an fp32 .onnx file; it needs "
    "--calibrate and --check.",
)
@click.option(
    "--shape",
    metavar="SIDE|NxHxW",
    callback=shape_option,
    help="Fix the input shape, as some devices require; pictures are tiled and padded to it.",
)
@click.option("--opset", type=click.IntRange(17, 23), default=18, show_default=True, help="ONNX opset version.")
@click.option(
    "--name", help="Name of the model.  [default: the recipe's, or that of OUT if one that comes with restore has it]"
)
@click.option(
    "--spec",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Metadata of a third-party checkpoint, for example --spec licence=MIT. Repeatable.",
)
@click.option(
    "--flow-steps",
    type=click.IntRange(1, 100),
    help="Steps of the rectified flow of a run that has one.  [default: its recipe's]",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    help="Seed of the noise of a model that takes noise; --spec seed=N overrides it when the model runs.  [default: 0]",
)
@click.option("--calibrate", type=_FOLDER, help="int8: folder of photographs to calibrate the value ranges on.")
@click.option(
    "--check",
    multiple=True,
    type=_FOLDER,
    help="Folder of pictures to measure on. int8: the ground truth, disjoint from --calibrate. Repeatable.",
)
@click.option(
    "--check-input",
    "inputs",
    multiple=True,
    type=_FOLDER,
    help="int8, for models that do not enlarge: inputs of --check, by the same names. --calibrate also takes inputs.",
)
@click.option(
    "--pattern", default="*", show_default=True, help="int8: which files of --check to use, for example '*_HR.png'."
)
@click.option(
    "--max-loss",
    type=FiniteRange(min=0),
    default=0.1,
    show_default=True,
    help="int8: allowed PSNR loss in dB on any --check folder; if exceeded, nothing is written.",
)
@click.option("--explain", is_flag=True, help="int8: report the loss of quantizing each layer alone; write nothing.")
@click.option("--overwrite", is_flag=True, help="Replace an existing model file.")
@plugin_option
@trust_option
def export(
    explain: bool,
    spec: tuple[str, ...],
    target: Path | None,
    calibrate: Path | None,
    **options: Any,
) -> None:
    """Export weights to an ONNX file OUT (or a file in the folder OUT), and verify it.

    RUN_OR_FILE is a run folder, a checkpoint, or a third-party .pth or .safetensors file. With --precision int8 it must
    be an fp32 .onnx file; its 8-bit twin is written next to it, where --model finds it, or to OUT. With fp16 it may be
    one.

    After each step the model is compared with the network. The final file is then compared with it at five shapes and
    checked against its own metadata. If anything differs, nothing is written and the exit code is 1.
    """
    kind = _kind(options["source"], options["precision"], explain)
    _refuse_inapplicable_options(kind)
    check, inputs = options["check"], options["inputs"]
    if target is None and kind is WeightsRequest:
        raise click.UsageError("Missing argument 'OUT'.")
    if kind is Int8Request and (calibrate is None or not check):
        raise click.UsageError("--precision int8 needs --calibrate FOLDER and --check FOLDER")
    if kind is ExplainRequest and calibrate is None:
        raise click.UsageError("--explain needs --calibrate FOLDER, to calibrate and measure on")
    if inputs and len(inputs) != len(check):
        raise click.UsageError(
            f"{len(check)} --check and {len(inputs)} --check-input: give one --check-input for each --check"
        )
    given = {**options, "target": target, "calibrate": calibrate, "spec": parse_pairs(spec, "--spec")}
    source = options["source"]
    if not source.exists():  # checked early: the code that reads it takes seconds to import
        raise ModelError(f"{source}: no such {'model' if source.suffix == '.onnx' else 'run or checkpoint'}")
    with extra_needed("Exporting", "train"):
        from restore.export.export import start
    start(kind(**{name: given[name] for name in _options(kind)}), console(), click.echo)


def _kind(source: Path, precision: str, explain: bool) -> type[Request]:
    """The kind of request; checks that the precision fits the source and --explain."""
    is_onnx = source.suffix == ".onnx"
    if explain and precision != "int8":
        raise click.UsageError("--explain needs --precision int8")
    if precision == "int8":
        if not is_onnx:
            raise click.UsageError(f"--precision int8 needs an fp32 .onnx file, not {source}: export that first")
        return ExplainRequest if explain else Int8Request
    if not is_onnx:
        return WeightsRequest
    if precision == "fp32":
        raise click.UsageError(f"{source} is already an .onnx file; use 'restore import' for third-party files")
    return HalfRequest


def _options(kind: type[Request]) -> list[str]:
    """The options that apply to a request: its fields."""
    return [field.name for field in dataclasses.fields(kind)]


def _refuse_inapplicable_options(kind: type[Request]) -> None:
    """Reject options of other requests instead of ignoring them."""
    ctx = click.get_current_context()
    for parameter in ctx.command.params:
        name = str(parameter.name)
        if name in ("precision", "explain") or name in _options(kind):  # these two select the request
            continue
        given = ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and ctx.params.get(name) is not None:
            what = max(parameter.opts, key=len) if isinstance(parameter, click.Option) else "OUT"
            means = " and ".join(_MEANS[other] for other in _MEANS if name in _options(other))
            raise click.UsageError(f"{what} applies to {means}, not to {_MEANS[kind]}")
