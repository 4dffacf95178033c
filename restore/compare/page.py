"""Write the page: measure and copy picture by picture, then put table, script and pictures together."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from restore import __version__
from restore.atomic import made, opened
from restore.compare.ahead import ahead
from restore.compare.columns import Column, cells, columns
from restore.compare.copies import Copy
from restore.compare.options import PageOptions
from restore.compare.row import Row, Version, make_row, memory
from restore.compare.source import Source, area, common_scale, looked_at
from restore.compare.store import MARK, Beside, Embedded, Store
from restore.jobs.naming import PlanError, printable
from restore.progress import with_bar

if TYPE_CHECKING:
    from rich.console import Console

ENDINGS = (".html", ".htm")
_GENERATOR = b'<meta name="generator" content="restore compare">'
# In this order they are one script; each is a part of the page's behaviour.
_SCRIPTS = (
    "state.js",
    "words.js",
    "pixels.js",
    "zoom.js",
    "heat.js",
    "divider.js",
    "stage.js",
    "gestures.js",
    "table.js",
    "strip.js",
    "keys.js",
    "page.js",
)
# What a page takes without its copies: itself, each row's facts, each shown row's small picture; and what base64 adds.
_PAGE_BYTES, _ROW_BYTES, _SMALL_BYTES, _BASE64 = 80_000, 2_000, 12_000, 4 / 3


@dataclass(frozen=True)
class Page:
    """What a page shows.

    Attributes:
        title: in its head.
        subtitle: a line below.
        labels: of the versions, that before first.
        sources: the pictures.
        reference: whether the last version is what the others should be.
        more: columns that a job adds.
        states: whether the pictures' statuses are told although nothing went wrong.
        job: facts about the job, as terms and values.
        notes: what the reader should know, one sentence each.
    """

    title: str
    subtitle: str
    labels: Sequence[str]
    sources: Sequence[Source]
    reference: bool = False
    more: Sequence[Column] = ()
    states: bool = False
    job: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()


@dataclass
class Written:
    """What became of a page.

    Attributes:
        counts: of pictures by what can be seen of them, ``shown``, ``measured`` or ``incomplete``.
        problems: of each picture that has any, by its name.
        bytes: of the page and its pictures.
    """

    counts: Counter[str] = field(default_factory=Counter)
    problems: dict[str, tuple[str, ...]] = field(default_factory=dict)
    bytes: int = 0


def check_place(path: Path, beside: bool, folders: Sequence[Path]) -> None:
    """Refuse a place where a page cannot or should not be written, before anything is read.

    Args:
        path: of the page.
        beside: whether its pictures come into a folder beside it.
        folders: that are compared.

    Raises:
        PlanError: its ending is not a page's, it is a folder, something else is there that would be lost, or the
            folder of its pictures would be among those that are compared.
    """
    if path.suffix.lower() not in ENDINGS:
        raise PlanError(f"--out {path}: a page's name ends in .html")
    if path.is_dir():
        raise PlanError(f"--out {path} is a folder: name a file")
    if path.exists() and _GENERATOR not in _beginning(path):
        raise PlanError(f"--out {path} is there, and is no page that restore wrote: choose another name")
    if not beside:
        return
    pictures = pictures_folder(path)
    if pictures.exists() and not (pictures / MARK).is_file():
        raise PlanError(f"{pictures} is there, and restore did not write it: choose another --out")
    for folder in folders:
        if folder.is_dir() and pictures.resolve().is_relative_to(folder.resolve()):
            raise PlanError(f"--out {path}: its pictures would lie within {folder}, and be compared the next time")


def pictures_folder(path: Path) -> Path:
    """Where a page's pictures are that are beside it."""
    return path.with_name(f"{path.stem}-files")


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def write_page(path: Path, page: Page, options: PageOptions, screen: Console) -> Written:
    """Write a page, whole or not at all, over an earlier one.

    Memory holds a few pictures at a time, whatever their number.

    Args:
        path: of the page; its folder is made.
        page: what to show.
        options: how.
        screen: for the progress bar.

    Raises:
        OSError: the disk is full or cannot be written to.
        KeyboardInterrupt: Ctrl-C; nothing was written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written = Written()
    with opened(path) as file, _store(path, options) as store:
        rows: list[dict[str, Any]] = []
        sources = [looked_at(source) for source in with_bar(page.sources, "Looking at pictures", screen)]
        scale = common_scale(sources) if page.reference else None
        heads = columns(page.labels, scale, page.more)
        for row in _rows(sources, options, scale, screen):
            _count(row, written)
            rows.append(_kept(row, len(rows), heads, store, written))
        _assemble(file, page, options, _facts(page, options, heads, rows), store, _folder_name(path, options))
        written.bytes += file.tell()
        file.flush()
    return written


@contextmanager
def _store(path: Path, options: PageOptions) -> Iterator[Store]:
    if options.beside:
        pictures = pictures_folder(path)
        with made(pictures) as folder:
            yield Beside(folder, pictures.name)
    else:
        with closing(Embedded(path.parent)) as embedded:
            yield embedded


def _rows(looked: Sequence[Source], options: PageOptions, scale: int | None, screen: Console) -> Iterator[Row]:
    small = [_bounded(source, options.most_pixels) for source in looked]
    sources = _limited(_chosen(small, options.most), options)
    make = partial(make_row, options=options, scale=scale)
    done = ahead(sources, make, options.workers, partial(memory, scale=scale))
    return iter(with_bar(done, "Writing the page", screen, len(sources)))


def _bounded(source: Source, most: float) -> Source:
    if source.depth == "listed" or area(source) <= most:
        return source
    return replace(source, depth="listed", problems=(*source.problems, "too large to be shown on this page"))


def _chosen(sources: Sequence[Source], most: int) -> list[Source]:
    """With no more than ``most`` shown, evenly spread; what is too many is listed or measured as it says."""
    shown = [i for i, source in enumerate(sources) if source.depth == "shown"]
    if len(shown) <= most:
        return list(sources)
    kept = {shown[i * len(shown) // most] for i in range(most)}
    return [
        source if i in kept or source.depth != "shown" else replace(source, depth=source.otherwise)
        for i, source in enumerate(sources)
    ]


def _limited(sources: Sequence[Source], options: PageOptions) -> list[Source]:
    """Each shown one with its part, by its pixels, of what all copies may take."""
    if options.bytes_for_copies == float("inf"):
        return list(sources)
    areas = [area(source, options.max_side) if source.depth == "shown" else 0.0 for source in sources]
    shown, total = sum(a > 0 for a in areas), sum(areas) or 1.0
    overhead = _PAGE_BYTES + _ROW_BYTES * len(sources) + _SMALL_BYTES * shown
    room = max(0.0, options.bytes_for_copies - overhead) / _BASE64
    return [replace(source, limit=room * a / total) for source, a in zip(sources, areas, strict=True)]


def _count(row: Row, written: Written) -> None:
    complete = all(v is not None and v.size is not None for v in row.versions) and not row.problems
    written.counts["shown" if row.shown else row.source.depth if complete else "incomplete"] += 1
    if row.problems:
        written.problems[row.source.name] = row.problems


def _kept(row: Row, number: int, heads: Sequence[Column], store: Store, written: Written) -> dict[str, Any]:
    """A row as the page has it, its copies given to the store."""
    versions = [
        None if version is None else _version(version, row, number, place, store, written)
        for place, version in enumerate(row.versions)
    ]
    small = row.thumbnail if row.shown else None
    return {
        "name": printable(row.source.name),
        "status": _status(row),
        "problems": [printable(problem) for problem in row.problems],
        "cells": cells(row, heads),
        "versions": versions,
        "thumbnail": small and f"data:{small.kind};base64,{base64.b64encode(small.data).decode()}",
    }


def _status(row: Row) -> str:
    """One word on a picture: a job's own, or how far it could be compared."""
    if row.source.status or not row.problems:
        return row.source.status or "compared"
    if sum(version is not None and version.size is not None for version in row.versions) > 1:
        return "in part"
    return "missing" if None in row.source.files else "failed"


def _version(version: Version, row: Row, number: int, place: int, store: Store, written: Written) -> dict[str, Any]:
    def put(copy: Copy | None, role: str) -> str | None:
        if copy is None or not row.shown:
            return None
        written.bytes += len(copy.data) if isinstance(store, Beside) else 0
        return store.put(copy, number, row.source.name, role)

    copy = version.copy
    return {
        "size": version.size and version.size[::-1],
        "shown": copy and copy.size[::-1],
        "quality": copy and copy.quality,
        "pixels": put(copy, f"{place}"),
        "map": put(version.map, f"{place}-difference"),
    }


def _facts(page: Page, options: PageOptions, heads: Sequence[Column], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    notes = list(page.notes)
    shown = sum(row["thumbnail"] is not None for row in rows)
    if len([source for source in page.sources if source.depth == "shown"]) > options.most:
        notes.append(f"The pictures of {shown:,} rows, evenly spread, can be seen; the table has all {len(rows):,}.")
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


def _folder_name(path: Path, options: PageOptions) -> str:
    return f" and in the folder {printable(pictures_folder(path).name)}" if options.beside else ""


def _assemble(
    file: BinaryIO, page: Page, options: PageOptions, facts: dict[str, Any], store: Store, folder: str
) -> None:
    style, script = _part("page.css"), _script()
    sources = "'self' data:" if options.beside else "data: blob:"
    policy = (
        f"default-src 'none'; img-src {sources}; style-src {_digest(style)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    values = {
        "policy": policy,
        "title": html.escape(printable(page.title)),
        "subtitle": html.escape(printable(page.subtitle)),
        "made": f"Made by restore {__version__}",
        "beside": html.escape(folder),
        "style": style,
        "script": script,
        # In a script's text only "<" could end it, or hide its end.
        "facts": json.dumps(facts, allow_nan=False).replace("<", "\\u003c"),
    }
    before, _, after = _part("page.html").partition("{{blocks}}")
    file.write(_filled(before, values).encode())
    store.blocks(file)
    file.write(after.encode())


def _filled(template: str, values: dict[str, str]) -> str:
    """The template with its fields filled in one go: a value that looks like a field is none."""
    first, *rest = template.split("{{")
    parts = [first]
    for part in rest:
        name, _, text = part.partition("}}")
        parts += [values[name], text]
    return "".join(parts)


def _part(name: str) -> str:
    return (resources.files("restore.compare") / "web" / name).read_text("utf-8")


def _script() -> str:
    return '(() => {\n"use strict";\n\n' + "\n".join(map(_part, _SCRIPTS)) + "})();\n"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
