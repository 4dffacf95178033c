"""``restore evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from restore.cli.common import console, device_option, parse_pairs


@click.command()
@click.option("--model", required=True, help="Name or path of a model.")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of high-resolution pictures.")
@click.option("--pattern", default="*", show_default=True, help="Which files of the folder, for example '*_HR.png'.")
@click.option(
    "--lr",
    "low_folder",
    type=click.Path(path_type=Path),
    help="Folder of given low-resolution files, instead of making them; of the inputs of a model that restores.",
)
@click.option(
    "--lr-name", "low_name", metavar="FROM=TO", help="How an LR file is named after its HR file, for example _HR=_LR."
)
@click.option("--tile", type=click.IntRange(16), default=512, show_default=True)
@device_option
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.option("--spec", "given", multiple=True, metavar="FIELD=VALUE", help="What a foreign .onnx does not say.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def evaluate(
    model: str,
    data: Path,
    pattern: str,
    low_folder: Path | None,
    low_name: str | None,
    tile: int,
    device: str,
    threads: int | None,
    given: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure a model as the literature does, beside bicubic or, at scale 1, beside its input.

    The high-resolution pictures are cropped to a multiple of the scale and reduced with MATLAB's bicubic; PSNR and
    SSIM are taken on Y (BT.601, 8 bits), with a border of the scale left out. A model that restores without enlarging
    needs --lr; its PSNR is taken on RGB.
    """
    from restore.metrics.evaluate import evaluate_model
    from restore.runtime.model import open_model
    from restore.zoo.find import find

    network = open_model(find(model), device, threads, parse_pairs(given, "--spec"))
    rename = next(iter(parse_pairs([low_name], "--lr-name").items())) if low_name else ("", "")
    table = evaluate_model(network, network.spec, data, pattern, low_folder, rename, tile, console())
    if as_json:
        click.echo(table.to_json())
    else:
        click.echo(table.to_text())
