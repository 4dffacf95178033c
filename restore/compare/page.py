"""Write a page: measure and copy the pictures one by one, then assemble it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from restore.compare.columns import Column, columns
from restore.compare.html import assemble
from restore.compare.image_store import Beside, Embedded, Store
from restore.compare.measure_row import Row, make_row, memory
from restore.compare.options import PageOptions
from restore.compare.output_path import pictures_folder
from restore.compare.page_json import Facts, row_facts
from restore.compare.size_budget import shared_out
from restore.compare.source import PageSource, common_scale, looked_at
from restore.utils.atomic_write import opened, opened_beside
from restore.utils.prefetch import prefetch
from restore.utils.progress import progress_bar
from restore.utils.text import printable

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Page:
    """Content of a page.

    Attributes:
        title: of the page.
        subtitle: line below the title.
        labels: of the versions, the original first.
        sources: the pictures.
        reference: whether the last version is the reference (ground truth).
        more: additional columns from a job.
        states: whether to show each picture's status even if nothing went wrong.
        job: facts about the job, as pairs of term and value.
        notes: for the reader, one sentence each.
    """

    title: str
    subtitle: str
    labels: Sequence[str]
    sources: Sequence[PageSource]
    reference: bool = False
    more: Sequence[Column] = ()
    states: bool = False
    job: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()


@dataclass
class Written:
    """Result of writing a page.

    Attributes:
        counts: number of pictures that are ``shown``, ``measured`` or ``incomplete``.
        problems: by name, for pictures that have any.
        bytes: total size of the page and its pictures.
    """

    counts: Counter[str] = field(default_factory=Counter)
    problems: dict[str, tuple[str, ...]] = field(default_factory=dict)
    bytes: int = 0

    def count(self, row: Row) -> None:
        """Count another row."""
        complete = all(v is not None and v.size is not None for v in row.versions) and not row.problems
        self.counts["shown" if row.shown else row.source.depth if complete else "incomplete"] += 1
        if row.problems:
            self.problems[row.source.name] = row.problems


def write_page(path: Path, page: Page, options: PageOptions, screen: Console) -> Written:
    """Write a page atomically, replacing an earlier one.

    Only a few pictures are in memory at a time, however many there are.

    Args:
        path: of the page; its folder is created.
        page: content.
        options: settings.
        screen: for the progress bar, and a warning if the page is larger than its limit.

    Raises:
        OSError: the disk is full or cannot be written to.
        KeyboardInterrupt: Ctrl-C; nothing was written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written = Written()
    with _places(path, options) as (file, store):
        sources = [looked_at(source) for source in progress_bar(page.sources, "Looking at pictures", screen)]
        scale = common_scale(sources) if page.reference else None
        heads = columns(page.labels, scale, page.more)
        rows: list[Facts] = []
        for row in _rows(shared_out(sources, options), options, scale, screen):
            written.count(row)
            rows.append(row_facts(row, len(rows), heads, store))
        assemble(file, page.title, page.subtitle, _facts(page, options, heads, rows), store)
        written.bytes = store.bytes + file.tell()
    if not options.beside and options.megabytes is not None and written.bytes > options.megabytes * 1e6:
        # The rest of the page and the smallest possible copies may already exceed the limit.
        screen.print(
            f"{printable(path)} has {written.bytes / 1e6:.1f} MB, more than the limit of {options.megabytes:g}: "
            "use restore compare with --most to show fewer pictures, or --beside to store them next to the page",
            style="yellow",
            markup=False,
        )
    return written


@contextmanager
def _places(path: Path, options: PageOptions) -> Iterator[tuple[BinaryIO, Store]]:
    """The page's file, and the store for its pictures."""
    if options.beside:
        pictures = pictures_folder(path)
        # A symbolic link is followed: its target is replaced, and the link stays.
        with opened_beside(path, pictures.resolve()) as (file, folder):
            yield file, Beside(folder, pictures.name)
    else:
        with opened(path) as file, tempfile.TemporaryFile(dir=path.parent) as spool:
            yield file, Embedded(spool)


def _rows(sources: Sequence[PageSource], options: PageOptions, scale: int | None, screen: Console) -> Iterator[Row]:
    make = partial(make_row, options=options, scale=scale)
    done = prefetch(sources, make, options.workers, partial(memory, scale=scale))
    return iter(progress_bar(done, "Writing the page", screen, len(sources)))


def _facts(page: Page, options: PageOptions, heads: Sequence[Column], rows: Sequence[Facts]) -> Facts:
    notes = list(page.notes)
    shown = sum(row["thumbnail"] is not None for row in rows)
    if len([source for source in page.sources if source.depth == "shown"]) > options.most:
        notes.append(f"Pictures are shown for {shown:,} rows, evenly spread; the table lists all {len(rows):,}.")
    return {
        "labels": list(page.labels),
        "base": len(page.labels) - 1 if page.reference else 0,
        "quality": options.quality,
        "columns": list(heads),
        "states": page.states or any(row["problems"] for row in rows),
        "rows": list(rows),
        "job": [list(pair) for pair in page.job],
        "notes": notes,
    }
