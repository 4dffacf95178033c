"""Run a module in a separate Python process, so that crashes and peak memory are isolated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from restore.utils.json_types import JsonObject


class ApartError(Exception):
    """The process did not return a result."""


def run_apart(module: str, *arguments: str, timeout: float | None = None) -> JsonObject:
    """Run ``python -m MODULE ARGUMENTS`` and return its JSON output.

    Args:
        module: must print a JSON object as its last line.
        arguments: command-line arguments.
        timeout: in seconds.

    Raises:
        ApartError: it failed, crashed, took too long or printed something else.
    """
    # In a checkout, the package is found through the path of the started script, which a child does not inherit.
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
