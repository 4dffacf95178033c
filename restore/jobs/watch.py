"""Watch a folder: enhance existing pictures, then new ones."""

from __future__ import annotations

import importlib
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from restore.errors import MissingExtraError
from restore.jobs.plan import Item, Plan
from restore.utils.text import printable

# Default time for which size and modification time must not change until a file counts as complete.
SETTLE_SECONDS = 2.0
# Polling interval for files that are still changing.
_LOOK_SECONDS = 0.5

# Size, modification time, inode: one of them changes when a file is written or replaced.
_State = tuple[int, int, int]


def check_watch() -> None:
    """Check, before the job starts, that watching is possible.

    Raises:
        MissingExtraError: watchfiles is not installed.
    """
    try:
        importlib.import_module("watchfiles")
    except ModuleNotFoundError as error:
        raise MissingExtraError("--watch", "watch", error.name) from error


def changes(
    folder: Path, check: Callable[[], None] = lambda: None, warn: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Yield once immediately, then after every change below a folder.

    A folder that is removed, renamed or unmounted is waited for, and watched again once there is one at its path.

    Args:
        folder: to watch recursively.
        check: called twice a second; what it raises ends the watching.
        warn: called with a sentence when the folder goes and when it is back.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM.
    """
    gone = False
    while True:
        check()
        identity = _identity(folder)
        if identity is not None:
            if gone:
                warn(f"{printable(folder)} is back: watching it again")
            gone = False
            with suppress(OSError):  # it went away just now
                yield from _changes_in(folder, identity, check)
        elif not gone:
            warn(f"{printable(folder)} is gone: waiting until it is back")
            gone = True
        time.sleep(_LOOK_SECONDS)


def _changes_in(folder: Path, identity: tuple[int, int], check: Callable[[], None]) -> Iterator[None]:
    """Changes as long as there is the same folder at this path."""
    import watchfiles

    waiting_for_first = True
    # Wakes up without changes too, so that watching is active before the folder is first scanned.
    changed_sets = watchfiles.watch(
        folder, watch_filter=None, rust_timeout=500, yield_on_timeout=True, ignore_permission_denied=True
    )
    for changed in changed_sets:
        check()
        # A new folder may have the number of the one that was removed, so only the event shows it.
        itself = any(kind == watchfiles.Change.deleted and Path(path) == folder.absolute() for kind, path in changed)
        if itself or _identity(folder) != identity:
            return
        if changed or waiting_for_first:
            waiting_for_first = False
            yield


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


@dataclass
class _Waiting:
    state: _State
    since: float


class Arrivals:
    """Tracks which pictures of a folder are new or changed, and complete."""

    def __init__(self, settle: float = SETTLE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with no file seen.

        Args:
            settle: seconds without change after which a file is complete.
            clock: returns seconds.
        """
        self._settle = settle
        self._clock = clock
        self._given: dict[Path, _State] = {}
        self._waiting: dict[Path, _Waiting] = {}

    def ready(self, items: list[Item]) -> list[Item]:
        """The pictures to enhance now."""
        now = self._clock()
        states = {item.source: state for item in items if (state := _state(item.source)) is not None}
        self._waiting = {path: waiting for path, waiting in self._waiting.items() if path in states}
        self._given = {path: state for path, state in self._given.items() if path in states}
        done = []
        for item in items:
            state = states.get(item.source)
            if state is None or self._given.get(item.source) == state:
                self._waiting.pop(item.source, None)
                continue
            waiting = self._waiting.get(item.source)
            if waiting is None or waiting.state != state:
                self._waiting[item.source] = _Waiting(state, now)
            elif now - waiting.since >= self._settle:
                del self._waiting[item.source]
                self._given[item.source] = state
                done.append(item)
        return done

    @property
    def pending(self) -> bool:
        """Whether some files are still being written, or were a moment ago."""
        return bool(self._waiting)


def watch(
    folder: Path,
    plan: Callable[[bool], Plan | None],
    run: Callable[[Plan], None],
    settle: float = SETTLE_SECONDS,
    check: Callable[[], None] = lambda: None,
    warn: Callable[[str], None] = lambda _: None,
) -> None:
    """Enhance until interrupted.

    Args:
        folder: to watch recursively.
        plan: plans the job over the folder's current pictures, or returns None to wait for a change; the argument
            is True for the first plan.
        run: enhances the new and complete pictures of a plan.
        settle: see :class:`Arrivals`.
        check: see :func:`changes`.
        warn: likewise.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM, the only way out.
    """
    arrivals = Arrivals(settle)
    first = True
    for _ in changes(folder, check, warn):
        while (whole := plan(first)) is not None:
            ready = arrivals.ready(whole.items)
            if first:
                run(replace(whole, items=ready))
            elif ready:
                run(replace(whole, items=ready, skipped=[], unreadable=[]))
            first = False
            if not arrivals.pending:
                break
            time.sleep(_LOOK_SECONDS)
            check()


def _state(path: Path) -> _State | None:
    try:
        status = path.stat()
    except OSError:  # removed meanwhile, or a broken link
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
