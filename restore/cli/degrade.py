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
    type=click.Choice(["realesrgan", "light", "web", "phone", "print", "heavy", "clean"]),
    help="realesrgan or heavy: as in Real-ESRGAN's training; light: good photographs from phones and the web; "
    "web: repeatedly saved as JPEG; phone: denoised and sharpened; print: faded and grainy; clean: only reduced.  "
    "[default: realesrgan]",
)
@click.option(
    "--recipe",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A YAML file instead of a preset; it can name a preset for the options that it omits.",
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
    help="Random seed. A result depends only on it, the picture and the picture's name.",
)
@click.option(
    "--count",
    type=click.IntRange(1, 10_000),
    default=1,
    show_default=True,
    help="Versions of each picture, in folders 1, 2, ... in OUT.",
)
@click.option(
    "--patches",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Instead of the whole picture, write a sheet of N random training patches next to the originals.",
)
@click.option(
    "--patch", type=click.IntRange(8, 512), default=48, show_default=True, help="Side of the degraded patches."
)
@click.option(
    "--name",
    default="{stem}",
    show_default=True,
    help="Name of the results, with {stem} and {ext} of the source and {scale}; the extension is added.",
)
@max_pixels_option
@plugin_option
def degrade(preset: str | None, recipe: Path | None, plugins: tuple[str, ...], **options: Any) -> None:
    """Degrade IN, a picture or a folder with its subfolders, into OUT, as in training.

    Random blur, resize, noise and JPEG are applied twice. The results are PNG files without transparency and
    metadata; nothing is overwritten. Exits with 0 on success, 1 if some pictures failed, and 2 on usage errors.
    """
    if preset and recipe:
        raise click.UsageError("--preset and --recipe exclude each other; a recipe can contain 'preset: light'")
    from restore.degrade import Request, start
    from restore.plugins import load_plugins

    load_plugins(plugins)
    raise SystemExit(start(Request(preset=preset, recipe=recipe, **options), console()))
