"""MLflow.

Its own environment variables say where to record: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME and others. Without them
it writes ``mlflow.db`` in the current folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from restore.training.trackers.base import Status, TrackedRun, Tracker

_STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
# The longest value of a parameter, and how many are sent at a time.
_LONGEST, _TOGETHER = 500, 100


class MlflowTracker(Tracker):
    """A run of MLflow, of the experiment ``restore`` unless its variable names another."""

    def __init__(self, run: TrackedRun, before: str = "") -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param

        self._metric = Metric
        self._client = MlflowClient()
        if before:
            self.id = before
            self._client.update_run(before, status="RUNNING")
        else:
            name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "restore"
            known = self._client.get_experiment_by_name(name)
            experiment = known.experiment_id if known else self._client.create_experiment(name)
            self.id = str(self._client.create_run(experiment, run_name=run.folder.resolve().name).info.run_id)
            options = [Param(key, value[:_LONGEST]) for key, value in _flat(run.recipe)]
            for first in range(0, len(options), _TOGETHER):
                self._client.log_batch(self.id, params=options[first : first + _TOGETHER])
        self._client.log_text(self.id, run.recipe_yaml, "recipe.yaml")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        import time

        now = int(time.time() * 1000)
        self._client.log_batch(self.id, [self._metric(_name(key), value, now, step) for key, value in values.items()])

    def picture(self, step: int, name: str, picture: NDArray[np.uint8]) -> None:
        self._client.log_image(self.id, picture, key=name, step=step)

    def close(self, status: Status) -> None:
        self._client.set_terminated(self.id, _STATUS[status])


def _flat(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """The values of a recipe by their keys, as ``--set`` names them."""
    inner: Iterator[tuple[object, object]]
    if isinstance(value, dict) and value:
        inner = iter(value.items())
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        inner = iter(enumerate(value))
    else:
        yield _name(key), str(value)
        return
    for name, one in inner:
        yield from _flat(one, f"{key}.{name}" if key else str(name))


def _name(key: str) -> str:
    """A key in characters that MLflow takes."""
    return re.sub(r"[^\w./ -]", "_", key)
