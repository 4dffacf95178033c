"""The network of a job: one model, or several of which each takes the result of the one before.

Between two models a picture is what a file of it would hold: rounded to its bit depth, gray if it was gray, with
transparency passed on. So a chain gives what its steps give one after another, and each keeps its own tiles.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from restore.imaging.picture import Picture, Samples
from restore.jobs.codec import filled, from_arrays, to_arrays
from restore.jobs.journal import model_digest

if TYPE_CHECKING:
    from restore.runtime.classification import Told
    from restore.runtime.model import Model
    from restore.runtime.pixels import PixelNetwork
    from restore.runtime.stream import StreamOptions

# Keeps the order and yields one result per input: pixels, or the exception that made it fail. May pull several inputs
# before the first result.
Stream = Callable[[Iterable[Samples]], Iterator["Samples | Exception"]]


@dataclass(frozen=True)
class Before:
    """All models of a chain but the last.

    Attributes:
        steps: the stream and the scale of each.
    """

    steps: tuple[tuple[Stream, int], ...]

    @property
    def scale(self) -> int:
        """Output side over input side."""
        return math.prod(scale for _, scale in self.steps)

    def run(self, picture: Picture) -> Picture:
        """Take a picture through them.

        Raises:
            ModelError: a network failed.
            MemoryError: there is not enough memory.
        """
        for stream, scale in self.steps:
            results: list[Samples] = []
            for result in stream(to_arrays(picture, scale)):
                if isinstance(result, Exception):
                    raise result
                results.append(result)
            picture = filled(from_arrays(picture, results, scale))
        return picture


@dataclass(frozen=True)
class Streams:
    """How pictures pass through a chain: through the models before the last, if there are any, and the last."""

    before: Before | None
    last: Stream


@dataclass(frozen=True)
class Chain:
    """Opened models, in the order in which pictures pass through them."""

    models: tuple[Model, ...]

    @property
    def name(self) -> str:
        """The names of the models, joined by ``+``."""
        return "+".join(model.spec.name for model in self.models)

    @property
    def scale(self) -> int:
        """Output side over input side."""
        return math.prod(model.spec.scale for model in self.models)

    @property
    def last_scale(self) -> int:
        """That of the last model."""
        return self.models[-1].spec.scale

    @property
    def exact_tiles(self) -> bool:
        """Whether the results do not depend on the size of tiles."""
        return all(model.spec.exact_tiles for model in self.models)

    @property
    def strength(self) -> bool:
        """Whether one of the models has adjustable strength."""
        return any(model.spec.strength for model in self.models)

    @property
    def device(self) -> str:
        """Where the models run; several, joined by ``+``, if they differ."""
        return _joined(model.device for model in self.models)

    @property
    def precision(self) -> str:
        """The precision that the models compute in; several, joined by ``+``, if they differ."""
        return _joined(model.precision for model in self.models)

    @property
    def stored_precision(self) -> str:
        """The precision of the models' files, as :attr:`precision`."""
        return _joined(model.spec.precision for model in self.models)

    @property
    def plugins(self) -> list[str]:
        """The kinds of devices that plug-ins provide."""
        return sorted({model.device.partition(":")[0] for model in self.models if model.plugin})

    @property
    def notes(self) -> list[str]:
        """Why devices are not the expected ones, sentences for the user."""
        return [
            f"Running on {'the CPU' if model.device == 'cpu' else model.device}: {model.note}"
            for model in self.models
            if model.note
        ]

    @cached_property
    def digest(self) -> str:
        """Identifies the files of the models; of one model, its :func:`restore.jobs.journal.model_digest`."""
        digests = [model_digest(model.file) for model in self.models]
        return digests[0] if len(digests) == 1 else hashlib.sha256("+".join(digests).encode()).hexdigest()

    def history(self) -> str:
        """The models for the history of a picture."""
        return ", then ".join(
            f"model {model.spec.name} ({model.precision}), SHA-256 {model_digest(model.file)}" for model in self.models
        )

    def tell(self, pixels: Samples, strength: float = 1.0) -> Told:
        """What the first model tells about a picture; see :meth:`restore.runtime.model.Model.tell`."""
        return self.models[0].tell(pixels, strength)

    def streams(
        self, options: StreamOptions, warn: Callable[[str], None], networks: Sequence[PixelNetwork] | None = None
    ) -> Streams:
        """Open the way through the chain.

        Args:
            options: of all models.
            warn: see :func:`restore.runtime.stream.enhance_stream`.
            networks: stand-ins for the models; None for the models themselves.
        """
        from restore.runtime.stream import picture_stream

        *first, last = [picture_stream(network, options, warn) for network in networks or self.models]
        steps = tuple((stream, model.spec.scale) for stream, model in zip(first, self.models[:-1], strict=True))
        return Streams(Before(steps) if steps else None, last)


def _joined(parts: Iterable[str]) -> str:
    found = list(parts)
    return found[0] if len(set(found)) == 1 else "+".join(found)
