"""The network as a job sees it: a stream of pictures in, a stream of results out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from restore.imaging.picture import Samples

# Order is kept, and every picture has one result: its pixels, or the exception that is its failure. It may pull a few
# pictures before it gives the first result.
Stream = Callable[[Iterable[Samples]], Iterator["Samples | Exception"]]
