"""Run a module of ours in a Python of its own: a crash there is none here, and its peak memory is its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class ApartError(Exception):
    """It did not answer; says what is known."""


def run_apart(module: str, *arguments: str, timeout: float | None = None) -> dict[str, Any]:
    """Run ``python -m MODULE ARGUMENTS`` and read what it prints.

    Args:
        module: prints one line of JSON, an object, last of all.
        arguments: of its command line.
        timeout: seconds.

    Raises:
        ApartError: it failed, crashed, took too long or printed something else.
    """
    # From a checkout the package is found by the path of the script that was started, which a child does not have.
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ApartError(f"no answer within {timeout:.0f} s") from error
    last = done.stdout.strip().rsplit("\n", 1)[-1]
    if done.returncode < 0:
        raise ApartError(f"it crashed (signal {-done.returncode})")
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
