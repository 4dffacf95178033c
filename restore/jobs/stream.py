"""The network as a job sees it: a stream of pictures in, a stream of results out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from restore.errors import RestoreError

# Order is kept, and every picture has one result: its pixels, or the exception that is its failure. It may pull a few
# pictures before it gives the first result.
Stream = Callable[[Iterable[NDArray[np.uint8]]], Iterator["NDArray[np.uint8] | Exception"]]


def one_by_one(enhance: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Stream:
    """A stream out of a function of one picture."""

    def stream(pictures: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8] | Exception]:
        for picture in pictures:
            try:
                result: NDArray[np.uint8] | Exception = enhance(picture)
            except (RestoreError, MemoryError) as error:
                result = error
            yield result

    return stream
