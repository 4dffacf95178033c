"""Accidents of folder jobs: kills, signals, full disks, and folders that vanish while they are used."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from .findings import Audit
from .scene import JOURNAL, Ended, Scene, contents, end_of, hidden, partial, resumed, until_job_runs

_SIGNAL_SECONDS = 2.0


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
    started = (out / JOURNAL).exists()
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
        elif more := hidden(out) - {JOURNAL}:
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
        until_job_runs(process, out)
        time.sleep(scene.draw.random() * scene.work * 0.4)
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
