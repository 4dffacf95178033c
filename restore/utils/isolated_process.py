"""Run a module in a separate Python process, so that crashes and peak memory are isolated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from restore.utils.json_types import JsonObject

_KILLED = 9  # also by Linux when memory runs out
# Windows ends processes that crash with codes like 0xC0000005, an access violation.
_WINDOWS_CRASH = 0x80000000


class ApartError(Exception):
    """The process did not return a result."""


class ApartTimeoutError(ApartError):
    """The process took too long."""


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
        ApartError: it failed, crashed or printed something else.
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
        raise ApartError(crash)
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
