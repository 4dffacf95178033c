"""Job reports as JSON, CSV or HTML."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TextIO, TypedDict

from restore.errors import RestoreError
from restore.files.listing import Unreadable
from restore.jobs.outcome import STAGES, Outcome, Seconds, Status
from restore.utils.atomic_write import opened
from restore.utils.csv_cells import csv_text
from restore.utils.json_types import JsonObject
from restore.utils.regular_file import open_regular

if TYPE_CHECKING:
    from rich.console import Console

_PAGE = ".html"


class Belief(TypedDict):
    """The kind of picture that the model detected, and its probability, 0..1."""

    kind: str
    share: float


class FileRecord(TypedDict):
    """The outcome of one picture, or of a folder that could not be listed.

    Attributes:
        type: ``picture`` or ``folder``.
        source: path of the input.
        target: path of the result; empty for a folder.
        status: ``enhanced``, ``done`` (by an earlier run), ``skipped`` (the result exists), ``failed`` or ``planned``.
        error: reason of the failure; empty otherwise.
        note: what may surprise about the result; empty otherwise.
        seconds: working time by stage: ``decode``, ``network``, ``encode``.
        size_in: [width, height] of the input, upright; None if it was not decoded.
        size_out: the same of the result.
        belief: ``kind`` and ``share`` (0..1) if the model classifies pictures.
        edit: the numbers of the edit, if the model tells one: ``balance``, ``exposure``, ``saturation``, ``curves``.
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
    edit: JsonObject | None


class SummaryRecord(TypedDict):
    """A whole job: numbers of pictures by status, seconds from start to end, and what produced the results.

    ``precision`` is what the network computed in, and ``backend`` how its speed was measured; empty if it was not.
    ``mask`` is where the masks are, ``alpha`` for the pictures' own; empty if pictures changed everywhere.
    """

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
    mask: str
    device: str
    backend: str
    versions: dict[str, str]


class PageWriter(Protocol):
    """Writes HTML reports. Passed in, because pages depend on jobs and not the other way round."""

    def check(self, path: Path) -> None:
        """Refuse a path where a page cannot or should not be written. Raises RestoreError."""
        ...

    def write(
        self, path: Path, pictures: Sequence[FileRecord], summary: SummaryRecord, screen: Console, shown: bool
    ) -> None:
        """Write a page atomically; see :func:`write_report`."""
        ...


def record(outcome: Outcome) -> FileRecord:
    """The record of one picture."""
    belief = outcome.belief
    return {
        "type": "picture",
        "source": outcome.item.shown_source,
        "target": outcome.item.shown_target,
        "status": outcome.status,
        "error": outcome.error,
        "note": outcome.note,
        "seconds": outcome.seconds.rounded(),
        "size_in": outcome.size_in and list(outcome.size_in),
        "size_out": outcome.size_out and list(outcome.size_out),
        "belief": belief and {"kind": belief[0], "share": round(belief[1], 4)},
        "edit": None if outcome.edit is None else outcome.edit.record(),
    }


def folder_record(unreadable: Unreadable) -> FileRecord:
    """The record of a folder that could not be listed: a failure with the same fields."""
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
        "edit": None,
    }


def check_report(path: Path, page: Callable[[], PageWriter] | None = None) -> None:
    """Refuse a report that cannot be written, before the job starts.

    Args:
        path: see :func:`write_report`.
        page: returns the writer of HTML reports; None if HTML is not supported.

    Raises:
        RestoreError: the suffix is not supported, the path is a folder, or the report would replace a foreign file.
    """
    kinds = (*_WRITERS, *([_PAGE] if page is not None else []))
    if path.suffix.lower() not in kinds:
        raise RestoreError(f"--report {path}: '{path.suffix}' is not a report format; choose from {', '.join(kinds)}")
    if path.is_dir():
        raise RestoreError(f"--report {path} is a folder: give a file name")
    if page is not None and path.suffix.lower() == _PAGE:
        page().check(path)
    elif path.exists() and not _is_ours(path):
        raise RestoreError(
            f"--report {path}: exists and is not a report of restore: choose another name, or move it away"
        )
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        why = "is not writable" if above.is_dir() else "is a file"
        raise RestoreError(f"--report {path}: {above} {why}: choose a file in a writable folder")


def _is_ours(path: Path) -> bool:
    """Whether a file starts like a report; an empty one may be overwritten too."""
    try:
        with open_regular(path) as file:
            beginning = file.read(200)
    except OSError as error:
        raise RestoreError(f"--report {path}: the file exists and cannot be read: {error.strerror}") from error
    ours = b'{\n  "pictures": [' if path.suffix.lower() == ".json" else ",".join(_COLUMNS[:5]).encode()
    return not beginning or beginning.startswith(ours)


def write_report(
    path: Path,
    pictures: Iterable[FileRecord],
    summary: SummaryRecord,
    screen: Console,
    page: Callable[[], PageWriter] | None = None,
    shown: bool = True,
) -> None:
    """Write a report atomically, replacing an earlier one.

    Args:
        path: the suffix, ``.json``, ``.csv`` or ``.html``, selects the format.
        pictures: from :func:`record`.
        summary: of the job; omitted in CSV.
        screen: shows the progress bar of a page.
        page: see :func:`check_report`.
        shown: whether a page shows the pictures in addition to the table.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if page is not None and path.suffix.lower() == _PAGE:
        page().write(path, list(pictures), summary, screen, shown)
        return
    # Names whose bytes are not valid text are escaped, as in JSON.
    with opened(path) as file:
        text = io.TextIOWrapper(file, "utf-8", "backslashreplace", newline="")
        _WRITERS[path.suffix.lower()](text, pictures, summary)
        text.detach()  # which flushes, and does not close the file


def _json(text: TextIO, pictures: Iterable[FileRecord], summary: SummaryRecord) -> None:
    """Write what ``json.dumps`` makes of both together, one picture at a time: there may be millions."""
    between = "["
    text.write('{\n  "pictures": ')
    for picture in pictures:
        text.write(f"{between}\n    {_indented(picture, 4)}")
        between = ","
    text.write("[]" if between == "[" else "\n  ]")
    text.write(f',\n  "summary": {_indented(summary, 2)}\n}}\n')


def _indented(values: FileRecord | SummaryRecord, depth: int) -> str:
    return json.dumps(values, indent=2).replace("\n", "\n" + " " * depth)


_TIMES = tuple(f"{stage}_seconds" for stage in STAGES)
_COLUMNS = ("source", "target", "status", "error", "note", *_TIMES, "size_in", "size_out", "belief", "edit")


def _row(picture: FileRecord) -> list[str]:
    sizes = ["x".join(map(str, size)) if size else "" for size in (picture["size_in"], picture["size_out"])]
    said = (picture["source"], picture["target"], picture["status"], picture["error"], picture["note"])
    words = [csv_text(word) for word in said]
    belief = picture["belief"]
    believed = f"{belief['kind']} {100 * belief['share']:.0f} %" if belief else ""
    edited = json.dumps(picture["edit"]) if picture["edit"] else ""
    seconds = [f"{picture['seconds'][stage]:.3f}" for stage in STAGES]
    return [*words, *seconds, *sizes, csv_text(believed), edited]


def _csv(text: TextIO, pictures: Iterable[FileRecord], _summary: SummaryRecord) -> None:
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows(_row(picture) for picture in pictures)


_WRITERS: dict[str, Callable[[TextIO, Iterable[FileRecord], SummaryRecord], None]] = {".json": _json, ".csv": _csv}
