"""Run all checks on a model file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from restore.runtime.model import open_model
from restore.verify.behavior import behavior
from restore.verify.check import Check
from restore.verify.contents import contents


def verify_file(path: Path, given: Mapping[str, str] | None = None) -> Iterator[Check]:
    """Check a model file on the CPU: metadata, contents and behavior.

    Args:
        path: the file.
        given: spec fields as text, which override the file's.

    Yields:
        The checks, one by one.

    Raises:
        ModelError: it is missing, cannot be opened, or lacks metadata needed to run it.
    """
    model = open_model(path, "cpu", given=given)
    yield from contents(path, model.spec)
    yield from behavior(model)
