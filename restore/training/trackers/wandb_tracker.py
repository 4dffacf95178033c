"""Weights & Biases.

Its own environment variables say where to record: WANDB_PROJECT, WANDB_ENTITY, WANDB_MODE=offline and others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from restore.training.trackers.base import Status, TrackedRun, Tracker

# Exit codes of restore train, by which W&B tells how a run ended.
_CODES = {"finished": 0, "interrupted": 130, "failed": 1}


class WandbTracker(Tracker):
    """A run of W&B; offline, it lies in ``wandb/`` in the run's folder until ``wandb sync``."""

    def __init__(self, run: TrackedRun, before: str = "") -> None:
        import wandb

        self._image = wandb.Image
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or "restore",
            name=run.folder.resolve().name,
            id=before or None,
            resume="allow" if before else None,
            dir=os.environ.get("WANDB_DIR") or str(run.folder),
            config=run.recipe,
            allow_val_change=True,  # a resumed run may have other options
        )
        self.id = str(self._run.id)
        # W&B drops what is logged for a step before its latest, as a run does that repeats steps after a crash.
        self._run.define_metric("*", step_metric="step")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log({**values, "step": step})

    def picture(self, step: int, name: str, picture: NDArray[np.uint8]) -> None:
        self._run.log({name: self._image(picture), "step": step})

    def close(self, status: Status) -> None:
        self._run.finish(exit_code=_CODES[status])
