"""All that can be said of a model file by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from restore.runtime.model import open_model
from restore.verify.behaviour import behaviour
from restore.verify.check import Check
from restore.verify.contents import contents


def verify_file(path: Path, given: Mapping[str, str] | None = None) -> Iterator[Check]:
    """Check a model file: what it says, what is in it, what it does. On the CPU.

    Args:
        path: the file.
        given: spec fields that win over the file's, as text.

    Yields:
        The checks, as they are made.

    Raises:
        ModelError: it is missing, cannot be opened, or does not say what is needed to run it.
    """
    model = open_model(path, "cpu", given=given)
    yield from contents(path, model.spec)
    yield from behaviour(model)
