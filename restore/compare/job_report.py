"""The page of a folder job: each picture beside its result, and what became of those that have none."""

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
from restore.compare.source import Source
from restore.jobs.outcome import STAGES
from restore.jobs.report import FileRecord, SummaryRecord

if TYPE_CHECKING:
    from rich.console import Console

# Pixels of a picture and its result up to which they are shown: reading them again must not take more memory than the
# job did. The job's own limit is of what it reads, and results may be larger.
_MOST_PIXELS = 150_000_000
_STATUSES: dict[Literal["enhanced", "done", "skipped", "failed"], str] = {
    "enhanced": "enhanced",
    "done": "done before",
    "skipped": "skipped",
    "failed": "failed",
}
_RESULT: list[Column] = [
    {"group": "result", "label": "name", "kind": "text", "about": "the file that was written, in the output folder"}
]
_SECONDS: list[Column] = [
    {"group": "seconds", "label": stage, "kind": "number", "digits": 2, "unit": "", "about": about}
    for stage, about in zip(STAGES, ("reading", "in the network", "writing"), strict=True)
]
_BELIEF: list[Column] = [
    {"group": "taken for", "label": "kind", "kind": "text", "about": "what the network took the picture for"},
    {
        "group": "taken for",
        "label": "share",
        "kind": "number",
        "digits": 2,
        "unit": "",
        "about": "how sure it was, 0..1",
    },
]
_WITHOUT = (
    "The job ended early, so this page has its table alone. To see the pictures, let it go on with --resume, or run "
    "restore compare with the folders."
)


@dataclass(frozen=True)
class JobPage:
    """Writes a job's page, as :class:`restore.jobs.report.PageWriter` says.

    Attributes:
        workers: threads.
    """

    workers: int

    def check(self, path: Path) -> None:
        """Refuse a place where a page cannot or should not be written. Raises PlanError."""
        check_place(path, "--report")

    def write(
        self, path: Path, pictures: Sequence[FileRecord], summary: SummaryRecord, screen: Console, shown: bool
    ) -> None:
        """Write the page, whole or not at all, over an earlier one.

        Args:
            path: of the page.
            pictures: from :func:`restore.jobs.report.record` and ``folder_record``.
            summary: of the job.
            screen: for the progress bar.
            shown: whether there is more than the table; not of a job that ended early.

        Raises:
            OSError: it cannot be written.
            KeyboardInterrupt: Ctrl-C; nothing was written.
        """
        model, output = str(summary["model"]), Path(summary["output"])
        counts = [f"{summary[status]} {word}" for status, word in _STATUSES.items() if summary[status]]
        sources = [_source(picture, Path(summary["input"]), output, shown) for picture in pictures]
        renamed = any(source.cells.get("name") not in (None, source.name) for source in sources)
        believed = any(picture["belief"] for picture in pictures)
        page = Page(
            title=f"{model} · {output.name}",
            subtitle=", ".join(counts) or "nothing to do",
            labels=["before", model],
            sources=sources,
            more=[*(_RESULT if renamed else []), *_SECONDS, *(_BELIEF if believed else [])],
            states=True,
            job=[(key.replace("_", " "), _words(value)) for key, value in summary.items() if key != "type"],
            notes=[] if shown else [_WITHOUT],
        )
        options = PageOptions(workers=self.workers, pixel_limit=_MOST_PIXELS, most_pixels=_MOST_PIXELS)
        write_page(path, page, options, screen)


def _source(picture: FileRecord, asked: Path, output: Path, shown: bool) -> Source:
    error, note = picture["error"], picture["note"]
    before, after = Path(picture["source"]), Path(picture["target"])
    is_picture = picture["type"] == "picture"
    made = picture["status"] in ("enhanced", "done", "skipped")
    cells: dict[str, object] = {"name": _below(after, output)} if made else {}
    # A picture that an earlier run made took no time now.
    cells |= picture["seconds"] if picture["status"] == "enhanced" else {}
    return Source(
        name=_below(before, asked),
        files=(before if is_picture and before.exists() else None, after if made and after.exists() else None),
        status=picture["status"],
        problems=tuple(text for text in (error, note) if text),
        cells=cells | (picture["belief"] or {}),
        depth="shown" if made and shown else "listed",
        otherwise="listed",
    )


def _below(path: Path, folder: Path) -> str:
    """A path within a folder; of the folder itself, and of a file that was named, the name."""
    below = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    return below.as_posix() if below.name else path.name


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(one)}" for key, one in value.items())
    return value if isinstance(value, str) else json.dumps(value)
