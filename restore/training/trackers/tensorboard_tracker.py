"""TensorBoard: event files in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from restore.training.trackers.base import Status, TrackedRun, Tracker


class TensorboardTracker(Tracker):
    """Writes ``tensorboard/`` in the run's folder."""

    def __init__(self, run: TrackedRun, before: str = "") -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(run.folder / "tensorboard"))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def picture(self, step: int, name: str, picture: NDArray[np.uint8]) -> None:
        self._writer.add_image(name, picture, step, dataformats="HWC")

    def close(self, status: Status) -> None:
        self._writer.close()
