"""Where does a folder job spend its time? The folder command beside the network alone and beside bicubic.

    python scripts/bench_folder.py --photos FOLDER [--model sr-x2] [--count 40] [--side 1000]

Cuts --count pictures of --side x --side pixels out of the photographs of FOLDER, as JPEG, and enlarges them: by the
folder engine (read, tile, run, write), by the network alone (the pictures already decoded, the results thrown away),
and by Pillow's bicubic in the same engine. Prints seconds, and the engine's cost over the network's.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restore.imaging.decode import PHOTO_SUFFIXES, read_rgb8
from restore.jobs.naming import Naming
from restore.jobs.plan import make_plan
from restore.jobs.run import Settings, run_job
from restore.jobs.stream import one_by_one
from restore.runtime.enhance import enhance_pixels
from restore.runtime.model import open_model
from restore.zoo.find import find


def main() -> None:
    """Cut the pictures, time the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, type=Path, help="folder of photographs to cut from")
    parser.add_argument("--model", default="sr-x2", help="name or path")
    parser.add_argument("--count", default=40, type=int, help="pictures")
    parser.add_argument("--side", default=1000, type=int, help="pixels")
    options = parser.parse_args()

    model = open_model(find(options.model), "cpu")
    scale = model.spec.scale
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pixels = cut(options.photos, folder / "in", options.count, options.side)
        alone = timed(lambda: [enhance_pixels(p, model, model.spec) for p in pixels])
        print(f"{len(pixels)} pictures of {options.side} x {options.side}, {model.spec.name}, {model.device}")
        print(f"network alone             {alone:7.2f} s")
        for suffix in (".jpg", ".png"):
            plan = make_plan(folder / "in", folder / f"out{suffix}", Naming(suffix=suffix))
            stream = one_by_one(lambda x: enhance_pixels(x, model, model.spec))
            engine = timed(lambda p=plan, s=stream: run_job(p, s, lambda _: None, Settings(scale=scale)))
            print(f"folder engine, to {suffix}    {engine:7.2f} s   {engine / alone:.2f} x the network alone")
        plan = make_plan(folder / "in", folder / "bicubic", Naming(suffix=".jpg"))
        stream = one_by_one(lambda x: bicubic(x, scale))
        plain = timed(lambda: run_job(plan, stream, lambda _: None, Settings(scale=scale)))
        print(f"folder engine, bicubic    {plain:7.2f} s")
    print(f"peak memory               {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:7.2f} GB")


def cut(photos: Path, out: Path, count: int, side: int) -> list[NDArray[np.uint8]]:
    """Squares out of the photographs that are large enough, saved as JPEG; returns what was saved, decoded again."""
    out.mkdir()
    large = [p for p in sorted(photos.rglob("*")) if p.suffix.lower() in PHOTO_SUFFIXES and fits(p, side)]
    if not large:
        raise SystemExit(f"{photos}: no photograph of {side} x {side} pixels")
    for number, path in enumerate(islice(cycle(large), count)):
        Image.fromarray(read_rgb8(path)[:side, :side]).save(out / f"{number:03}.jpg", quality=92)
    return [read_rgb8(p) for p in sorted(out.iterdir())]


def fits(path: Path, side: int) -> bool:
    """Whether a square of that side can be cut."""
    with Image.open(path) as image:
        return min(image.size) >= side


def bicubic(pixels: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Pillow's bicubic enlargement."""
    height, width = pixels.shape[:2]
    image = Image.fromarray(pixels).resize((width * scale, height * scale), Image.Resampling.BICUBIC)
    return np.asarray(image)


def timed(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
