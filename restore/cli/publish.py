"""``restore publish``."""

from __future__ import annotations

from pathlib import Path

import click

from restore.cli.common import extra_needed, plugin_option, trust_option
from restore.cli.help import Command
from restore.utils.text import printable


@click.command(
    cls=Command,
    examples=(
        "restore publish runs/mine -o mine --license mit",
        "restore publish runs/mine -o mine --model mine.onnx",
    ),
)
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to make. It must not exist, or be empty.",
)
@click.option(
    "--which",
    type=click.Choice(["last", "best"]),
    default="last",
    show_default=True,
    help="Which checkpoint of the run to publish.",
)
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="Publish this exported .onnx file of the run, and the int8 and fp16 files beside it.  [default: a new export]",
)
@click.option(
    "--license", "license_", metavar="NAME", help="License of the weights, such as mit.  [default: the recipe's]"
)
@click.option(
    "--base-model",
    metavar="NAMESPACE/NAME",
    help="Model on the Hub whose weights the training began with.",
)
@plugin_option
@trust_option
def publish(
    run: Path,
    folder: Path,
    which: str,
    model: Path | None,
    license_: str | None,
    base_model: str | None,
    plugins: tuple[str, ...],
    trust_recipe: bool,
) -> None:
    """Make a folder of the model of RUN, to upload to the Hugging Face Hub.

    It holds the verified ONNX file, the recipe, the model's metadata and a model card: the license, how to use the
    model, how it was trained, and what the run measured. Nothing is uploaded: 'hf upload' does that.
    """
    with extra_needed("Publishing", "train"):
        from restore.export.publish.publish import PublishOptions
        from restore.export.publish.publish import publish as make_folder
        from restore.plugins import Trust

    options = PublishOptions(which, model, license_, base_model, Trust(plugins, trust_recipe))
    make_folder(run, folder, options, lambda line: click.echo(printable(line)))
