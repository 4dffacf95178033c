"""Test a device: ``python -m restore.runtime.device_probe cpu`` runs a convolution with a known result."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from restore.errors import RestoreError
from restore.runtime.device_pipeline import GRAPHS
from restore.runtime.model import open_model
from restore.runtime.pixels import Pixels
from restore.runtime.plugin_providers import NoPluginDeviceError, plugin_devices
from restore.utils.json_types import JsonObject

MODEL = GRAPHS / "probe.onnx"
_SIDE, _REPEATS = 256, 5


def probe(device: str, model: Path = MODEL) -> JsonObject:
    """Run the model on a device.

    Returns:
        ``device``: where it ran; ``ms``: the median time of the runs after the first; ``difference``: the largest
        deviation from the expected result, in levels of 255; ``devices``: what a plug-in lists. Or ``error``: why it
        could not run, and ``absent``: whether the reason is only that this machine has no such device.
    """
    pixels = np.random.default_rng(0).integers(0, 256, (1, _SIDE, _SIDE, 3), dtype=np.uint8)
    times = []
    try:
        opened = open_model(model, device)
        for _ in range(1 + _REPEATS):
            began = time.perf_counter()
            result = opened.enlarge(pixels)
            times.append(time.perf_counter() - began)
    except RestoreError as error:
        return {"error": str(error), "absent": isinstance(error, NoPluginDeviceError)}
    difference = np.abs(result.astype(int) - _blurred(pixels)).max()
    answer = {"device": opened.device, "ms": statistics.median(times[1:]) * 1000, "difference": int(difference)}
    return answer | ({"devices": [found.name for found in plugin_devices(device)]} if opened.plugin else {})


def _blurred(pixels: Pixels) -> Pixels:
    """The expected result, computed in integers."""
    padded = np.pad(pixels[0].astype(int), ((1, 1), (1, 1), (0, 0)))
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    sums: Pixels = rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]
    return (sums + 8) // 16


if __name__ == "__main__":
    sys.stdout.write(json.dumps(probe(sys.argv[1])) + "\n")
