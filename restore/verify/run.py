"""Run all checks on a model file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from restore.runtime.model import open_model
from restore.runtime.running import time_limit
from restore.verify.behavior import behavior
from restore.verify.check import Check
from restore.verify.contents import contents

# Default time limit of one run, in seconds: the largest model here takes a few.
RUN_SECONDS = 120.0


def verify_file(
    path: Path, given: Mapping[str, str] | None = None, run_seconds: float = RUN_SECONDS
) -> Iterator[Check]:
    """Check a model file on the CPU: metadata, contents and behavior.

    Args:
        path: the file.
        given: spec fields as text, which override the file's.
        run_seconds: a run of the model that takes longer is ended, and fails its check.

    Yields:
        The checks, one by one.

    Raises:
        ModelError: it is missing, cannot be opened, or lacks metadata needed to run it.
    """
    model = open_model(path, "cpu", given=given)
    with time_limit(run_seconds):
        yield from contents(path, model.spec)
        yield from behavior(model)
