"""Run a tracker in a thread of its own, so that one that is slow, hangs or fails neither holds up nor ends the run."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from restore.runtime.session import first_line
from restore.training.trackers.base import Status, Tracker

# Records that may wait for a tracker, and seconds that the end of a run waits for it.
_WAITING, _PATIENCE = 1000, 120.0


class InBackground:
    """A tracker whose calls return at once. What it fails to record is skipped; the next record is tried again.

    Args:
        name: of the tracker, for messages.
        tracker: the tracker.
        say: prints a line for the user; called from the thread that calls the methods.
        patience: seconds to wait for the tracker at the end.
    """

    def __init__(self, name: str, tracker: Tracker, say: Callable[[str], None], patience: float = _PATIENCE) -> None:
        self.name, self._tracker, self._say, self._patience = name, tracker, say, patience
        self._waiting: queue.Queue[tuple[int, Callable[[], None]] | None] = queue.Queue(_WAITING)
        self._asked = self._failed = self._dropped = 0
        self._first_fault = self._told = ""
        self._status: Status = "finished"
        self._thread = threading.Thread(target=self._work, name=f"tracker {name}", daemon=True)
        self._thread.start()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """See :class:`Tracker`."""
        self._later(step, lambda: self._tracker.scalars(step, values))

    def picture(self, step: int, name: str, picture: NDArray[np.uint8]) -> None:
        """See :class:`Tracker`."""
        self._later(step, lambda: self._tracker.picture(step, name, picture))

    def close(self, status: Status) -> None:
        """End the record, and wait for it, but not forever."""
        self._status = status
        deadline = time.monotonic() + self._patience
        ending = False
        while self._thread.is_alive() and time.monotonic() < deadline:
            if not ending:
                try:
                    self._waiting.put_nowait(None)
                    ending = True
                except queue.Full:
                    pass
            self._thread.join(0.1)
        self._tell()
        if self._thread.is_alive():
            self._say(f"{self.name}: not everything was recorded within {self._patience:.0f} s; log.jsonl has it all")
        elif missing := self._failed + self._dropped:
            self._say(f"{self.name}: {missing} of {self._asked} records are missing there; log.jsonl has them all")

    def _later(self, step: int, call: Callable[[], None]) -> None:
        self._asked += 1
        try:
            self._waiting.put_nowait((step, call))
        except queue.Full:
            self._dropped += 1
            self._first_fault = self._first_fault or f"it does not keep up: {_WAITING} records are waiting"
        self._tell()

    def _work(self) -> None:
        while (one := self._waiting.get()) is not None:
            step, call = one
            if not self._tried(call, f"at step {step}"):
                self._failed += 1
        self._tried(lambda: self._tracker.close(self._status), "at its end")

    def _tried(self, call: Callable[[], None], when: str) -> bool:
        try:
            call()
        except BaseException as error:  # third-party code, some of which raises SystemExit
            self._first_fault = self._first_fault or f"it failed {when}: {first_line(error)}"
            return False
        return True

    def _tell(self) -> None:
        """Tell the first fault, once."""
        if self._first_fault and not self._told:
            self._told = self._first_fault
            self._say(f"{self.name}: {self._told}. The run goes on")
