"""Measure what ``restore enhance --frames all`` makes of animations: quality, size, time and memory by format.

    python scripts/bench_animation.py [--model sr-x2] [--frames 12] [--side 200] [--photo samples/otters.jpg]

Enlarges two animations of --side pixels: a pan over a photograph, and a drawing whose parts move. For each format of
the result it prints

- how far the frames are from those of the lossless APNG, which are the network's (PSNR over all of them),
- the file's size, in bytes and in those of WebP,
- seconds and peak memory of the command, start-up included.

Finally, it repeats WebP with eight times as many frames, for the memory. Needs Linux. Results from a busy machine are
unreliable, so the load is printed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from bench_folder import Measured, measured
from numpy.typing import NDArray
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
FORMATS = ("webp", "gif", "png")


def main() -> None:
    """Print a line for each animation and format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sr-x2", help="name in the zoo")
    parser.add_argument("--frames", default=12, type=int, help="of each animation")
    parser.add_argument("--side", default=200, type=int, help="pixels")
    parser.add_argument("--photo", default=ROOT / "samples/otters.jpg", type=Path, help="to pan over")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}; {options.model}; {options.frames} frames of {options.side} x {options.side}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, frames in (
            ("photograph", pan(options.photo, options.frames, options.side)),
            ("drawing", drawing(options.frames, options.side)),
        ):
            save(frames, folder / f"{label}.png")
            done = {kind: enhance(folder, label, kind, options.model) for kind in FORMATS}
            files = {kind: folder / f"{label}-{kind}.{kind}" for kind in FORMATS}
            wanted, unit = read(files["png"]), files["webp"].stat().st_size
            for kind, each in done.items():
                size = files[kind].stat().st_size
                error = psnr(read(files[kind]), wanted)
                print(
                    f"{label:12}{kind:6}{error:6.1f} dB{size:12,} bytes{size / unit:6.1f} x WebP"
                    f"{each.seconds:8.2f} s{each.memory:7.2f} GB",
                    flush=True,
                )
        many = 8 * options.frames
        save(drawing(many, options.side), folder / "long.png")
        long = enhance(folder, "long", "webp", options.model)
        print(f"drawing of {many} frames, to webp: {long.seconds:.2f} s, {long.memory:.2f} GB")


def pan(photo: Path, count: int, side: int) -> list[Image.Image]:
    """Squares of a photograph, reduced to twice their side, that move to the right and down."""
    with Image.open(photo) as image:
        scale = 2 * side / min(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    step = max(1, side // max(count, 1))
    return [
        small.crop((at % side, at % side, at % side + side, at % side + side)) for at in range(0, count * step, step)
    ]


def drawing(count: int, side: int) -> list[Image.Image]:
    """A disc and a line with smooth edges that move over two flat colors."""
    frames = []
    for number in range(count):
        image = Image.new("RGB", (4 * side, 4 * side), (240, 235, 220))
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 3 * side, 4 * side, 4 * side), fill=(60, 120, 70))
        at = 2 * side * (number % 24) // 24
        draw.ellipse(
            (at + side // 2, side, at + side * 3 // 2, 2 * side), fill=(200, 40, 50), outline=(20, 20, 20), width=8
        )
        draw.line((at, 3 * side, 4 * side - at, side // 2), fill=(30, 50, 160), width=10)
        frames.append(image.resize((side, side), Image.Resampling.LANCZOS))
    return frames


def save(frames: list[Image.Image], path: Path) -> None:
    """Write an APNG file."""
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=80)


def read(path: Path) -> list[NDArray[np.uint8]]:
    """All frames, RGB, as Pillow composes them."""
    found = []
    with Image.open(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(np.asarray(image.convert("RGB")))
    return found


def psnr(found: list[NDArray[np.uint8]], wanted: list[NDArray[np.uint8]]) -> float:
    """In decibels, over all pixels of all frames; infinite if they are equal."""
    assert len(found) == len(wanted), (len(found), len(wanted))
    squares = [np.square(one.astype(float) - other).mean() for one, other in zip(found, wanted, strict=True)]
    mean = float(np.mean(squares))
    return 10 * float(np.log10(255**2 / mean)) if mean else float("inf")


def enhance(folder: Path, label: str, kind: str, model: str) -> Measured:
    """The command, in a process of its own."""
    paths = [str(folder / f"{label}.png"), str(folder / f"{label}-{kind}.{kind}")]
    more = ["--frames", "all", "--model", model, "--device", "cpu", "--precision", "fp32"]
    return measured([sys.executable, str(ROOT / "cli.py"), "enhance", *paths, *more])


if __name__ == "__main__":
    main()
