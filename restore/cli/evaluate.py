"""``restore evaluate``."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from restore.cli import complete
from restore.cli.common import (
    FiniteRange,
    console,
    device_option,
    extra_needed,
    list_option,
    parse_pairs,
    plugin_option,
)
from restore.cli.help import Command
from restore.cli.supervise import supervise_foreign

if TYPE_CHECKING:
    from restore.evaluation.comparison import Comparison
    from restore.files.pairing import NameRule

_folder = click.Path(path_type=Path)


def _metrics() -> Iterator[str]:
    from restore.evaluation.evaluate import described
    from restore.metrics.registry import METRICS

    width = max(map(len, METRICS))
    for name, metric in METRICS.items():
        yield f"{name:{width}}  {described(name, metric)}"


@click.command(
    cls=Command,
    examples=(
        "restore evaluate --model sr-x2 --data Set5",
        "restore evaluate --predictions results --data references",
        "restore evaluate --predictions enlarged --metric niqe",
        "restore evaluate --model sr-x4 --model photo-x4 --data Set5 --metric psnr --metric lpips --plane plane.svg",
    ),
)
@click.option(
    "--model", "models", multiple=True, shell_complete=complete.models, help="Name or path of a model. Repeatable."
)
@click.option("--data", type=_folder, help="Folder of reference pictures, or a benchmark.")
@click.option("--predictions", multiple=True, type=_folder, help="Folder of existing results. Repeatable.")
@click.option("--metric", "metrics", multiple=True, help="Repeatable.  [default: psnr and ssim; niqe without --data]")
@list_option(_metrics, "List the metrics.")
@click.option("--pattern", help="Which files of the folder, for example '*_HR.png'.  [default: all, or a benchmark's]")
@click.option(
    "--lr",
    "low_folder",
    type=_folder,
    help="Folder of low-resolution files, instead of making them; or of inputs for a model that does not enlarge.",
)
@click.option(
    "--lr-name",
    "low_name",
    metavar="RULE",
    help="How an LR file is named after its HR file: {stem}x4, {stem}_HR={stem}_LR, or FROM=TO such as _HR=_LR.",
)
@click.option("--prediction-name", metavar="RULE", help="How a result is named after its reference, like --lr-name.")
@click.option("--scale", type=click.IntRange(1, 16), help="Enlargement factor of the results; models know theirs.")
@click.option("--border", type=click.IntRange(0), help="Pixels ignored on every side.  [default: the scale]")
@click.option("--on", "color", type=click.Choice(["y", "rgb"]), help="Color space of PSNR and SSIM.")
@click.option(
    "--mixed-depth", is_flag=True, help="Allow results with 8 bits and references with 16; both are rounded to 8."
)
@click.option("--mixed-channels", is_flag=True, help="Allow RGB results with gray references, and the reverse.")
@click.option("--weights", multiple=True, metavar="METRIC=FILE", help="Weights of a learned metric. Repeatable.")
@click.option(
    "--ma",
    multiple=True,
    type=_folder,
    metavar="FILE",
    help="Ma scores of the results: lines of name,score, or JSON. One for each --predictions, in the same order.",
)
@click.option(
    "--strength",
    "strengths",
    multiple=True,
    type=FiniteRange(0, 1),
    help="Measure models that can be adjusted at this strength. Repeatable.  [default: 1; with --plane 0 to 1 by 0.25]",
)
@click.option(
    "--plane",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also draw the perception-distortion plane to this .svg, .png or .pdf file, and replace it if it exists.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the bootstrap intervals.")
@click.option("--tile", type=click.IntRange(16), default=512, show_default=True)
@device_option
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.option("--spec", "given", multiple=True, metavar="FIELD=VALUE", help="Metadata missing in a third-party .onnx.")
@click.option("--json", "form", flag_value="json", help="Output everything as JSON.")
@click.option("--csv", "form", flag_value="csv", help="Output CSV, one line per picture and method.")
@click.option("--markdown", "form", flag_value="markdown", help="Output a Markdown table.")
@plugin_option
def evaluate(
    low_name: str | None,
    prediction_name: str | None,
    mixed_depth: bool,
    mixed_channels: bool,
    weights: tuple[str, ...],
    given: tuple[str, ...],
    plane: Path | None,
    form: str | None,
    plugins: tuple[str, ...],
    **options: Any,
) -> None:
    """Measure models or existing results with the protocol used in the literature.

    For models, the pictures in --data are cropped to a multiple of the scale and reduced with MATLAB's bicubic; the
    model's results are then compared with the originals, next to bicubic enlargement. Give results of other programs
    with --predictions, under the same names. Benchmarks in their usual folder layouts are recognized, with their own
    low-resolution files. PSNR and SSIM are computed on Y (BT.601, 8 bits), ignoring a border as wide as the scale. For
    models that do not enlarge, which need --lr, and for results without --scale, PSNR is computed on RGB. Without
    --data, pictures are measured with metrics that need no reference.

    --plane draws a point for each method, or for each strength of a model that can be adjusted: its distortion (the
    metrics that compare pixels; PSNR unless you name others) and its perception (the others; NIQE). --json has the
    figures.
    """
    supervise_foreign(options["models"])
    from restore.evaluation import show
    from restore.evaluation.alike import Tolerance
    from restore.evaluation.evaluate import Request, start
    from restore.jobs.stop import stoppable
    from restore.plugins import load_plugins

    load_plugins(plugins)
    if plane is not None:
        _check_plot(plane)
    request = Request(
        low_name=_rule(low_name, "--lr-name"),
        prediction_name=_rule(prediction_name, "--prediction-name"),
        may=Tolerance(mixed_depth, mixed_channels),
        weights={name: Path(file) for name, file in parse_pairs(weights, "--weights").items()},
        spec=parse_pairs(given, "--spec"),
        plane=plane is not None,
        **options,
    )
    with stoppable(hard=True):
        found = start(request, console())
    writers: dict[str | None, Callable[[Comparison], str]] = {
        "json": partial(show.to_json, plane=plane is not None),
        "csv": show.to_csv,
        "markdown": show.to_markdown,
        None: show.to_text,
    }
    click.echo(writers[form](found))
    if plane is not None:
        _draw(found, plane)


def _check_plot(file: Path) -> None:
    """Check before measuring, which takes long, what the plot will need."""
    from restore.utils.plotting import FORMATS

    if file.suffix.lower() not in FORMATS:
        raise click.UsageError(f"--plane {file}: the extension must be one of {', '.join(FORMATS)}")
    with extra_needed("Plotting", "plot"):
        importlib.import_module("matplotlib")


def _draw(found: Comparison, file: Path) -> None:
    from restore.evaluation.draw_plane import draw_plane
    from restore.evaluation.plane import plane_of
    from restore.utils.atomic_write import write_bytes

    plane = plane_of(found)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(file, draw_plane(plane, file.suffix.lower()), overwrite=True)
    console().print(f"{file}: {len(plane.points)} methods")


def _rule(text: str | None, option: str) -> NameRule | None:
    from restore.files.pairing import NameRule

    try:
        return NameRule.parse(text) if text else None
    except ValueError as error:
        raise click.UsageError(f"{option} {error}") from error
