"""Compare 8-bit variants on a model: signed or unsigned activations, ranges by extremes or by histogram.

    python scripts/compare_quantization.py sr-x2 --calibrate PHOTOGRAPHS --check TESTSETS/Set5/x2 --pattern '*_HR.png'

Prints a line for each variant: its PSNR loss against fp32 in dB on each folder, and the milliseconds for one window
next to fp32's. All variants use int8 weights with one scale per channel, and keep the first and the last convolution in
fp32, like a twin whose loss does not require more.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np
import onnx
from rich.console import Console

from restore.export.quantize import Method, Quantizer, Rounding
from restore.export.quantized_model import BenchmarkSet, calibration_patches, measure_losses, scores
from restore.export.to_onnx import describe
from restore.runtime.cpu import cpu_name
from restore.runtime.model import Model, open_model
from restore.verify.feed import of_pixels
from restore.verify.pictures import scene
from restore.zoo.find import find


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="name or path of an fp32 model")
    parser.add_argument("--calibrate", required=True, type=Path, help="photographs to calibrate on")
    parser.add_argument("--check", required=True, action="append", type=Path, help="folder to measure on; repeatable")
    parser.add_argument("--check-input", action="append", type=Path, help="its inputs, for models that do not enlarge")
    parser.add_argument("--pattern", default="*", help="which files of --check")
    parser.add_argument("--side", type=int, default=256, help="of the window that is timed")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    options = parser.parse_args()

    file = find(options.model)
    wide = open_model(file, "cpu", options.threads)
    patches = calibration_patches(options.calibrate, wide.spec)
    checks = [
        BenchmarkSet(folder, options.pattern, inputs)
        for folder, inputs in zip(options.check, options.check_input or [None] * len(options.check), strict=True)
    ]
    print(f"{wide.spec.name}, {len(patches)} patches, {cpu_name()}, {options.threads} thread(s)")
    print(f"{'activations':12} {'ranges':12} {'dB lost':>{9 * len(checks)}} {'ms':>8} {'fp32 ms':>8}")
    before = scores(wide, checks, Console(quiet=True))
    quantizer = Quantizer(onnx.load(file), patches)
    for signed, method in product((False, True), get_args(Method)):
        narrow = quantizer.but_last(rounding=Rounding(signed, method))
        describe(narrow, wide.spec.model_copy(update={"precision": "int8"}))
        with tempfile.TemporaryDirectory() as folder:
            trial = Path(folder, "trial.onnx")
            onnx.save(narrow, trial)
            model = open_model(trial, "cpu", options.threads)
        losses = measure_losses(before, model, checks, Console(quiet=True))
        ours, theirs = timed(model, wide, options.side)
        told = " ".join(f"{loss:8.3f}" for loss in losses.values())
        print(f"{'int8' if signed else 'uint8':12} {method:12} {told} {ours:8.1f} {theirs:8.1f}", flush=True)


def timed(one: Model, other: Model, side: int, repeats: int = 9) -> tuple[float, float]:
    """Median milliseconds of each on a window, alternating, so that both see the same machine load."""
    batch, beside = of_pixels([scene(side, side)], one.spec)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 1):
        for model, took in zip((one, other), times, strict=True):
            began = time.perf_counter()
            np.asarray(model(batch, **beside))
            took.append((time.perf_counter() - began) * 1000)
    first, second = (statistics.median(took[1:]) for took in times)
    return first, second


if __name__ == "__main__":
    main()
