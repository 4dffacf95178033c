"""Networks for jobs that need none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from restore.errors import RestoreError
from restore.jobs.chain import Stream


def one_by_one(enhance: Callable[[np.ndarray], np.ndarray]) -> Stream:
    """A stream out of a function of one picture."""

    def stream(pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray | Exception]:
        for one in pictures:
            try:
                result = enhance(one)
            except (RestoreError, MemoryError) as error:
                result = error
            yield result

    return stream
