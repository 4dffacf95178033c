"""Run a module in a separate Python process, so that crashes and peak memory are isolated."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from restore.utils.json_types import JsonObject

_INTERRUPTED = 130
_KILLED = 9  # also by Linux when memory runs out
_REQUESTS = frozenset({signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)})
# Windows ends processes that crash with codes like 0xC0000005, an access violation.
_WINDOWS_CRASH = 0x80000000


class ApartError(Exception):
    """The process did not return a result."""


class ApartTimeoutError(ApartError):
    """The process took too long."""


class ApartCrashError(ApartError):
    """The process crashed or was killed, not by a request to end."""


def python_command(module: str) -> list[str]:
    """The command that runs a module with this Python.

    ``-P`` keeps the current folder, which may contain files of strangers, out of the module path.
    """
    return [sys.executable, "-P", "-m", module]


def child_environment() -> dict[str, str]:
    """The environment in which a child finds this package.

    In a checkout, it is found through the path of the started script, which a child does not inherit.
    """
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}


def crash_of(code: int) -> str:
    """How a process with this exit code died, as a clause; empty if it ended by itself."""
    if code == -_KILLED:
        return f"it was killed (signal {_KILLED}), perhaps because memory ran out"
    if code < 0:
        return f"it crashed (signal {-code})"
    return f"it crashed (code 0x{code:08X})" if code >= _WINDOWS_CRASH else ""


def run_apart(module: str, *arguments: str, timeout: float | None = None) -> JsonObject:
    """Run ``python -m MODULE ARGUMENTS`` and return its JSON output.

    Args:
        module: must print a JSON object as its last line.
        arguments: command-line arguments.
        timeout: in seconds.

    Raises:
        ApartTimeoutError: it took too long.
        ApartCrashError: it crashed.
        ApartError: it failed, was asked to end, or printed something else.
    """
    try:
        done = subprocess.run(
            [*python_command(module), *arguments],
            env=child_environment(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ApartTimeoutError(f"no answer within {timeout:.0f} s") from error
    last = done.stdout.strip().rsplit("\n", 1)[-1]
    if crash := crash_of(done.returncode):
        raise (ApartError if -done.returncode in _REQUESTS else ApartCrashError)(crash)
    if done.returncode:
        said = done.stderr.strip().rsplit("\n", 1)[-1]
        raise ApartError(said or f"it ended with code {done.returncode}")
    try:
        answer = json.loads(last)
    except ValueError as error:
        raise ApartError(f"it answered '{last[:200]}'") from error
    if not isinstance(answer, dict):
        raise ApartError(f"it answered '{last[:200]}'")
    return answer


def end_with(parent: int) -> None:
    """End this process at once when its parent is gone: nobody can stop it or read its output any more.

    Args:
        parent: its number, known before it can be gone.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if sys.platform != "win32":
        if os.getppid() != parent:
            os._exit(_INTERRUPTED)
        if sys.platform != "linux":
            threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(_INTERRUPTED)
