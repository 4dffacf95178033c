"""Run a model on a stream of pictures: tiles of several share a batch, and results come in order."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from restore.errors import ModelError
from restore.runtime.conditioning import Aside, PictureAside, together
from restore.runtime.cutting import Cutting, cutting, parts
from restore.runtime.memory import SMALLEST_TILE, is_out_of_memory
from restore.runtime.padding import mirrored, padded_size
from restore.runtime.pixels import FloatNetwork, Network, PixelNetwork, Pixels, check_pixels
from restore.runtime.tiling import Tile
from restore.spec import ModelSpec

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamOptions:
    """How pictures are tiled and batched; None chooses by device.

    Attributes:
        tile: largest side of a tile in input pixels, without its halo; None chooses by available memory.
        batch: maximum number of tiles at once; None means 1 on a CPU, more elsewhere.
        fixed: whether all tiles have one shape instead of balanced sizes; None means yes, except on a CPU.
        in_hand: maximum number of pictures taken but not yet returned.
        strength: strength of the effect, 0..1, for networks with that input.
    """

    tile: int | None = None
    batch: int | None = None
    fixed: bool | None = None
    in_hand: int = 8
    strength: float = 1.0


def enhance_stream(
    pictures: Iterable[Pixels],
    model: PixelNetwork,
    options: StreamOptions | None = None,
    warn: Callable[[str], None] = _log.warning,
) -> Iterator[Pixels | Exception]:
    """Run a model on pictures of any size.

    A picture is taken when the previous one is done or waits for its batch to fill; at most ``options.in_hand`` are in
    progress. A picture with enough tiles to fill a batch is processed alone, so that memory holds no other. If the
    device runs out of memory, the batch is reduced first, then the tile size, starting the picture over each time; the
    new limits also apply to later pictures.

    Args:
        pictures: uint8 or uint16 RGB (H, W, 3), pulled as needed.
        model: an opened model.
        options: tiling and batching.
        warn: called when memory ran out and processing continued with less.

    Yields:
        For each picture, in order: the result, of the same type, (scale * H, scale * W, 3), or the exception with which
        it failed: a ModelError (the network failed, NaN or infinite values, no memory even for the smallest tile) or a
        MemoryError (no memory for the result). It is returned, not raised, so that the next picture follows.

    Raises:
        ValueError: an item of ``pictures`` is not such a picture.
    """
    return picture_stream(model, options, warn)(pictures)


def picture_stream(
    model: PixelNetwork, options: StreamOptions | None = None, warn: Callable[[str], None] = _log.warning
) -> Callable[[Iterable[Pixels]], Iterator[Pixels | Exception]]:
    """Like :func:`enhance_stream`, for several series of pictures that share the learned memory limits."""
    return _Stream(model, options or StreamOptions(), warn).run


class _Work:
    """A picture in progress: its input, its partial result, and the number of missing tiles."""

    def __init__(self, pixels: Pixels, spec: ModelSpec, strength: float) -> None:
        self._size = pixels.shape[:2]
        self._scale, self.border = spec.scale, spec.border
        self.padded = padded_size(self._size, spec)
        self.dtype = pixels.dtype
        self.input: Pixels | None = pixels
        self.result: Pixels | Exception | None = None
        self.missing = 1
        self.turn = 0
        try:
            self.aside = PictureAside(pixels, spec, strength)
        except MemoryError as error:
            self.fail(error)

    @property
    def settled(self) -> bool:
        """Whether the result is complete or the picture has failed."""
        return self.missing == 0

    def cut(self, how: Cutting, spec: ModelSpec) -> list[_Piece]:
        """Cut into tiles and start over: tiles cut earlier become void."""
        if self.input is None:
            return []
        self.turn += 1
        pieces = [_Piece(self, part, self.turn) for part in parts(self._size, spec, how)]
        self.missing = len(pieces)
        return pieces

    def make_room(self) -> None:
        """Allocate the result."""
        if self.input is None or self.result is not None:
            return
        height, width = self._size
        try:
            self.result = np.empty((height * self._scale, width * self._scale, 3), self.input.dtype)
        except MemoryError as error:
            self.fail(error)

    def seen(self, part: Tile) -> Pixels:
        """The network's input for a tile (h, w, 3), a view unless the tile reaches beyond the picture."""
        assert self.input is not None
        height, width = self._size
        rows, columns = mirrored(part.rows, self.border, height), mirrored(part.columns, self.border, width)
        if isinstance(columns, slice):  # a view: what is copied then is no wider than the tile
            return self.input[:, columns][rows]
        strip = self.input[rows]
        return strip[:, columns]

    def keep(self, part: Tile, pixels: Pixels) -> None:
        """Copy the kept part of a tile's result, without the padding."""
        scale, border, out = self._scale, self.border, self.result
        assert isinstance(out, np.ndarray)
        height, width = self._size
        top, left = max(part.rows.first, border), max(part.columns.first, border)
        bottom, right = min(part.rows.last, border + height), min(part.columns.last, border + width)
        if top < bottom and left < right:
            into = _scaled(top - border, bottom - border, scale), _scaled(left - border, right - border, scale)
            y, x = part.rows.start, part.columns.start
            out[into] = pixels[_scaled(top - y, bottom - y, scale), _scaled(left - x, right - x, scale)]
        self.missing -= 1
        if self.settled:
            self.input = None

    def fail(self, error: Exception) -> None:
        """Finish with an error."""
        self.result, self.input, self.missing = error, None, 0


@dataclass(frozen=True)
class _Piece:
    """A tile of a picture. ``turn`` counts how often the picture had been cut when the tile was made."""

    work: _Work
    part: Tile
    turn: int

    @property
    def void(self) -> bool:
        """Whether its picture has failed or has been cut again."""
        return self.work.settled or self.turn != self.work.turn

    def seen(self) -> Pixels:
        """The network's input for this tile (h, w, 3)."""
        return self.work.seen(self.part)

    def aside(self) -> Aside:
        """The network's other inputs for this tile."""
        return self.work.aside.of(self.part, self.work.border)


class _Stream:
    """Pictures in progress, their waiting tiles by shape, and the learned memory limits."""

    def __init__(self, model: PixelNetwork, options: StreamOptions, warn: Callable[[str], None]) -> None:
        how = cutting(model, options.tile, options.batch, options.fixed)
        self._model = model
        self._warn = warn
        self._exactly = model.spec.shape[0] if model.spec.shape else None
        self._batch, self._how = how.batch, how
        self._in_hand = options.in_hand
        self._strength = options.strength
        self._hand: deque[_Work] = deque()
        self._waiting: dict[tuple[object, ...], deque[_Piece]] = {}
        # One more than run at once waits, so that none of them does.
        self._ahead = model.parallel if model.parallel > 1 else 0
        self._begun: deque[tuple[list[_Piece], Callable[[], Pixels]]] = deque()
        self._warn_pending = False

    def run(self, pictures: Iterable[Pixels]) -> Iterator[Pixels | Exception]:
        for pixels in pictures:
            check_pixels(pixels)
            work = _Work(pixels, self._model.spec, self._strength)
            del pixels  # so that it can be released before the next one is taken
            alone = len(self._cut(work)) >= self._batch
            if alone:
                self._advance(least=1)
                yield from self._settled()
            work.make_room()
            self._hand.append(work)
            self._wait(self._cut(work))
            del work
            self._advance(least=1 if alone or len(self._hand) >= self._in_hand else self._batch)
            yield from self._settled()
        self._end()
        yield from self._settled()

    def _settled(self) -> Iterator[Pixels | Exception]:
        while self._hand and self._hand[0].settled:
            result = self._hand.popleft().result
            assert result is not None
            yield result
            del result

    def _cut(self, work: _Work) -> list[_Piece]:
        return work.cut(self._how, self._model.spec)

    def _wait(self, pieces: list[_Piece]) -> None:
        for piece in pieces:
            if not piece.void:
                self._waiting.setdefault((piece.part.shape, piece.work.dtype), deque()).append(piece)

    def _advance(self, least: int) -> None:
        """Run waiting tiles while any shape has ``least`` of them (or a full batch, if that is now smaller).

        Where tiles run side by side, the last ones still run afterwards, beside the first ones of the next picture.
        """
        while pieces := self._next(least):
            self._attempt(pieces)
            while len(self._begun) > self._ahead:
                self._finish()

    def _end(self) -> None:
        """Run all waiting tiles, and wait for the last ones."""
        self._advance(least=1)
        while self._begun:
            self._finish()
            self._advance(least=1)  # after a failure, tiles wait again

    def _next(self, least: int) -> list[_Piece]:
        """Tiles of one shape to run next; empty if too few wait."""
        key = next((k for k, queue in self._waiting.items() if len(queue) >= min(least, self._batch)), None)
        if key is None:
            return []
        queue = self._waiting[key]
        pieces = [queue.popleft() for _ in range(min(self._batch, len(queue)))]
        if not queue:
            del self._waiting[key]
        return pieces

    def _attempt(self, pieces: list[_Piece]) -> None:
        """Begin to run tiles of one shape as a batch, and handle failures."""
        pieces = [piece for piece in pieces if not piece.void]
        if not pieces:
            return
        try:
            # For a fixed batch size, repeat the last tile until the batch is full.
            run = [*pieces, *[pieces[-1]] * ((self._exactly or 0) - len(pieces))]
            seen = [piece.seen() for piece in run]
            aside = together([piece.aside() for piece in run])
            finish = self._model.begin(np.stack(seen) if len(seen) > 1 else seen[0][None], aside)
        except Exception as error:
            self._failed(pieces, error)
        else:
            self._begun.append((pieces, finish))

    def _finish(self) -> None:
        """Take the result of the tiles that began first, and handle failures."""
        pieces, finish = self._begun.popleft()
        try:
            results = finish()
        except Exception as error:
            self._failed(pieces, error)
            return
        for piece, result in zip(pieces, results[: len(pieces)], strict=True):
            if not piece.void:
                piece.work.keep(piece.part, result)
        if self._warn_pending:
            self._warn_pending = False
            self._warn(
                f"not enough memory on {self._model.device}: continuing with tiles of {self._how.tile} pixels, "
                f"{self._batch} at a time"
            )

    def _failed(self, pieces: list[_Piece], error: Exception) -> None:
        """Handle the failure of a batch."""
        if not isinstance(error, ModelError) and not is_out_of_memory(error):
            raise error
        pieces = [piece for piece in pieces if not piece.void]
        if not pieces:  # a tile that ran beside it failed first
            return
        if is_out_of_memory(error):
            self._with_less(pieces, error)
        elif len(pieces) == 1:
            pieces[0].work.fail(error)
        else:  # one tile is at fault; run them one by one to save the others
            for piece in pieces:
                self._attempt([piece])

    def _with_less(self, pieces: list[_Piece], error: Exception) -> None:
        """Out of memory: try a smaller batch, then smaller tiles for all pictures in progress, then give up."""
        if len(pieces) > 1 and not self._exactly:
            self._batch = len(pieces) // 2
            self._warn_pending = True
            self._wait(pieces)
            return
        work = pieces[0].work
        if self._exactly:
            for piece in pieces:
                piece.work.fail(self._no_memory(f"its one shape, {self._model.spec.shape}", error))
            return
        # Not the size of the kept part: a fixed window at the border may keep only a sliver.
        size = min(self._how.tile, max(work.padded))
        smaller = max(SMALLEST_TILE, size // 2)
        if smaller >= size:
            work.fail(self._no_memory(f"one tile of {size} pixels", error))
            return
        self._how = replace(self._how, tile=smaller)
        self._warn_pending = True
        for other in self._hand:
            if not other.settled:
                self._wait(self._cut(other))  # this voids their waiting tiles

    def _no_memory(self, what: str, error: Exception) -> ModelError:
        failure = ModelError(
            f"{self._model.spec.name}: not enough memory on {self._model.device}, even for {what}: close other "
            "programs, or choose another --device or a smaller model"
        )
        failure.__cause__ = error
        return failure


def _scaled(first: int, last: int, scale: int) -> slice:
    return slice(first * scale, last * scale)


__all__ = ["Network", "enhance_pixels"]


def enhance_pixels(
    pixels: Pixels,
    network: Network | PixelNetwork,
    spec: ModelSpec,
    tile: int | None = None,
    strength: float = 1.0,
) -> Pixels:
    """Run a model on a picture of any size.

    Args:
        pixels: uint8 or uint16 RGB (H, W, 3).
        network: an opened model, or a function from float32 (N, 3, h, w) in the spec's range to (N, 3, scale * h,
            scale * w), which receives the spec's other inputs as keyword arguments.
        spec: of the network.
        tile: largest side of a tile in input pixels, without its halo; None chooses by available memory.
        strength: strength of the effect, 0..1, for networks with that input.

    Returns:
        The same type as ``pixels``, (scale * H, scale * W, 3).

    Raises:
        ModelError: the network failed, has another scale than its spec, returned NaN or infinite values, or ran out of
            memory.
        MemoryError: not enough memory for the result.
        ValueError: ``pixels`` is not such a picture.
    """
    model = network if isinstance(network, PixelNetwork) else FloatNetwork(network, spec)
    (result,) = enhance_stream([pixels], model, StreamOptions(tile=tile, strength=strength))
    if isinstance(result, Exception):
        raise result
    return result
