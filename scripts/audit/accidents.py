"""Accidents of folder jobs: kills, signals, full disks, and folders that vanish while they are used."""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .findings import Audit
from .small_model import model

ROOT = Path(__file__).resolve().parents[2]
_JOURNAL = ".restore-journal.jsonl"
_PATIENCE = 120.0  # seconds after which a job is taken for hanging
_SIGNAL_SECONDS = 2.0
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
        _until_job_runs(process, out)
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
        _until_job_runs(process, out)
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
    left = hidden(out) - {_JOURNAL}
    return f"left over after --resume: {', '.join(sorted(left))}" if left else ""


def kill_once(audit: Audit, scene: Scene) -> None:
    """Kill a job several times, then let it end."""
    out, fault = scene.new_out(), ""
    kills = scene.draw.randint(1, 4)
    for _ in range(kills):
        process = scene.begin(scene.source, out, "--resume")
        scene.wait(process, out)
        process.kill()
        end_of(process)
        fault = fault or partial(scene, out)
    fault = fault or resumed(scene, out)
    _tell(audit, "kills", f"{kills} kills", fault, out)


def signal_once(audit: Audit, scene: Scene) -> None:
    """Interrupt a job in one of three ways, and resume it."""
    out = scene.new_out()
    number = scene.draw.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    process = scene.begin(scene.source, out, preexec_fn=_signals_arrive)
    scene.wait(process, out)
    started = (out / _JOURNAL).exists()
    process.send_signal(number)
    ended = end_of(process)
    # Before the job begins, and after its last word, Python itself may end the process.
    told = "results in" in ended.said
    allowed = {0, 130} if started and not told else {0, 130, -number}
    fault = partial(scene, out)
    if ended.seconds > _SIGNAL_SECONDS + scene.start:
        fault = f"no end within {_SIGNAL_SECONDS:g} s and a start: {ended.seconds:.1f} s"
    elif ended.code not in allowed:
        fault = f"exit code {ended.code}: {ended.complained}"
    elif "Traceback" in ended.complained and (started or not ended.complained.endswith("KeyboardInterrupt\n")):
        fault = ended.complained  # Python's own, before restore could handle it, is no fault
    when = "in the job" if started else "at the start"
    case = "too late" if told and ended.code != 130 else f"{number.name} {when}"
    _tell(audit, "signals", case, fault or resumed(scene, out), out)


def _signals_arrive() -> None:
    """Whoever runs this under nohup ignores SIGHUP, and so would its children."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def fill_disk_once(audit: Audit, scene: Scene) -> None:
    """Let writing fail: on a small file system if that can be mounted, otherwise by a limit to the size of files."""
    out = scene.new_out()
    total, largest = sum(map(len, scene.wanted.values())), max(map(len, scene.wanted.values()))
    on_tmpfs = scene.draw.random() < 0.5 and _mounted(out, scene.draw.randrange(4096, total))
    try:
        if on_tmpfs:
            ended = scene.run(scene.source, out)
        else:
            size = scene.draw.randrange(64, int(1.1 * largest))
            ended = scene.run(scene.source, out, preexec_fn=lambda: _limit_files(size))
        fault = partial(scene, out)
        complete = contents(out) == scene.wanted
        if complete != (ended.code == 0):
            fault = f"exit code {ended.code}, {len(contents(out))} of {len(scene.wanted)} results"
        elif ended.code not in (0, 1) or "Traceback" in ended.complained:
            fault = f"exit code {ended.code}: {ended.complained}"
        elif not complete and str(out) not in ended.complained:
            fault = f"the message names no file: {ended.complained}"
        elif more := hidden(out) - {_JOURNAL}:
            fault = f"left over: {', '.join(sorted(more))}"
        if on_tmpfs:
            subprocess.run(["mount", "-o", "remount,size=512m", str(out)], check=True)
        case = ("tmpfs" if on_tmpfs else "limit") + (", nothing failed" if complete else "")
        _tell(audit, "full-disk", case, fault or resumed(scene, out), out, remove=not on_tmpfs)
    finally:
        if on_tmpfs:
            subprocess.run(["umount", str(out)], check=True)


def _limit_files(size: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _mounted(out: Path, size: int) -> bool:
    if sys.platform != "linux" or os.geteuid() or shutil.which("mount") is None:
        return False
    out.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(out)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def vanish_once(audit: Audit, scene: Scene) -> None:
    """Take away results or sources in the middle of a job: nothing is claimed that is not there."""
    out, source = scene.new_out(), scene.folder / "some"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(scene.source, source)
    action = scene.draw.choice([_remove, _rename, _remove_part, _delete_sources, _truncate_sources])
    told = scene.folder / "told.jsonl"
    with told.open("w") as into:
        process = scene.begin(source, out, "--json", stdout=into)
        _until_job_runs(process, out)
        time.sleep(scene.draw.random() * scene.work * 0.7)
        changed = action(scene, source, out) if out.exists() else set()
        time.sleep(0.02)  # between its last look and its last word
        late = '"type": "summary"' in told.read_text("utf-8")
        ended = end_of(process)
    case = action.__name__.lstrip("_").replace("_", " ")
    if late:
        audit.count("vanishing", case, "too late")
        shutil.rmtree(out, ignore_errors=True)
        return
    fault = _claims(scene, told, out, changed, ended)
    _tell(audit, "vanishing", case, fault, out, told, ("stderr.txt", ended.complained.encode()))


def _remove(_: Scene, __: Path, out: Path) -> set[str]:
    shutil.rmtree(out, ignore_errors=True)
    return set()


def _rename(_: Scene, __: Path, out: Path) -> set[str]:
    out.rename(out.with_name(out.name + "-renamed"))
    return set()


def _remove_part(_: Scene, __: Path, out: Path) -> set[str]:
    shutil.rmtree(out / "sub", ignore_errors=True)
    return set()


def _some(scene: Scene, source: Path) -> list[Path]:
    return [path for path in sorted(source.rglob("*.*")) if path.is_file() and scene.draw.random() < 0.4]


def _delete_sources(scene: Scene, source: Path, __: Path) -> set[str]:
    for path in _some(scene, source):
        path.unlink()
    return set()


def _truncate_sources(scene: Scene, source: Path, __: Path) -> set[str]:
    chosen = _some(scene, source)
    for path in chosen:
        os.truncate(path, scene.draw.randrange(path.stat().st_size))
    return {str(path.relative_to(source)) for path in chosen}


def _claims(scene: Scene, told: Path, out: Path, changed: set[str], ended: Ended) -> str:
    """What is claimed and not so; ``changed`` are sources that became incomplete."""
    if ended.code not in (0, 1) or "Traceback" in ended.complained:
        return f"exit code {ended.code}: {ended.complained}"
    records = [json.loads(line) for line in told.read_text("utf-8").splitlines()]
    last = {one["source"]: one for one in records if one["type"] == "picture"}
    there = contents(out) if out.exists() else {}
    for one in last.values():
        if one["status"] != "enhanced":
            continue
        name = str(Path(one["target"]).relative_to(out))
        if name not in there:
            return f"{name} is claimed, but not there"
        if there[name] != scene.wanted[name] and not (name in changed and one.get("note")):
            return f"{name} is claimed, but it is not right, and no note says so"
    if ended.code == 0 and set(there) != set(scene.wanted):
        return "exit code 0, but results are missing"
    return ""


def _until_job_runs(process: subprocess.Popen[str], out: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not (out / _JOURNAL).exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def _tell(
    audit: Audit, part: str, case: str, fault: str, out: Path, *more: Path | tuple[str, bytes], remove: bool = True
) -> None:
    if fault:
        audit.found(part, case, fault, out, *more)
    else:
        audit.count(part, case, "right")
    if remove:
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(out.with_name(out.name + "-renamed"), ignore_errors=True)


ONE_ROUND: dict[str, Callable[[Audit, Scene], None]] = {
    "kills": kill_once,
    "signals": signal_once,
    "full-disk": fill_disk_once,
    "vanishing": vanish_once,
}


def audit_accidents(audit: Audit, folder: Path, more: Callable[[], bool], part: str, count: int = 40) -> None:
    """Rounds of one part, at least one.

    Args:
        audit: receives counts and findings.
        folder: for temporary files.
        more: whether there is time for another round.
        part: a key of :data:`ONE_ROUND`.
        count: of pictures in a job.
    """
    if sys.platform == "win32":
        audit.count(part, "not on Windows", "left out")
        return
    scene = Scene(folder, count, random.Random(f"{audit.seed} {part}"))
    while True:
        ONE_ROUND[part](audit, scene)
        if not more():
            break
