"""Compare the backends and precisions that can run a model on this CPU: speed, and agreement with onnxruntime in fp32.

    python scripts/bench_backends.py [--model sr-x2 ...] [--side 512] [--rounds 9] [--threads 2]

Prints one row per model and backend as a Markdown table: the least and the median milliseconds for one tile, with
conversions from and to pixels, while as many run side by side as in a job; how many times as fast as onnxruntime in
fp32, as the median of the ratios within each round, since other work on the machine then slows both; the largest
difference in levels of 255 and the PSNR of the 8-bit results for a photograph-like picture, a flat one and line art.
For more than onnxruntime, it needs an Intel processor and `pip install '.[openvino]'`.
"""

from __future__ import annotations

import argparse
import os
import statistics

import numpy as np

from restore.errors import RestoreError
from restore.metrics.psnr import psnr
from restore.runtime.cpu import cpu_name, usable_cores
from restore.runtime.model import Model
from restore.runtime.throughput import seconds_each
from restore.zoo.agreement import batch, probe_pictures, results
from restore.zoo.backend_cache import Backend
from restore.zoo.backends import OpenOptions, candidates
from restore.zoo.find import entries
from restore.zoo.precision import family

EXACT = Backend("cpu", "fp32")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="name; repeatable; all models if left out")
    parser.add_argument("--side", default=512, type=int, help="pixels of the tile")
    parser.add_argument("--rounds", default=9, type=int, help="runs of each backend, in turns")
    parser.add_argument("--threads", type=int, help="CPU threads")
    options = parser.parse_args()
    print(f"{cpu_name()}, {options.threads or usable_cores()} threads, load {os.getloadavg()[0]:.1f}\n")
    print("| model | backend | ms, least | ms, median | times as fast | levels | dB: photo, flat, art |")
    print("|---|---|---|---|---|---|---|")
    for name in options.model or [entry.name for entry in entries()]:
        table(name, options.side, options.rounds, options.threads)


def table(name: str, side: int, rounds: int, threads: int | None) -> None:
    """Print the rows of a model."""
    wish = OpenOptions(name, threads=threads)
    warnings: list[str] = []
    wanted = candidates(wish, warnings)
    # Also what would not be chosen on this processor.
    wanted += [Backend(b.device, "int8") for b in wanted if b.precision == "fp32" and "int8" in family(wish.file)]
    models: dict[Backend, Model] = {}
    for backend in dict.fromkeys(wanted):
        try:
            models[backend] = wish.open(backend)
        except RestoreError as error:
            warnings.append(f"{backend.label}: {error}")
    times = timed(models, side, rounds)
    right = results(models[EXACT])
    for backend, model in models.items():
        found = results(model)
        pairs = list(zip(found.pixels, right.pixels, strict=True))
        levels = max(int(np.abs(a.astype(int) - b).max()) for a, b in pairs)
        ratio = statistics.median(a / b for a, b in zip(times[EXACT], times[backend], strict=True))
        ms = [f"{1000 * value(times[backend]):.1f}" for value in (min, statistics.median)]
        quality = ", ".join(f"{psnr(a, b):.1f}" for a, b in pairs)
        print(f"| {name} | {backend.label} | {ms[0]} | {ms[1]} | {ratio:.2f} | {levels} | {quality} |", flush=True)
    for warning in warnings:
        print(f"\n{name}: {warning}\n")


def timed(models: dict[Backend, Model], side: int, rounds: int) -> dict[Backend, list[float]]:
    """Seconds that each takes for a tile, in turns."""
    spec = models[EXACT].spec
    tile = batch(probe_pictures(spec, side)[0], spec)
    times: dict[Backend, list[float]] = {backend: [] for backend in models}
    for number in range(1 + rounds):
        for backend, model in models.items():
            seconds = seconds_each(model, *tile)
            if number:  # the first run of a shape prepares for it
                times[backend].append(seconds)
    return times


if __name__ == "__main__":
    main()
