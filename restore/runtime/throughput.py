"""How long a network takes for a tile in a job, where several may run side by side."""

from __future__ import annotations

import time

from restore.runtime.conditioning import NOTHING, Aside
from restore.runtime.pixels import PixelNetwork, Pixels


def seconds_each(model: PixelNetwork, batch: Pixels, aside: Aside = NOTHING) -> float:
    """Seconds for a batch, while as many run at once as in a job.

    Args:
        model: an opened model.
        batch: see :meth:`restore.runtime.pixels.PixelNetwork.enlarge`, as for the next.
        aside: the network's other inputs.

    Raises:
        ModelError: the network failed.
    """
    began = time.perf_counter()
    for finish in [model.begin(batch, aside) for _ in range(model.parallel)]:
        finish()
    return (time.perf_counter() - began) / model.parallel
