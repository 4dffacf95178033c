"""A process that works through hostile files, and may crash, hang or eat memory over each of them."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

Answer = dict[str, Any]
Task = Callable[[Any], Answer]


@dataclass(frozen=True)
class Limits:
    """What a task may take: seconds of a processor, seconds by the clock, and bytes of memory (on Linux)."""

    cpu: int = 10
    wall: float = 60.0
    memory: int = 2**30


class Worker:
    """Runs a task in a process of its own, in a new one after each that died.

    Args:
        task: a function of a module, which takes what :meth:`ask` is given. If its answer has a text under ``fault``,
            that is a finding.
        limits: of one call.
        found_in: a folder for its working directory, where Python finds modules too.
    """

    def __init__(self, task: Task, limits: Limits | None = None, found_in: Path | None = None) -> None:
        self._task = task
        self._found_in = found_in
        self._limits = limits or Limits()
        self._process: Any = None
        self._pipe: Any = None
        self._folder = tempfile.TemporaryDirectory(prefix="restore-torture-log-")
        self._log = Path(self._folder.name, "log")

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._folder.cleanup()

    def ask(self, argument: object) -> Answer:
        """The task's answer; if it crashed or broke a limit, an answer with that ``fault`` alone."""
        if self._process is None:
            self._start()
        try:
            self._pipe.send(argument)
            if not self._pipe.poll(self._limits.wall):
                self._end()
                return {"fault": f"no end after {self._limits.wall:g} s"}
            answer: Answer = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join(10)
            code = self._process.exitcode
            self._end()
            if code == -getattr(signal, "SIGXCPU", 0):
                return {"fault": f"no end after {self._limits.cpu} s of computing"}
            return {"fault": f"crashed (exit code {code}){self._last_words()}"}
        return answer

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._log.write_bytes(b"")
        arguments = (self._task, self._limits, theirs, str(self._log), self._found_in)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        try:
            self._pipe.recv()
        except EOFError:
            raise RuntimeError(f"the worker did not start{self._last_words()}") from None

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        return f": {lines[-1][:300]}" if lines else ""

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
        self._process = self._pipe = None


def _serve(task: Task, limits: Limits, pipe: Connection, log: str, found_in: Path | None) -> None:
    into = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(into, 1)
    os.dup2(into, 2)
    if found_in is not None:
        os.chdir(found_in)
        sys.path.insert(0, str(found_in))
    pipe.send("ready")
    while True:
        try:
            argument = pipe.recv()
        except EOFError:
            return
        pipe.send(_limited(task, argument, limits))


def _limited(task: Task, argument: object, limits: Limits) -> Answer:
    before = _begin(limits)
    try:
        answer = task(argument)
    except MemoryError:
        return {"fault": f"wanted more than {limits.memory / 1e9:.1f} GB of memory"}
    except Exception:
        return {"fault": "an exception that is not ours: " + traceback.format_exc(limit=-4)}
    taken = _status("VmHWM") - before
    if taken > limits.memory and "fault" not in answer:
        answer["fault"] = f"took {taken / 1e9:.1f} GB of memory"
    return answer


def _begin(limits: Limits) -> int:
    """Set the limits for one call; returns the memory in use, 0 if that is not known."""
    if sys.platform == "win32":
        return 0
    import resource

    def limit(which: int, value: int) -> None:
        hard = resource.getrlimit(which)[1]
        resource.setrlimit(which, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))

    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + limits.cpu)
    if sys.platform != "linux":
        return 0
    # It counts what is asked for, used or not, such as the stacks of threads: this only protects the machine.
    limit(resource.RLIMIT_DATA, _status("VmData") + 2 * limits.memory + 2**30)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    return _status("VmRSS")


def _status(name: str) -> int:
    if sys.platform != "linux":
        return 0
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
