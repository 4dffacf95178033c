"""Pictures that crashed a decoder or a network, also in a process of their own: the journal says so.

They are not tried again by ``--resume`` until what crashed has been replaced.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass

from restore import __version__
from restore.utils.json_text import parse_json

# Packages that decode, or contain libraries that do.
_DECODERS = ("pillow", "opencv-python", "opencv-python-headless", "pillow-heif", "pillow-jxl-plugin")


@dataclass(frozen=True)
class Verdict:
    """A line of the journal.

    Attributes:
        step: ``decoder`` or ``network``.
        source_digest: SHA-256 of the picture's bytes.
        tools: what crashed: versions, and the job's key for a network.
        how: how it crashed, a clause.
    """

    step: str
    source_digest: str
    tools: str
    how: str

    def line(self) -> dict[str, object]:
        """The line, as a JSON object."""
        return {"crash": asdict(self)}


def read_verdicts(lines: Iterable[bytes]) -> list[Verdict]:
    """The verdicts among the lines of a journal."""
    found = []
    for line in lines:
        if line.startswith(b'{"crash"'):
            with suppress(ValueError, TypeError):  # cut off by a kill
                verdict = Verdict(**parse_json(line)["crash"])
                found += [verdict] * all(isinstance(value, str) for value in asdict(verdict).values())
    return found


class Verdicts:
    """Those of an output folder.

    Args:
        known: from its journals.
        write: appends a line to the job's journal.
    """

    def __init__(self, known: Iterable[Verdict], write: Callable[[Verdict], None]) -> None:
        self._known = {(one.step, one.source_digest, one.tools): one.how for one in known}
        self._write = write

    def of(self, step: str, digest: str, tools: str) -> str | None:
        """How a picture crashed these tools; None if it did not."""
        return self._known.get((step, digest, tools))

    def add(self, verdict: Verdict) -> None:
        """Add one; if it cannot be written, the picture is tried again in another job."""
        self._known[verdict.step, verdict.source_digest, verdict.tools] = verdict.how
        with suppress(OSError):
            self._write(verdict)


@functools.cache
def decoders() -> str:
    """The versions of what decodes pictures."""
    return ", ".join([f"restore {__version__}", *_versions(_DECODERS)])


@functools.cache
def runners(key: str) -> str:
    """The version of what runs a network, with the key of a job."""
    return ", ".join([*_versions(["onnxruntime", "onnxruntime-gpu"]), key])


def _versions(names: Iterable[str]) -> list[str]:
    found = []
    for name in names:
        with suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return found
