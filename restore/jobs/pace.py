"""Say how long a job takes, once the network's speed is known: from its first tiles, or from a piece of a slow one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from restore.errors import ImageError, ModelError
from restore.imaging.header import header_size
from restore.jobs.plan import Item
from restore.runtime.conditioning import NOTHING, Aside
from restore.runtime.cutting import cutting, seen_pixels
from restore.runtime.pixels import PixelNetwork, Pixels
from restore.utils.time_limit import StalledError, unless_stalled

if TYPE_CHECKING:
    from restore.runtime.model import Model

# Seconds of the network after which its speed is known well enough, and seconds left that are worth a word.
_KNOWN_AFTER, _WORTH_SAYING = 2.0, 60.0
# A tile that will take longer than this, by a piece of it of this side, is not waited for. Smaller tiles are not asked.
_SLOW_SECONDS, _PIECE, _LARGE = 10.0, 64, 256**2
# Headers that are read to guess the size of all pictures.
_SAMPLE = 64


class Pace:
    """The speed of a job's models, and a sentence about it.

    Args:
        models: of the job, in the order in which pictures pass through them.
        items: the pictures.
        timeout: seconds without progress after which reading a header fails.
        say: receives the sentence, at most once.
        tile: largest side of a tile, without its halo; None chooses by available memory.
    """

    def __init__(
        self,
        models: Sequence[Model],
        items: Sequence[Item],
        timeout: float,
        say: Callable[[str], None],
        tile: int | None = None,
    ) -> None:
        self._items, self._timeout, self._say = items, timeout, say
        self._models = models
        self._cuttings = [cutting(model, tile) for model in models]
        self._pixels, self._seconds = [0.0] * len(models), [0.0] * len(models)
        self._said = not items

    def watched(self) -> list[PixelNetwork]:
        """The models, whose runs are timed."""
        return [_Timed(model, partial(self._note, i)) for i, model in enumerate(self._models)]

    def _note(self, which: int, pixels: int, seconds: float, slow: bool = False) -> None:
        self._pixels[which] += pixels
        self._seconds[which] += seconds
        known = slow or sum(self._seconds) >= _KNOWN_AFTER
        if self._said or not known or not all(self._pixels):
            return
        self._said = True
        # Not in the thread of the network, which would wait for a slow disk.
        speeds = [seconds / pixels for seconds, pixels in zip(self._seconds, self._pixels, strict=True)]
        threading.Thread(target=self._tell, args=(speeds, sum(self._seconds)), daemon=True).start()

    def _tell(self, speeds: list[float], spent: float) -> None:
        sizes = _sizes(self._items, self._timeout)
        each = [self._seconds_for(size, speeds) for size in sizes]
        left = len(self._items) * sum(each) / len(each) - spent if each else 0.0
        if left >= _WORTH_SAYING:
            count = len(self._items)
            self._say(f"{duration(left).capitalize()} for {count} picture{'s' * (count != 1)}")

    def _seconds_for(self, size: tuple[int, int], speeds: list[float]) -> float:
        """Seconds for a picture, with what its tiles see twice; a small tile of a wide halo is mostly that.

        Args:
            size: height and width.
            speeds: of the models, in seconds for a pixel that they see.
        """
        total, grown = 0.0, 1
        for model, how, speed in zip(self._models, self._cuttings, speeds, strict=True):
            total += speed * seen_pixels((size[0] * grown, size[1] * grown), model.spec, how)
            grown *= model.spec.scale
        return total


class _Timed(PixelNetwork):
    """A model whose runs are timed.

    Attention networks take minutes for a tile: before the first one, a piece of it shows how long.
    """

    def __init__(self, model: Model, note: Callable[..., None]) -> None:
        self._model, self._note = model, note
        self.spec, self.device = model.spec, model.device
        self._first = model.on_cpu and model.spec.shape is None
        self._ended = 0.0

    @property
    def on_cpu(self) -> bool:
        return self._model.on_cpu

    @property
    def width_align(self) -> int:
        return self._model.width_align

    @property
    def parallel(self) -> int:
        return self._model.parallel

    def enlarge(self, batch: Pixels, aside: Aside = NOTHING) -> Pixels:
        return self.begin(batch, aside)()

    def begin(self, batch: Pixels, aside: Aside = NOTHING) -> Callable[[], Pixels]:
        if self._first:
            self._first = False
            self._try_piece(batch, aside)
        began, pixels = time.perf_counter(), batch.size // batch.shape[-1]
        finish = self._model.begin(batch, aside)

        def finished() -> Pixels:
            result = finish()
            since = max(began, self._ended)  # it waited while the one before it ran
            self._ended = time.perf_counter()
            self._note(pixels, self._ended - since)
            return result

        return finished

    def _try_piece(self, batch: Pixels, aside: Aside) -> None:
        tile = batch.size // batch.shape[-1]
        side = self.spec.side(_PIECE)
        if tile < _LARGE or min(batch.shape[1:3]) < side:
            return
        beside = {name: values[:1] for name, values in aside.items()}
        beside |= {name: beside[name][:, :side] for name in ("rows", "columns") if name in beside}
        if "noise" in beside:
            beside["noise"] = beside["noise"][:, :, : side * self.spec.scale, : side * self.spec.scale]
        piece = np.ascontiguousarray(batch[:1, :side, :side])
        began = time.perf_counter()
        try:
            self._model.enlarge(piece, beside)
        except ModelError:  # which the tile itself will meet, and report
            return
        seconds = time.perf_counter() - began
        if seconds * tile / side**2 >= _SLOW_SECONDS:
            self._note(side**2, seconds, slow=True)

    def free_memory(self) -> int | None:
        return self._model.free_memory()


def duration(seconds: float) -> str:
    """A rough length of time in words: ``about 40 minutes``."""
    minutes = seconds / 60
    if minutes < 90:
        whole = round(minutes) if minutes < 10 else 5 * round(minutes / 5)
        return f"about {whole} minute{'s' * (whole != 1)}"
    hours = minutes / 60
    if hours < 36:
        return f"about {round(2 * hours) / 2:g} hours" if hours < 5 else f"about {round(hours)} hours"
    return f"about {round(hours / 24)} days"


def _sizes(items: Sequence[Item], timeout: float) -> list[tuple[int, int]]:
    """Heights and widths of some of the pictures, from all over the list."""
    sizes: list[tuple[int, int]] = []
    for item in islice(items, 0, None, max(1, len(items) // _SAMPLE)):
        try:
            size = unless_stalled(partial(_size, item), timeout)
        except (OSError, ImageError):
            continue  # reported when it is decoded
        except StalledError:
            break
        if size is not None:
            sizes.append(size)
    return sizes


def _size(item: Item, _progress: Callable[[], None]) -> tuple[int, int] | None:
    return header_size(item.source)
