"""Progress of slow work on a network: a line now and then, so that nobody takes it for stuck."""

from __future__ import annotations

import time
from collections.abc import Callable

from restore.verify.sizes import Floats, Run

Report = Callable[[str], None]
# Seconds between two lines.
_EVERY = 10.0


def narrated(run: Run, report: Report, what: str) -> Run:
    """The function of a network that reports every ten seconds how often it has been run.

    Args:
        run: the network.
        report: called with each line.
        what: what it is run for, such as ``measuring how far it looks``.
    """
    began = last = time.monotonic()
    count = 0

    def counted(batch: Floats) -> Floats:
        nonlocal last, count
        result = run(batch)
        count += 1
        now = time.monotonic()
        if now - last >= _EVERY:
            last = now
            size = " x ".join(map(str, batch.shape))
            report(f"{what}: {count} runs in {now - began:.0f} s, the last on {size}")
        return result

    return counted
