"""Watch a folder: enhance existing pictures, then new ones."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from restore.errors import MissingExtraError
from restore.jobs.plan import Item, Plan

# A file counts as complete once its size and modification time have not changed for this long.
STILL_SECONDS = 1.0
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


def changes(folder: Path) -> Iterator[None]:
    """Yield once immediately, then after every change below a folder.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM.
    """
    import watchfiles

    waiting_for_first = True
    # Wakes up without changes too, so that watching is active before the folder is first scanned.
    changed_sets = watchfiles.watch(
        folder, watch_filter=None, rust_timeout=500, yield_on_timeout=True, ignore_permission_denied=True
    )
    for changed in changed_sets:
        if changed or waiting_for_first:
            waiting_for_first = False
            yield


@dataclass
class _Waiting:
    state: _State
    since: float


class Arrivals:
    """Tracks which pictures of a folder are new or changed, and complete."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
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
            elif now - waiting.since >= STILL_SECONDS:
                del self._waiting[item.source]
                self._given[item.source] = state
                done.append(item)
        return done

    @property
    def pending(self) -> bool:
        """Whether some files are still being written, or were a moment ago."""
        return bool(self._waiting)


def watch(folder: Path, plan: Callable[[bool], Plan | None], run: Callable[[Plan], None]) -> None:
    """Enhance until interrupted.

    Args:
        folder: to watch recursively.
        plan: plans the job over the folder's current pictures, or returns None to wait for a change; the argument
            is True for the first plan.
        run: enhances the new and complete pictures of a plan.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM, the only way out.
    """
    arrivals = Arrivals()
    first = True
    for _ in changes(folder):
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


def _state(path: Path) -> _State | None:
    try:
        status = path.stat()
    except OSError:  # removed meanwhile, or a broken link
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
