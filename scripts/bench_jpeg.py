"""Compare the cost of reading and writing JPEG files with that of an earlier commit.

    python scripts/bench_jpeg.py --against b85d59c [--sizes 320x240 640x480 4000x3000] [--seconds 10]

Imports both commits into one process, and lets them take turns from picture to picture, so that they find the same
caches and the same memory. Prints the CPU time of a picture, its median and the fifth percentile, since other programs
only add to it: of the size alone, read from the header, and of decoding and encoding. Then the CPU time of importing
`restore.imaging.decode` and `encode` after numpy, Pillow and OpenCV.
"""

from __future__ import annotations

import argparse
import importlib
import io
import itertools
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
_IMPORTS = 15
_LIBRARIES = "import numpy, cv2, PIL.Image, time; PIL.Image.preinit(); "
_MODULES = ("restore.imaging.decode", "restore.imaging.encode", "restore.imaging.header")
# The earlier commit may import some of it when it is first used.
_LATE = ("restore.imaging.animation.frames", "restore.imaging.png.text")

Work = Callable[[Path], object]


def main() -> None:
    """Let the commits take turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", required=True, help="the earlier commit")
    parser.add_argument("--sizes", nargs="+", default=["320x240", "640x480", "4000x3000"], help="WIDTHxHEIGHT")
    parser.add_argument("--seconds", default=10.0, type=float, help="of CPU time for each size")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        earlier = Path(name) / "earlier"
        archive = ["git", "archive", options.against, "restore"]
        with tarfile.open(
            fileobj=io.BytesIO(subprocess.run(archive, cwd=ROOT, capture_output=True, check=True).stdout)
        ) as tar:
            tar.extractall(earlier, filter="data")
        before, now = (work_of(tree) for tree in (earlier, ROOT))
        for size in options.sizes:
            file = Path(name) / f"{size}.jpg"
            write(file, *map(int, size.split("x")))
            for what in now:
                seconds = options.seconds / (1 if what.startswith("decode") else 10)
                show(f"{size}, {what}", *turns(before[what], now[what], file, seconds))
        costs: tuple[list[float], list[float]] = ([], [])
        for _ in range(_IMPORTS):
            for tree, found in zip((earlier, ROOT), costs, strict=True):
                found.append(importing(tree))
        show("importing", *costs)


def work_of(tree: Path) -> dict[str, Work]:
    """What a commit does; imports its own copy of the package."""
    for module in [name for name in sys.modules if name.partition(".")[0] == "restore"]:
        del sys.modules[module]
    sys.path.insert(0, str(tree))
    importlib.invalidate_caches()
    decode, encode, header = map(importlib.import_module, _MODULES)
    for module in _LATE:
        try:
            importlib.import_module(module)
        except ImportError:
            continue
    del sys.path[0]
    assert Path(str(decode.__file__)).is_relative_to(tree)
    return {"size": header.header_size, "decode and encode": lambda file: copied(decode, encode, file)}


def copied(decode: ModuleType, encode: ModuleType, file: Path) -> object:
    """Read a picture and encode it in memory."""
    return encode.encode(decode.read_picture(file), ".jpg")


def write(file: Path, width: int, height: int) -> None:
    """A picture with detail and noise as in a photograph."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[:height, :width]
    waves = 60 * np.sin(x / 37)[..., None] * np.cos(y / 23)[..., None] + random.normal(0, 6, (height, width, 3))
    waves += 150, 120, 90  # not gray, which is what decoders make of missing data
    Image.fromarray(waves.clip(0, 255).astype(np.uint8)).save(file, quality=92)


def turns(before: Work, now: Work, file: Path, seconds: float) -> tuple[list[float], list[float]]:
    """Milliseconds for each picture, by turns."""
    costs: tuple[list[float], list[float]] = ([], [])
    end = time.process_time() + seconds
    for number in itertools.count():
        for work, found in list(zip((before, now), costs, strict=True))[:: 1 if number % 2 else -1]:
            began = time.process_time_ns()
            work(file)
            found.append((time.process_time_ns() - began) / 1e6)
        if time.process_time() > end and number > 4:
            return costs
    raise AssertionError


def importing(tree: Path) -> float:
    """Milliseconds of CPU time that importing takes after the libraries."""
    code = f"{_LIBRARIES}t = time.process_time(); import {', '.join(_MODULES)}; print(time.process_time() - t)"
    command = [sys.executable, "-P", "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    return 1000 * float(subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout)


def show(label: str, before: list[float], now: list[float]) -> None:
    """Print a line: both commits, and how much more the later one takes."""
    (low, middle), (low_now, middle_now) = (np.percentile(values, (5, 50)) for values in (before, now))
    print(
        f"{label:28} 5 %: {low:8.3f} -> {low_now:8.3f} ms ({low_now / low - 1:+.1%})   "
        f"median {middle:8.3f} -> {middle_now:8.3f} ms ({middle_now / middle - 1:+.1%})   {len(now)} pictures",
        flush=True,
    )


if __name__ == "__main__":
    main()
