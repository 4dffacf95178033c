"""The report page of a folder job: each picture with its result, or the reason why it has none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from restore.compare.columns import Column
from restore.compare.options import PageOptions
from restore.compare.output_path import check_place
from restore.compare.page import Page, write_page
from restore.compare.source import PageSource
from restore.jobs.outcome import STAGES
from restore.jobs.report import FileRecord, SummaryRecord
from restore.utils.json_types import JsonObject

if TYPE_CHECKING:
    from rich.console import Console

# A picture and its result are shown up to this many pixels in total: reading them again must not take more memory than
# the job did. The job's own limit applies to inputs only, and results may be larger.
_MOST_PIXELS = 150_000_000
_STATUSES: dict[Literal["enhanced", "done", "skipped", "failed"], str] = {
    "enhanced": "enhanced",
    "done": "done before",
    "skipped": "skipped",
    "failed": "failed",
}
_RESULT: list[Column] = [
    {"group": "result", "label": "name", "kind": "text", "about": "the written file, in the output folder"}
]
_SECONDS: list[Column] = [
    {"group": "seconds", "label": stage, "kind": "number", "digits": 2, "unit": "", "about": about}
    for stage, about in zip(STAGES, ("reading", "in the network", "writing"), strict=True)
]
_BELIEF: list[Column] = [
    {"group": "taken for", "label": "kind", "kind": "text", "about": "how the network classified the picture"},
    {
        "group": "taken for",
        "label": "share",
        "kind": "number",
        "digits": 2,
        "unit": "",
        "about": "the network's confidence, 0..1",
    },
]
_EDIT: list[Column] = [
    {"group": "edit", "label": label, "kind": "number", "digits": 3, "unit": "", "about": about}
    for label, about in (
        ("exposure", "in stops; the JSON report and restore edits also tell the tone curves"),
        ("saturation", "1 for none"),
        ("red", "gain of the white balance"),
        ("green", "gain of the white balance"),
        ("blue", "gain of the white balance"),
    )
]
_WITHOUT = (
    "The job ended early, so this page only contains the table. To see the pictures, continue it with --resume, or run "
    "restore compare on the folders."
)


@dataclass(frozen=True)
class JobPage:
    """Writes a job's page; implements :class:`restore.jobs.report.PageWriter`.

    Attributes:
        workers: number of threads.
    """

    workers: int

    def check(self, path: Path) -> None:
        """Reject a path where a page cannot or should not be written. Raises PlanError."""
        check_place(path, "--report")

    def write(
        self, path: Path, pictures: Sequence[FileRecord], summary: SummaryRecord, screen: Console, shown: bool
    ) -> None:
        """Write the page atomically, replacing an earlier one.

        Args:
            path: of the page.
            pictures: from :func:`restore.jobs.report.record` and ``folder_record``.
            summary: of the job.
            screen: for the progress bar.
            shown: whether to include the pictures; false if the job ended early.

        Raises:
            OSError: it cannot be written.
            KeyboardInterrupt: Ctrl-C; nothing was written.
        """
        model, output = str(summary["model"]), Path(summary["output"])
        counts = [f"{summary[status]} {word}" for status, word in _STATUSES.items() if summary[status]]
        sources = [_source(picture, Path(summary["input"]), output, shown) for picture in pictures]
        renamed = any(source.cells.get("name") not in (None, source.name) for source in sources)
        believed = any(picture["belief"] for picture in pictures)
        edited = any(picture["edit"] for picture in pictures)
        page = Page(
            title=f"{model} · {output.name}",
            subtitle=", ".join(counts) or "nothing to do",
            labels=["before", model],
            sources=sources,
            more=[*(_RESULT if renamed else []), *_SECONDS, *(_BELIEF if believed else []), *(_EDIT if edited else [])],
            states=True,
            job=[(key.replace("_", " "), _words(value)) for key, value in summary.items() if key != "type"],
            notes=[] if shown else [_WITHOUT],
        )
        options = PageOptions(workers=self.workers, pixel_limit=_MOST_PIXELS, most_pixels=_MOST_PIXELS)
        write_page(path, page, options, screen)


def _source(picture: FileRecord, asked: Path, output: Path, shown: bool) -> PageSource:
    error, note = picture["error"], picture["note"]
    before, after = Path(picture["source"]), Path(picture["target"])
    is_picture = picture["type"] == "picture"
    made = picture["status"] in ("enhanced", "done", "skipped")
    cells: dict[str, object] = {"name": _below(after, output)} if made else {}
    # A picture done by an earlier run took no time now.
    cells |= picture["seconds"] if picture["status"] == "enhanced" else {}
    return PageSource(
        name=_below(before, asked),
        files=(before if is_picture and before.exists() else None, after if made and after.exists() else None),
        status=picture["status"],
        problems=tuple(text for text in (error, note) if text),
        cells=cells | (picture["belief"] or {}) | _edit_cells(picture["edit"]),
        depth="shown" if made and shown else "listed",
        otherwise="listed",
    )


def _edit_cells(edit: JsonObject | None) -> dict[str, object]:
    if edit is None:
        return {}
    gains = zip(("red", "green", "blue"), edit["balance"], strict=True)
    return {"exposure": edit["exposure"], "saturation": edit["saturation"], **dict(gains)}


def _below(path: Path, folder: Path) -> str:
    """A path relative to a folder; only the name for the folder itself and for files elsewhere."""
    below = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    return below.as_posix() if below.name else path.name


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(one)}" for key, one in value.items())
    return value if isinstance(value, str) else json.dumps(value)
