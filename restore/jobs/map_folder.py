"""Apply a function to each picture of a folder, without a journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from restore.errors import ImageError, RestoreError
from restore.jobs.naming import PlanError
from restore.jobs.plan import Item, Plan
from restore.utils.atomic_write import write_bytes
from restore.utils.progress import progress_bar
from restore.utils.text import printable

if TYPE_CHECKING:
    from rich.console import Console


def process_all(
    plans: Sequence[Plan],
    convert: Callable[[Sequence[Item]], str],
    verb: tuple[str, str],
    target: Path,
    screen: Console,
) -> int:
    """Convert all pictures; print failures and the number converted.

    Args:
        plans: over the same pictures in the same order; each picture is read, and reported if bad, once.
        convert: reads a picture and writes one result per plan; returns a note for the user, or an empty string.
        verb: for the progress bar and the last line, for example ``Degrading`` and ``degraded``.
        target: folder of the results.
        screen: human-readable output.

    Returns:
        The exit code: 0 all done, 1 some pictures failed.

    Raises:
        PlanError: a result already exists; nothing was written.
        OSError: a result cannot be written.
    """
    there = [item for plan in plans for item in plan.skipped]
    if there:
        raise PlanError(f"{there[0].target} already exists and is not overwritten: choose another output")
    unreadable = plans[0].unreadable
    for folder in unreadable:
        screen.print(f"failed: {printable(folder.folder)}: the folder cannot be read: {folder.reason}", markup=False)
    jobs = list(zip(*(plan.items for plan in plans), strict=True))
    failed = len(unreadable)
    for versions in progress_bar(jobs, verb[0], screen):
        try:
            note = convert(versions)
            if note:
                screen.print(f"note: {printable(versions[0].source)}: {note}", markup=False)
        except (RestoreError, MemoryError) as error:
            source = versions[0].source
            reason = "not enough memory for this picture" if isinstance(error, MemoryError) else str(error)
            screen.print(f"failed: {printable(source)}: {reason.removeprefix(f'{source}: ')}", markup=False)
            failed += 1
    done = len(jobs) - (failed - len(unreadable))
    ending = f", {failed} failed" if failed else ""
    screen.print(f"{done} {verb[1]}{ending}; results in {printable(target)}", markup=False)
    return 1 if failed else 0


def write_new(target: Path, data: bytes) -> None:
    """Write a result; create its folders.

    Raises:
        ImageError: the file already exists.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_bytes(target, data, overwrite=False)
    except FileExistsError:
        raise ImageError(f"{target} was created by another process meanwhile; it was not overwritten") from None
