"""What became of every picture, for machines (JSON, CSV) and for a browser (HTML)."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypedDict

from restore.errors import RestoreError
from restore.files.listing import Unreadable
from restore.jobs.outcome import STAGES, Outcome, Seconds, Status
from restore.utils.atomic_write import write_bytes

if TYPE_CHECKING:
    from rich.console import Console

_PAGE = ".html"


class Belief(TypedDict):
    """Which kind of picture the model took it for, and how sure it was, 0..1."""

    kind: str
    share: float


class FileRecord(TypedDict):
    """What became of one picture, or of a folder that could not be listed.

    Attributes:
        type: which of the two.
        source: path of the input.
        target: path of the result; empty for a folder.
        status: ``enhanced``, ``done`` (by an earlier run), ``skipped`` (the result exists), ``failed`` or ``planned``.
        error: why it failed; empty otherwise.
        note: what may surprise about the result; empty otherwise.
        seconds: of work, by stage: ``decode``, ``network``, ``encode``.
        size_in: [width, height] of the input, upright; None if it was not decoded.
        size_out: the same of the result.
        belief: ``kind`` and ``share`` (0..1) where the model tells kinds of pictures apart.
    """

    type: Literal["picture", "folder"]
    source: str
    target: str
    status: Status
    error: str
    note: str
    seconds: dict[str, float]
    size_in: list[int] | None
    size_out: list[int] | None
    belief: Belief | None


class SummaryRecord(TypedDict):
    """A whole job: how many pictures ended how, seconds from begin to end, and what made the results."""

    type: Literal["summary"]
    enhanced: int
    done: int
    skipped: int
    failed: int
    ignored: int
    seconds: float
    busy: dict[str, float]
    interrupted: bool
    input: str
    output: str
    model: str
    precision: str
    model_digest: str
    device: str
    versions: dict[str, str]


class PageWriter(Protocol):
    """Writes reports for a browser. Pages know of jobs and not the other way round, so a job is given one."""

    def check(self, path: Path) -> None:
        """Refuse a place where a page cannot or should not be written. Raises RestoreError."""
        ...

    def write(
        self, path: Path, pictures: Sequence[FileRecord], summary: SummaryRecord, screen: Console, shown: bool
    ) -> None:
        """Write a page, whole or not at all; as :func:`write_report`."""
        ...


def record(outcome: Outcome) -> FileRecord:
    """What became of one picture."""
    belief = outcome.belief
    return {
        "type": "picture",
        "source": str(outcome.item.source),
        "target": str(outcome.item.target),
        "status": outcome.status,
        "error": outcome.error,
        "note": outcome.note,
        "seconds": outcome.seconds.rounded(),
        "size_in": outcome.size_in and list(outcome.size_in),
        "size_out": outcome.size_out and list(outcome.size_out),
        "belief": belief and {"kind": belief[0], "share": round(belief[1], 4)},
    }


def folder_record(unreadable: Unreadable) -> FileRecord:
    """A folder whose pictures could not even be listed: a failure with the same fields."""
    return {
        "type": "folder",
        "source": str(unreadable.folder),
        "target": "",
        "status": "failed",
        "error": f"the folder cannot be read: {unreadable.reason}",
        "note": "",
        "seconds": Seconds().rounded(),
        "size_in": None,
        "size_out": None,
        "belief": None,
    }


def check_report(path: Path, page: Callable[[], PageWriter] | None = None) -> None:
    """Refuse a report that cannot be written, before the job begins.

    Args:
        path: as of :func:`write_report`.
        page: gives what writes a page, if one is asked for; None where none can be had.

    Raises:
        RestoreError: its ending is none of a report's, it is a folder, or a page would replace what is no page of ours.
    """
    kinds = (*_WRITERS, *([_PAGE] if page is not None else []))
    if path.suffix.lower() not in kinds:
        raise RestoreError(f"--report {path}: '{path.suffix}' is no kind of report; there are {', '.join(kinds)}")
    if path.is_dir():
        raise RestoreError(f"--report {path} is a folder: name a file")
    if page is not None and path.suffix.lower() == _PAGE:
        page().check(path)
    elif path.exists() and not _is_ours(path):
        raise RestoreError(f"--report {path}: a file that is no report of restore's: name another, or move it away")
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        why = "cannot be written to" if above.is_dir() else "is a file"
        raise RestoreError(f"--report {path}: {above} {why}: name a file in a folder where it can be written")


def _is_ours(path: Path) -> bool:
    """Whether a file begins as a report does; an empty one may be written over."""
    try:
        with path.open("rb") as file:
            beginning = file.read(200)
    except OSError as error:
        raise RestoreError(f"--report {path}: it is there and cannot be read: {error.strerror}") from error
    ours = b'{\n  "pictures": [' if path.suffix.lower() == ".json" else ",".join(_COLUMNS[:5]).encode()
    return not beginning or beginning.startswith(ours)


def write_report(
    path: Path,
    pictures: Sequence[FileRecord],
    summary: SummaryRecord,
    screen: Console,
    page: Callable[[], PageWriter] | None = None,
    shown: bool = True,
) -> None:
    """Write a report, whole or not at all, over an earlier one.

    Args:
        path: its ending, ``.json``, ``.csv`` or ``.html``, says the kind.
        pictures: from :func:`record`.
        summary: of the job; CSV has no place for it.
        screen: for the progress bar of a page.
        page: as of :func:`check_report`.
        shown: whether a page shows the pictures, beside its table.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if page is not None and path.suffix.lower() == _PAGE:
        page().write(path, pictures, summary, screen, shown)
        return
    # Names whose bytes are no text are shown with escapes, as JSON has them.
    write_bytes(path, _WRITERS[path.suffix.lower()](pictures, summary).encode("utf-8", "backslashreplace"))


def _json(pictures: Sequence[FileRecord], summary: SummaryRecord) -> str:
    return json.dumps({"pictures": list(pictures), "summary": summary}, indent=2) + "\n"


_TIMES = tuple(f"{stage}_seconds" for stage in STAGES)
_COLUMNS = ("source", "target", "status", "error", "note", *_TIMES, "size_in", "size_out", "belief")


def _row(picture: FileRecord) -> list[str]:
    sizes = ["x".join(map(str, size)) if size else "" for size in (picture["size_in"], picture["size_out"])]
    words = [picture["source"], picture["target"], picture["status"], picture["error"], picture["note"]]
    belief = picture["belief"]
    believed = f"{belief['kind']} {100 * belief['share']:.0f} %" if belief else ""
    return [*words, *(f"{picture['seconds'][stage]:.3f}" for stage in STAGES), *sizes, believed]


def _csv(pictures: Sequence[FileRecord], _summary: SummaryRecord) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows(_row(picture) for picture in pictures)
    return text.getvalue()


_WRITERS: dict[str, Callable[[Sequence[FileRecord], SummaryRecord], str]] = {".json": _json, ".csv": _csv}
