"""A folder job to disturb: its pictures and model, what it makes undisturbed, and what must hold after an accident."""

from __future__ import annotations

import functools
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .small_model import model

ROOT = Path(__file__).resolve().parents[2]
JOURNAL = ".restore-journal.jsonl"
_PATIENCE = 120.0  # seconds after which a job is taken for hanging
Files = dict[str, bytes]


@dataclass
class Ended:
    """How a process ended: its exit code, what it said, and the seconds it took."""

    code: int
    said: str
    complained: str
    seconds: float


@dataclass
class Scene:
    """A folder of pictures, a model, and what an undisturbed job makes of them.

    Attributes:
        folder: for temporary files; each round has a new output folder in it.
        count: of pictures.
        draw: of what is random.
    """

    folder: Path
    count: int = 40
    draw: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self.source, self.model, self._round = self.folder / "in", self.folder / "audit.onnx", 0
        self.model.write_bytes(model())
        noise = np.random.default_rng(0)
        for i in range(self.count):
            path = self.source / ("", "sub", "sub/Größe 写")[i % 3] / f"{i:03}.{('png', 'jpg', 'tif')[i % 3]}"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = noise.integers(0, 256, (120 + i % 7, 180 + i % 5, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)

    @functools.cached_property
    def _undisturbed(self) -> tuple[Files, float, float]:
        out, began = self.folder / "wanted", time.monotonic()
        process = self.begin(self.source, out)
        until_job_runs(process, out)
        started = time.monotonic()
        ended = end_of(process)
        if ended.code:
            raise RuntimeError(f"an undisturbed job fails: {ended.complained}")
        return contents(out), started - began, ended.seconds

    @property
    def wanted(self) -> Files:
        """The results of an undisturbed job by name."""
        return self._undisturbed[0]

    @property
    def start(self) -> float:
        """Seconds until an undisturbed job begins to work."""
        return self._undisturbed[1]

    @property
    def work(self) -> float:
        """Seconds that an undisturbed job works, and ends."""
        return self._undisturbed[2]

    def wait(self, process: subprocess.Popen[str], out: Path) -> None:
        """Wait for a random moment of a job, more often of its work than of its start, which takes longer."""
        if self.draw.random() < 0.2:
            time.sleep(self.draw.random() * self.start)
            return
        until_job_runs(process, out)
        time.sleep(self.draw.random() * self.work)

    def new_out(self) -> Path:
        self._round += 1
        return self.folder / f"out{self._round}"

    def begin(self, source: Path, out: Path, *options: str, **more: Any) -> subprocess.Popen[str]:
        command = [sys.executable, str(ROOT / "cli.py"), "enhance", str(source), str(out)]
        command += ["--model", str(self.model), "--device", "cpu", "--threads", "1", *options]
        known = os.environ.get("PYTHONPATH")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *([known] if known else [])])}
        environment |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        environment["XDG_CACHE_HOME"] = str(self.folder / "cache")
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        return subprocess.Popen(command, env=environment, cwd=self.folder, text=True, **pipes)

    def run(self, source: Path, out: Path, *options: str, **more: Any) -> Ended:
        return end_of(self.begin(source, out, *options, **more))


def end_of(process: subprocess.Popen[str], patience: float = _PATIENCE) -> Ended:
    """Wait for the end of a process, which is killed if that takes too long."""
    began = time.monotonic()
    try:
        said, complained = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        said, complained = process.communicate()
        complained += f"\n(no end after {patience:g} s)"
    return Ended(process.returncode, said, complained, time.monotonic() - began)


def contents(folder: Path) -> Files:
    """All files of a folder by name, except hidden ones."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("[!.]*")) if p.is_file()}


def hidden(folder: Path) -> set[str]:
    """The names of hidden files of a folder."""
    return {p.name for p in folder.rglob(".*")}


def partial(scene: Scene, out: Path) -> str:
    """What is wrong with an output folder after an accident: a result that is not the right one."""
    wrong = [name for name, data in contents(out).items() if scene.wanted.get(name) != data]
    return f"not complete or not right: {', '.join(wrong)}" if wrong else ""


def resumed(scene: Scene, out: Path) -> str:
    """Resume a job; what is wrong at its end."""
    last = scene.run(scene.source, out, "--resume")
    if last.code:
        return f"--resume ends with {last.code}: {last.complained}"
    if contents(out) != scene.wanted:
        return "results are missing, superfluous or wrong after --resume"
    left = hidden(out) - {JOURNAL}
    return f"left over after --resume: {', '.join(sorted(left))}" if left else ""


def until_job_runs(process: subprocess.Popen[str], out: Path) -> None:
    """Wait until a job begins to work."""
    deadline = time.monotonic() + _PATIENCE
    while not (out / JOURNAL).exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
