"""Make the pictures of docs/choosing.md: for each task, one picture through the models that are recommended for it.

    python scripts/make_choices.py --models MODELS
    python scripts/make_choices.py --task drawing --models MODELS

MODELS is a folder with the models of others, as ``restore get`` and ``restore import`` make it: NAME/NAME.onnx. The
photographs are those of samples/, which are CC0; the drawing is drawn here. Each input is made from a part of one by
what the task is about, and the results are cut where the network saw enough around them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from restore.data.degradations.options import SecondOrder
from restore.data.degradations.presets import Preset
from restore.data.degradations.secondorder import second_order
from restore.data.filters.library import find_filter
from restore.data.sampling import generator
from restore.errors import ModelError
from restore.imaging.contact_sheet import contact_sheet
from restore.runtime.model import open_model
from restore.runtime.stream import enhance_pixels
from restore.zoo.find import find

Pixels = NDArray[np.uint8]

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs/choosing"
# Of a panel, and of the context around it, in pixels of the result: multiples of all scales.
_WIDTH, _HEIGHT, _AROUND = 216, 144, 40
_FILTER = "toaster"


class Task(NamedTuple):
    """One row of the page.

    Attributes:
        make: returns the input, uint8 RGB (H, W, 3), of which the result is one panel with the context around it.
        models: their names, in the order of the panels.
        scale: of the models.
    """

    make: Callable[[], Pixels]
    models: Sequence[str]
    scale: int = 1


def part(name: str, left: int, top: int) -> Pixels:
    """A part of a sample, one panel with the context around it."""
    image = Image.open(ROOT / "samples" / name).convert("RGB")
    return np.asarray(image.crop((left, top, left + _WIDTH + 2 * _AROUND, top + _HEIGHT + 2 * _AROUND)))


def shrunk(pixels: Pixels, scale: int) -> Pixels:
    """A picture in 1/scale of its size, by bicubic."""
    height, width = pixels.shape[:2]
    return np.asarray(Image.fromarray(pixels).resize((width // scale, height // scale), Image.Resampling.BICUBIC))


def shared(pixels: Pixels, scale: int, preset: Preset) -> Pixels:
    """A picture as a preset of ``restore degrade`` leaves it, in 1/scale of its size."""
    return second_order(pixels, scale, SecondOrder(preset=preset), generator(0, 1))


def drawn() -> Pixels:
    """Lines, flat colors and letters, drawn at four times the size so that their edges are smooth."""
    width, height = _WIDTH + 2 * _AROUND, _HEIGHT + 2 * _AROUND
    image = Image.new("RGB", (4 * width, 4 * height), (250, 246, 235))
    draw, middle = ImageDraw.Draw(image), (2 * width, 2 * height)
    ink, font = (35, 30, 45), ImageFont.load_default(size=170)
    for step, color in enumerate(((240, 190, 90), (230, 120, 80), (120, 170, 200))):
        x, y, far = middle[0] - 270, middle[1] + 60, 150 - 45 * step
        draw.ellipse((x - far, y - far, x + far, y + far), fill=color, outline=ink, width=12)
    for step in range(6):
        start = (middle[0] - 60, middle[1] + 250 - 30 * step)
        draw.line((*start, middle[0] + 460, middle[1] + 240 - 75 * step), fill=ink, width=5 + 2 * step)
    draw.text((middle[0] - 400, middle[1] - 285), "Quay 1926", fill=ink, font=font, stroke_width=2)
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def dark() -> Pixels:
    """A sample as if taken against the light."""
    light = (part("otters.jpg", 120, 40) / 255.0) ** 2.2
    return np.rint(255 * np.clip(0.14 * light, 0, 1) ** (1 / 2.2)).astype(np.uint8)


TASKS: dict[str, Task] = {
    "sharp": Task(
        lambda: shrunk(part("holiday/casa-mila.jpg", 20, 96), 4), ("sr-x4", "spanx4_ch48", "realesrgan-x4plus"), 4
    ),
    "shared": Task(
        lambda: shared(part("otters.jpg", 120, 40), 4, "web"), ("sr-x4", "photo-x4", "realesrgan-x4plus"), 4
    ),
    "same-size": Task(lambda: shared(part("holiday/osprey.png", 60, 0), 1, "phone"), ("photo-x1",)),
    "drawing": Task(lambda: shrunk(drawn(), 4), ("sr-x4", "realesr-animevideov3-x4", "realesrgan-x4plus"), 4),
    "dark": Task(dark, ("backlit",)),
    "filter": Task(lambda: find_filter(_FILTER)(part("holiday/casa-mila.jpg", 100, 60)), ("unfilter",)),
}


def file_of(name: str, folder: Path | None) -> Path:
    """The file of one of our models, or of one in the folder of others'.

    Raises:
        SystemExit: it is not there.
    """
    others = None if folder is None else folder / name / f"{name}.onnx"
    if others is not None and others.is_file():
        return others
    try:
        return find(name)
    except ModelError as error:
        raise SystemExit(f"{name}: import it, and name the folder that it is in with --models ({error})") from error


def row(task: Task, folder: Path | None) -> Pixels:
    """The input, enlarged by repeating its pixels, and the results, side by side."""
    given = task.make()
    panels = {"input": given.repeat(task.scale, axis=0).repeat(task.scale, axis=1)}
    for name in task.models:
        model = open_model(file_of(name, folder), "cpu")
        panels[name] = enhance_pixels(given, model, model.spec)
    cut = [p[_AROUND : _AROUND + _HEIGHT, _AROUND : _AROUND + _WIDTH] for p in panels.values()]
    return contact_sheet(cut, len(cut), list(panels), gap=4)


def main() -> None:
    """Write one picture for each task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="folder of the models of others")
    parser.add_argument("--task", action="append", choices=list(TASKS), help="default: all")
    options = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    for name in options.task or TASKS:
        file = OUT / f"{name}.jpg"
        Image.fromarray(row(TASKS[name], options.models)).save(file, quality=88, optimize=True)
        print(f"{file}: {file.stat().st_size / 1e3:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
