"""The page of a folder job: each picture beside its result, and what became of those that have none."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restore.compare.columns import Column
from restore.compare.options import PageOptions
from restore.compare.page import Page, write_page
from restore.compare.source import Source
from restore.jobs.outcome import STAGES

if TYPE_CHECKING:
    from rich.console import Console

# Pixels of a picture and its result up to which they are shown: reading them again must not take more memory than the
# job did.
_MOST_PIXELS = 150_000_000
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


def write_job_page(
    path: Path,
    pictures: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    options: PageOptions | None,
    screen: Console,
) -> None:
    """Write the page, whole or not at all, over an earlier one.

    Args:
        path: of the page.
        pictures: from :func:`restore.jobs.report.record` and ``folder_record``.
        summary: of the job.
        options: how pictures are copied; None leaves them out, for a job that ended early.
        screen: for the progress bar.

    Raises:
        OSError: it cannot be written.
        KeyboardInterrupt: Ctrl-C; nothing was written.
    """
    model, output = str(summary.get("model", "")), str(summary.get("output", ""))
    words = {"enhanced": "enhanced", "done": "done before", "skipped": "skipped", "failed": "failed"}
    counts = [f"{summary[status]} {word}" for status, word in words.items() if summary.get(status)]
    folder = _common_folder([Path(picture["source"]) for picture in pictures])
    facts = {"input": str(folder), **{key: value for key, value in summary.items() if key != "type"}}
    page = Page(
        title=f"{model} · {Path(output).name}",
        subtitle=", ".join(counts) or "nothing to do",
        labels=["before", model],
        sources=[_source(picture, folder, show=options is not None) for picture in pictures],
        more=[*_SECONDS, *(_BELIEF if any(picture["belief"] for picture in pictures) else [])],
        states=True,
        job=[(key.replace("_", " "), _words(value)) for key, value in facts.items()],
        notes=[] if options else [_WITHOUT],
    )
    write_page(path, page, replace(options or PageOptions(), most_pixels=_MOST_PIXELS), screen)


def _common_folder(sources: Sequence[Path]) -> Path:
    """The lowest folder that all are in."""
    return Path(os.path.commonpath([source.parent for source in sources])) if sources else Path()


def _source(picture: Mapping[str, Any], folder: Path, show: bool) -> Source:
    error, note = picture["error"], picture["note"]
    before, after = Path(picture["source"]), Path(picture["target"])
    is_picture = picture["type"] == "picture"
    made = picture["status"] in ("enhanced", "done", "skipped")
    return Source(
        name=before.relative_to(folder).as_posix(),
        files=(before if is_picture and before.exists() else None, after if made and after.exists() else None),
        status=picture["status"],
        problems=tuple(text for text in (error, note) if text),
        # A picture that an earlier run made took no time now.
        cells={**(picture["seconds"] if picture["status"] == "enhanced" else {}), **(picture["belief"] or {})},
        depth="shown" if made and show else "listed",
        otherwise="listed",
    )


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(one)}" for key, one in value.items())
    return value if isinstance(value, str) else json.dumps(value)
