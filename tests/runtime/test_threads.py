"""Between runs, the network's threads leave the cores to those that decode and encode pictures."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from restore.errors import DeviceError
from restore.runtime.cpu import usable_cores
from restore.runtime.model import open_model


@pytest.mark.skipif(usable_cores() < 2, reason="needs two cores")
@pytest.mark.parametrize("device", ["cpu", "openvino"])
def test_no_time_is_burnt_between_runs(device: str, small_model: Path) -> None:
    try:
        model = open_model(small_model, device, threads=2)
    except DeviceError as error:
        pytest.skip(str(error))
    batch, burnt = np.zeros((1, 3, 96, 96), np.float32), 0.0
    model(batch)
    for _ in range(10):
        model(batch)
        began = time.process_time()
        time.sleep(0.05)
        burnt += time.process_time() - began
    assert burnt < 0.05, f"{burnt:.3f} s of CPU time in 0.5 s of pauses"
