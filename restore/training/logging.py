"""Reporting of a training run: progress line, log file and trackers."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from restore.training.trackers.base import Status
from restore.training.trackers.in_background import InBackground
from restore.training.validation_metric import ValidationMetric
from restore.utils.atomic_write import write_bytes


@dataclass(frozen=True)
class Step:
    """Results of a step.

    Attributes:
        loss: total loss of the network.
        norm: norm of the network's gradient before clipping.
        parts: each loss before weighting, and the loss of the discriminator.
    """

    loss: Tensor
    norm: Tensor
    parts: dict[str, Tensor]


class Reporter:
    """Reports progress on the console, scalars to ``log.jsonl``, pictures to ``validation.jpg``, and both to trackers.

    Args:
        folder: the run's folder.
        metric: the validation metric.
        console: where to show progress; if it is not a terminal, a line about once a minute.
        every: steps between logged losses.
        trackers: record the same elsewhere.
    """

    def __init__(
        self,
        folder: Path,
        metric: ValidationMetric,
        console: Console,
        every: int = 100,
        trackers: Sequence[InBackground] = (),
    ) -> None:
        self.folder, self.metric, self.console, self.every = folder, metric, console, every
        self._trackers = trackers
        self._progress = Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.fields[status]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._steps: list[Step] = []
        self._since = (0, 0.0)
        self._value: float | None = None
        self._printed = 0.0

    def start(self, step: int, steps: int, training: str, validation: int, unchanged: float | None) -> None:
        """Report the training data and the baseline, the metric of the unchanged inputs."""
        self.steps = steps
        self._since = (step, time.monotonic())
        if unchanged is not None:
            self._log({"step": step, "unchanged": unchanged})
        baseline = (
            "" if unchanged is None else f", {validation} to validate on; unchanged: {self.metric.format(unchanged)}"
        )
        self.console.print(f"{training}{baseline}; " + (f"resuming at step {step}" if step else f"{steps} steps"))
        self._progress.start()
        self._task = self._progress.add_task("train", total=steps, completed=step, status="")

    def preparing(self, done: int, count: int) -> None:
        """Report the decoding of photographs before the first step."""
        self._progress.update(self._task, status=f"decoding photographs: {done} of {count}")

    def step(self, step: int, result: Step, lr: float, seconds: float, waiting: Callable[[], float]) -> None:
        """Report a step; ``waiting`` returns the share of time spent waiting for batches since its last call."""
        self._steps.append(result)  # tensors: reading their values here would make a GPU wait
        if step % self.every and step != self.steps:
            return
        mean = _mean([one.loss for one in self._steps])
        parts = {
            f"loss/{name}": _mean([one.parts[name] for one in self._steps if name in one.parts])
            for name in result.parts
        }
        self._steps.clear()
        now = time.monotonic()
        speed = (step - self._since[0]) / max(1e-9, now - self._since[1])
        self._since = (step, now)
        value = "" if self._value is None else f"{self.metric.format(self._value)}  "
        line = f"loss {mean:.5f}  {value}{speed:.1f} steps/s, {waiting():.0%} waiting for batches"
        self._progress.update(self._task, completed=step, status=line)
        facts = {"loss": mean, "gradient": float(result.norm), "lr": lr, "seconds": round(seconds, 1)}
        self._log({"step": step, **facts, **(parts if len(parts) > 1 else {})})
        if not self.console.is_terminal and now - self._printed > 60:
            self._printed = now
            left = (self.steps - step) / speed / 60
            self.console.print(f"step {step}/{self.steps}  {line}  {left:.0f} min left")

    def validation(self, step: int, value: float | None, best: float, picture: NDArray[np.uint8]) -> None:
        """Report a validation; ``picture`` is an RGB contact sheet of inputs, results and targets."""
        for tracker in self._trackers:
            tracker.picture(step, "validation", picture)
        write_bytes(self.folder / "validation.jpg", _jpeg(picture), overwrite=True)
        if value is None:
            return
        self._value = value
        self._log({"step": step, self.metric.name: value, "best": best})
        self.console.print(f"step {step}: {self.metric.format(value)}" + ("  (best)" if value == best else ""))

    def report(self, line: str) -> None:
        """Print a line on the console."""
        self.console.print(line, markup=False, highlight=False)

    def _log(self, values: dict[str, float]) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
        numbers = {name: value for name, value in values.items() if name != "step"}
        for tracker in self._trackers:
            tracker.scalars(int(values["step"]), numbers)

    def finish(self, status: Status) -> None:
        """Close the progress line and the trackers."""
        self._progress.stop()
        for tracker in self._trackers:
            tracker.close(status)


class SilentReporter(Reporter):
    """Reports nothing, for all processes but the main one."""

    def __init__(self) -> None:
        pass

    def start(self, step: int, steps: int, training: str, validation: int, unchanged: float | None) -> None:
        pass

    def preparing(self, done: int, count: int) -> None:
        pass

    def step(self, step: int, result: Step, lr: float, seconds: float, waiting: Callable[[], float]) -> None:
        pass

    def validation(self, step: int, value: float | None, best: float, picture: NDArray[np.uint8]) -> None:
        pass

    def report(self, line: str) -> None:
        pass

    def finish(self, status: Status) -> None:
        pass


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=92)
    return file.getvalue()


def _mean(values: list[Tensor]) -> float:
    return float(torch.stack(values).double().mean())
