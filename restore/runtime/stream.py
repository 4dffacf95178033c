"""Many pictures through a model: tiles of several in one batch, one result for each picture, in order."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from restore.errors import ModelError
from restore.runtime.conditioning import Aside, PictureAside, together
from restore.runtime.memory import SMALLEST_TILE, auto_tile, is_out_of_memory
from restore.runtime.pixels import FloatNetwork, Network, PixelNetwork, Pixels, check_pixels
from restore.runtime.tiling import Tile, shaped, tiles
from restore.spec import ModelSpec

_log = logging.getLogger(__name__)

# Small networks leave a large GPU idle unless it gets several tiles at once; a CPU gains nothing by it.
_GPU_BATCH = 4


@dataclass(frozen=True)
class StreamOptions:
    """How pictures are cut and batched; None leaves it to the device.

    Attributes:
        tile: largest side of a tile in input pixels, before its halo; None chooses by the memory there is.
        batch: most tiles at once; None is 1 on a CPU, more elsewhere.
        fixed: cut windows of one shape rather than balanced ones; None does so off the CPU.
        in_hand: most pictures that are taken and not yet given back.
        strength: how far pictures are changed, 0..1, by a network that lets one choose.
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
    tell: Callable[[str], None] = _log.warning,
) -> Iterator[Pixels | Exception]:
    """Run a model over pictures of any size.

    A picture is taken when the one before it is done or waits for company in a batch; at most ``options.in_hand`` are
    in hand. One with enough tiles to fill a batch has no use for company: it is done alone, with nothing beside it in
    memory. When the device runs out of memory, fewer tiles are run at once, then smaller ones, each time again from
    the input; what was learned holds for the pictures that follow.

    Args:
        pictures: uint8 or uint16 RGB (H, W, 3), pulled as they are needed.
        model: an opened model.
        options: how to cut and batch.
        tell: called once when memory ran out and it went on with less.

    Yields:
        For each picture, in order: the same type, (scale * H, scale * W, 3), or the exception that it failed with: a
        ModelError (the network failed, values that are not numbers, no memory even for the smallest tile) or a
        MemoryError (no room for the result). It is returned, not raised: the next picture follows.

    Raises:
        ValueError: something in ``pictures`` is not such a picture.
    """
    return picture_stream(model, options, tell)(pictures)


def picture_stream(
    model: PixelNetwork, options: StreamOptions | None = None, tell: Callable[[str], None] = _log.warning
) -> Callable[[Iterable[Pixels]], Iterator[Pixels | Exception]]:
    """:func:`enhance_stream` for several series of pictures: what one learned of the memory holds for the next."""
    return _Stream(model, options or StreamOptions(), tell).run


class _Work:
    """A picture in hand: its input, what is done of its result, and how many tiles are missing."""

    def __init__(self, pixels: Pixels, spec: ModelSpec, strength: float) -> None:
        self._size = pixels.shape[:2]
        self._scale = spec.scale
        self.input: Pixels | None = pixels
        self.result: Pixels | Exception | None = None
        self.missing = 1
        self.turn = 0
        try:
            self.aside = PictureAside(pixels, spec, strength)
            self.input = _pad(pixels, spec)
        except MemoryError as error:
            self.fail(error)

    @property
    def settled(self) -> bool:
        """Whether the result is whole, or there will be none."""
        return self.missing == 0

    def cut(self, tile: int, fixed: bool, spec: ModelSpec) -> list[_Piece]:
        """All tiles, to be done from the beginning: those cut before are void."""
        if self.input is None:
            return []
        self.turn += 1
        height, width = self.input.shape[:2]
        if spec.shape is None:
            parts = tiles(height, width, tile, spec.halo, spec.multiple, spec.minimum, fixed)
        else:
            parts = shaped(height, width, spec.shape[1:], spec.halo, spec.multiple)
        pieces = [_Piece(self, part, self.turn) for part in parts]
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

    def keep(self, part: Tile, pixels: Pixels) -> None:
        """Take the kept part of a tile's result; what lies on the padding falls away."""
        scale, out = self._scale, self.result
        assert isinstance(out, np.ndarray)
        top, left = part.rows.first * scale, part.columns.first * scale
        bottom, right = min(part.rows.last * scale, out.shape[0]), min(part.columns.last * scale, out.shape[1])
        if top < bottom and left < right:
            y, x = top - part.rows.start * scale, left - part.columns.start * scale
            out[top:bottom, left:right] = pixels[y : y + bottom - top, x : x + right - left]
        self.missing -= 1
        if self.settled:
            self.input = None

    def fail(self, error: Exception) -> None:
        """Settle with an error."""
        self.result, self.input, self.missing = error, None, 0


@dataclass(frozen=True)
class _Piece:
    """A tile of a picture, and the count of the picture's cuttings that it comes from."""

    work: _Work
    part: Tile
    turn: int

    @property
    def void(self) -> bool:
        """Whether its picture has failed, or was cut anew."""
        return self.work.settled or self.turn != self.work.turn

    def seen(self) -> Pixels:
        """What the network sees of it: a view (h, w, 3)."""
        assert self.work.input is not None
        rows, columns = self.part.rows, self.part.columns
        return self.work.input[rows.start : rows.stop, columns.start : columns.stop]

    def aside(self) -> Aside:
        """What the network takes beside that."""
        return self.work.aside.of(self.part)


class _Stream:
    """Pictures in hand, their tiles waiting by shape, and what was learned of the memory."""

    def __init__(self, model: PixelNetwork, options: StreamOptions, tell: Callable[[str], None]) -> None:
        on_cpu = model.device == "cpu"
        self._model = model
        self._tell = tell
        self._exactly = model.spec.shape[0] if model.spec.shape else None
        self._batch = self._exactly or options.batch or (1 if on_cpu else _GPU_BATCH)
        self._tile = options.tile or auto_tile(model.spec, model.free_memory(), self._batch)
        self._fixed = not on_cpu if options.fixed is None else options.fixed
        self._in_hand = options.in_hand
        self._strength = options.strength
        self._hand: deque[_Work] = deque()
        self._waiting: dict[tuple[object, ...], deque[_Piece]] = {}
        self._untold = False

    def run(self, pictures: Iterable[Pixels]) -> Iterator[Pixels | Exception]:
        for pixels in pictures:
            check_pixels(pixels)
            work = _Work(pixels, self._model.spec, self._strength)
            del pixels  # so that it can be released before the next is there
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
        self._advance(least=1)
        yield from self._settled()

    def _settled(self) -> Iterator[Pixels | Exception]:
        while self._hand and self._hand[0].settled:
            result = self._hand.popleft().result
            assert result is not None
            yield result
            del result

    def _cut(self, work: _Work) -> list[_Piece]:
        return work.cut(self._tile, self._fixed, self._model.spec)

    def _wait(self, pieces: list[_Piece]) -> None:
        for piece in pieces:
            if not piece.void:
                seen = piece.seen()
                self._waiting.setdefault((*seen.shape, seen.dtype), deque()).append(piece)

    def _advance(self, least: int) -> None:
        """Run what waits, as long as there are ``least`` tiles of a shape (or as many as are run at once by now)."""
        while key := next((k for k, queue in self._waiting.items() if len(queue) >= min(least, self._batch)), None):
            queue = self._waiting[key]
            pieces = [queue.popleft() for _ in range(min(self._batch, len(queue)))]
            if not queue:
                del self._waiting[key]
            self._attempt(pieces)

    def _attempt(self, pieces: list[_Piece]) -> None:
        """Run some tiles of one shape as a batch, and deal with what comes of it."""
        pieces = [piece for piece in pieces if not piece.void]
        if not pieces:
            return
        try:
            # A network that takes one size of batch gets the last tile again until it is full.
            run = [*pieces, *[pieces[-1]] * ((self._exactly or 0) - len(pieces))]
            seen = [piece.seen() for piece in run]
            aside = together([piece.aside() for piece in run])
            results = self._model.enlarge(np.stack(seen) if len(seen) > 1 else seen[0][None], aside)
        except Exception as error:
            if is_out_of_memory(error):
                self._with_less(pieces, error)
            elif not isinstance(error, ModelError):
                raise
            elif len(pieces) == 1:
                pieces[0].work.fail(error)
            else:  # one of them is at fault; the others shall not suffer
                for piece in pieces:
                    self._attempt([piece])
            return
        for piece, result in zip(pieces, results[: len(pieces)], strict=True):
            piece.work.keep(piece.part, result)
        if self._untold:
            self._untold = False
            self._tell(
                f"not enough memory on {self._model.device}: going on with tiles of {self._tile} pixels, "
                f"{self._batch} at a time"
            )

    def _with_less(self, pieces: list[_Piece], error: Exception) -> None:
        """After running out of memory: fewer at once, then smaller tiles for all in hand, then give the picture up."""
        if len(pieces) > 1 and not self._exactly:
            self._batch = len(pieces) // 2
            self._untold = True
            self._wait(pieces)
            return
        work = pieces[0].work
        assert work.input is not None
        if self._exactly:
            for piece in pieces:
                piece.work.fail(self._no_memory(f"its one shape, {self._model.spec.shape}", error))
            return
        # Not what this piece keeps: a fixed window at the border may keep a sliver of what it runs.
        size = min(self._tile, max(work.input.shape[:2]))
        smaller = max(SMALLEST_TILE, size // 2)
        if smaller >= size:
            work.fail(self._no_memory(f"one tile of {size} pixels", error))
            return
        self._tile = smaller
        self._untold = True
        for other in self._hand:
            if not other.settled:
                self._wait(self._cut(other))  # which makes those that wait void

    def _no_memory(self, what: str, error: Exception) -> ModelError:
        failure = ModelError(
            f"{self._model.spec.name}: not enough memory on {self._model.device}, even for {what}: close other "
            "programs, or choose another --device or a smaller model"
        )
        failure.__cause__ = error
        return failure


def _pad(pixels: Pixels, spec: ModelSpec) -> Pixels:
    """Mirror the right and bottom edges out to the size that the network takes."""
    shortest = spec.shape[1:] if spec.shape else (spec.minimum, spec.minimum)
    lengths = [max(sides) for sides in zip(pixels.shape[:2], shortest, strict=True)]
    wanted = [-(-length // spec.multiple) * spec.multiple for length in lengths]
    grow = [(0, want - have) for want, have in zip(wanted, pixels.shape[:2], strict=True)]
    return np.pad(pixels, (*grow, (0, 0)), mode="symmetric") if any(g for _, g in grow) else pixels


__all__ = ["Network", "enhance_pixels"]


def enhance_pixels(
    pixels: Pixels,
    network: Network | PixelNetwork,
    spec: ModelSpec,
    tile: int | None = None,
    strength: float = 1.0,
) -> Pixels:
    """Run a model over a picture of any size.

    Args:
        pixels: uint8 or uint16 RGB (H, W, 3).
        network: an opened model, or float32 (N, 3, h, w) on the spec's range to (N, 3, scale * h, scale * w), which is
            given by name what else its spec says that it takes.
        spec: what the network needs.
        tile: largest side of a tile, in input pixels, before its halo; None chooses by the memory there is.
        strength: how far the picture is changed, 0..1, by a network that lets one choose.

    Returns:
        The same type as ``pixels``, (scale * H, scale * W, 3).

    Raises:
        ModelError: the network failed, lied about its scale, gave values that are not numbers, or ran out of memory.
        MemoryError: there is no room for the result.
        ValueError: ``pixels`` is not such a picture.
    """
    model = network if isinstance(network, PixelNetwork) else FloatNetwork(network, spec)
    (result,) = enhance_stream([pixels], model, StreamOptions(tile=tile, strength=strength))
    if isinstance(result, Exception):
        raise result
    return result
