"""``restore degrade``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from restore.cli.common import console, max_pixels_option, plugin_option
from restore.cli.help import Command


@click.command(
    cls=Command,
    examples=(
        "restore degrade Pictures degraded --preset light --scale 2",
        "restore degrade photo.jpg sheet.png --patches 24 --scale 4",
    ),
)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--preset",
    type=click.Choice(["realesrgan", "light", "web", "phone", "print", "heavy"]),
    help="realesrgan or heavy, what Real-ESRGAN was trained with; light, for good photographs from phones and the web; "
    "web, saved as JPEG again and again; phone, denoised and sharpened; print, faded and grainy.  "
    "[default: realesrgan]",
)
@click.option(
    "--recipe",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A YAML file instead of a preset: what it does not say is the preset's that it names.",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change an option, for example --set second.jpeg.quality=[40,90]. Repeatable.",
)
@click.option(
    "--scale", type=click.IntRange(1, 8), default=2, show_default=True, help="How many times smaller the results are."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="A result depends on it, the picture and the picture's name alone.",
)
@click.option(
    "--count",
    type=click.IntRange(1, 10_000),
    default=1,
    show_default=True,
    help="Versions of each picture, in folders 1, 2, ... below OUT.",
)
@click.option(
    "--patches",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Instead of the whole picture, a sheet of N random patches as training cuts them, beside the originals.",
)
@click.option(
    "--patch", type=click.IntRange(8, 512), default=48, show_default=True, help="Side of those patches, degraded."
)
@click.option(
    "--name",
    default="{stem}",
    show_default=True,
    help="Name of the results, with {stem} and {ext} of the source and {scale}; the ending is added.",
)
@max_pixels_option
@plugin_option
def degrade(preset: str | None, recipe: Path | None, plugins: tuple[str, ...], **options: Any) -> None:
    """Degrade IN, a picture or a folder with all below it, into OUT, as pictures are degraded for training.

    Blur, resize, noise and JPEG are drawn at random, twice. The results are PNG files without transparency and
    metadata; nothing is overwritten. Exits with 0 when all was done, 1 when some pictures failed, 2 on wrong use.
    """
    if preset and recipe:
        raise click.UsageError("--preset and --recipe: a recipe may say 'preset: light' itself; leave one out")
    from restore.degrade import Request, start
    from restore.plugins import load_plugins

    load_plugins(plugins)
    raise SystemExit(start(Request(preset=preset, recipe=recipe, **options), console()))
