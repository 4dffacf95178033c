"""What a training run tells: a progress line, a log file, TensorBoard."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor


@dataclass(frozen=True)
class Step:
    """What a step tells.

    Attributes:
        loss: of the network, all told.
        norm: of the network's gradient before clipping.
        parts: each loss before its weight, and the discriminator's own.
    """

    loss: Tensor
    norm: Tensor
    parts: dict[str, Tensor]


class Reporter:
    """Progress on the console, scalars in ``log.jsonl`` and TensorBoard.

    Args:
        folder: the run's folder.
        console: where the progress goes; a line now and then when it is not a terminal.
        every: steps between logged losses.
        tensorboard: write TensorBoard events too.
    """

    def __init__(self, folder: Path, console: Console, every: int = 100, tensorboard: bool = True) -> None:
        self.folder, self.console, self.every = folder, console, every
        self._writer: Any = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder / "tensorboard"))
        self._progress = Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._steps: list[Step] = []
        self._since = (0, 0.0)
        self._psnr = math.nan
        self._printed = 0.0

    def start(self, step: int, steps: int, training: int, validation: int, bicubic: float) -> None:
        """Say what is trained on, and the PSNR to beat."""
        self.steps = steps
        self._since = (step, time.monotonic())
        self.console.print(
            f"{training} photographs to train on, {validation} to validate on; bicubic {bicubic:.3f} dB; "
            + (f"going on from step {step}" if step else f"{steps} steps")
        )
        self._progress.start()
        self._task = self._progress.add_task("train", total=steps, completed=step, told="")

    def step(self, step: int, told: Step, lr: float, seconds: float) -> None:
        """After every step."""
        self._steps.append(told)  # tensors: reading their values here would make a GPU wait
        if step % self.every and step != self.steps:
            return
        mean = _mean([one.loss for one in self._steps])
        parts = {
            f"loss/{name}": _mean([one.parts[name] for one in self._steps if name in one.parts]) for name in told.parts
        }
        self._steps.clear()
        now = time.monotonic()
        speed = (step - self._since[0]) / max(1e-9, now - self._since[1])
        self._since = (step, now)
        line = f"loss {mean:.5f}  PSNR {self._psnr:.3f} dB  {speed:.1f} steps/s"
        self._progress.update(self._task, completed=step, told=line)
        facts = {"loss": mean, "gradient": float(told.norm), "lr": lr, "seconds": round(seconds, 1)}
        self._log({"step": step, **facts, **(parts if len(parts) > 1 else {})})
        if not self.console.is_terminal and now - self._printed > 60:
            self._printed = now
            left = (self.steps - step) / speed / 60
            self.console.print(f"step {step}/{self.steps}  {line}  {left:.0f} min left")

    def validation(self, step: int, value: float, best: float, picture: NDArray[np.uint8]) -> None:
        """After every validation; ``picture`` is the first result."""
        self._psnr = value
        self._log({"step": step, "psnr": value, "best": best})
        if self._writer is not None:
            self._writer.add_image("validation/first", picture, step, dataformats="HWC")
        self.console.print(f"step {step}: validation PSNR {value:.3f} dB" + ("  (best)" if value >= best else ""))

    def _log(self, values: dict[str, float]) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
        if self._writer is not None:
            for name, value in values.items():
                if name != "step":
                    self._writer.add_scalar(name, value, values["step"])

    def finish(self, step: int, best: float) -> None:
        """Close the progress line and the logs."""
        self._progress.stop()
        if self._writer is not None:
            self._writer.close()


def _mean(values: list[Tensor]) -> float:
    return float(torch.stack(values).double().mean())
