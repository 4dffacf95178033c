"""Run ``restore compare``: from its options to a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from restore.compare.options import PageOptions
from restore.compare.output_path import check_place, pictures_folder
from restore.compare.page import Page, Written, write_page
from restore.compare.pairing import Pairing, pair
from restore.compare.source import PageSource
from restore.jobs.naming import PlanError
from restore.jobs.stop import stoppable
from restore.utils.atomic_write import sweep
from restore.utils.text import printable

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Request:
    """The command-line options; ``restore compare --help`` explains them."""

    before: Path
    afters: tuple[Path, ...]
    out: Path
    reference: Path | None
    labels: tuple[str, ...]
    name: str | None
    beside: bool
    max_side: int
    quality: int
    megabytes: float
    most: int
    workers: int
    max_pixels: float

    @property
    def sources(self) -> list[Path]:
        """The compared folders or pictures, without the reference."""
        return [self.before, *self.afters]

    def options(self) -> PageOptions:
        """The settings of the page."""
        return PageOptions(
            max_side=self.max_side,
            quality=self.quality,
            megabytes=self.megabytes,
            most=self.most,
            beside=self.beside,
            workers=self.workers,
            pixel_limit=round(self.max_pixels * 1e6),
        )


def start(request: Request, screen: Console) -> int:
    """Write the comparison page.

    Args:
        request: the options.
        screen: console for messages.

    Returns:
        The exit code: 0 if everything was compared, 1 if some pictures have no counterpart or cannot be read.

    Raises:
        RestoreError: usage error; nothing was written.
        OSError: the page cannot be written.
    """
    references = [request.reference] if request.reference is not None else []
    check_place(request.out, "--out", request.beside, [*request.sources, *references])
    pairing = pair(request.sources, request.name, request.reference)
    labels = _labels(request)
    page = Page(
        " · ".join(labels),
        _subtitle(request, pairing),
        labels,
        [PageSource(match.name, match.files, problems=match.problems) for match in pairing.matches],
        reference=request.reference is not None,
        notes=[f"{printable(bad.folder)} cannot be read: {bad.reason}" for bad in pairing.unreadable],
    )
    for note in page.notes:
        screen.print(f"failed: {note}", style="red", markup=False)
    sweep(request.out.parent)
    if request.beside:
        sweep(pictures_folder(request.out).resolve().parent)
    with stoppable():
        written = write_page(request.out, page, request.options(), screen)
    _summarize(written, request.out, screen)
    return 1 if written.problems or pairing.unreadable else 0


def _subtitle(request: Request, pairing: Pairing) -> str:
    count = len(pairing.matches)
    names = [path.name or str(path.resolve().name) for path in request.sources]
    return f"{count} picture{'s' * (count != 1)} · {names[0]} → {', '.join(names[1:])}"


def _labels(request: Request) -> list[str]:
    """A label for each version: given, or derived from the folder names."""
    ends = ["reference"] if request.reference is not None else []
    if request.labels:
        _check_labels(request.labels, len(request.sources))
        labels = [*request.labels, *ends]
    else:
        labels = ["before", *_folder_labels(request.afters), *ends]
    twice = [label for label, count in Counter(labels).items() if count > 1]
    if twice:
        raise PlanError(f"two versions have the label '{twice[0]}': name them with --label, BEFORE first")
    return labels


def _check_labels(labels: Sequence[str], count: int) -> None:
    if len(labels) != count or not all(label.strip() for label in labels):
        raise PlanError(f"--label is given {len(labels)} times for {count} folders: give one for each, BEFORE first")


def _folder_labels(paths: Sequence[Path]) -> list[str]:
    """The folders' names, prefixed with their parents' where two are the same."""
    whole = [path.resolve() for path in paths]
    names = [path.name if path.is_dir() else path.stem for path in whole]
    alike = Counter([*names, "before", "reference"])
    return [
        printable(name if alike[name] == 1 else f"{path.parent.name}/{name}")
        for name, path in zip(names, whole, strict=True)
    ]


def _summarize(written: Written, out: Path, screen: Console) -> None:
    for name, problems in written.problems.items():
        screen.print(f"{printable(name)}: {'; '.join(map(printable, problems))}", style="yellow", markup=False)
    counts = written.counts
    parts = [f"{counts['shown'] + counts['measured']} compared"]
    parts += [f"{counts['measured']} of them only in the table"] * bool(counts["measured"])
    parts += [f"{counts['incomplete']} could not be"] * bool(counts["incomplete"])
    screen.print(f"{', '.join(parts)}; {printable(out)}, {written.bytes / 1e6:.1f} MB", markup=False)
