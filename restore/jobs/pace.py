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
    """

    def __init__(
        self, models: Sequence[Model], items: Sequence[Item], timeout: float, say: Callable[[str], None]
    ) -> None:
        self._items, self._timeout, self._say = items, timeout, say
        self._models = models
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
        threading.Thread(target=self._tell, args=(self._each(), sum(self._seconds)), daemon=True).start()

    def _each(self) -> float:
        """Seconds for a pixel of the job."""
        total, grown = 0.0, 1.0
        for model, pixels, seconds in zip(self._models, self._pixels, self._seconds, strict=True):
            total += grown * seconds / pixels
            grown *= model.spec.scale**2
        return total

    def _tell(self, each: float, spent: float) -> None:
        left = each * _total_pixels(self._items, self._timeout) - spent
        if left >= _WORTH_SAYING:
            count = len(self._items)
            self._say(f"{duration(left).capitalize()} for {count} picture{'s' * (count != 1)}")


class _Timed(PixelNetwork):
    """A model whose runs are timed.

    Attention networks take minutes for a tile: before the first one, a piece of it shows how long.
    """

    def __init__(self, model: Model, note: Callable[..., None]) -> None:
        self._model, self._note = model, note
        self.spec, self.device = model.spec, model.device
        self._first = model.on_cpu and model.spec.shape is None

    @property
    def on_cpu(self) -> bool:
        return self._model.on_cpu

    def enlarge(self, batch: Pixels, aside: Aside = NOTHING) -> Pixels:
        if self._first:
            self._first = False
            self._try_piece(batch, aside)
        began = time.perf_counter()
        result = self._model.enlarge(batch, aside)
        self._note(batch.size // batch.shape[-1], time.perf_counter() - began)
        return result

    def _try_piece(self, batch: Pixels, aside: Aside) -> None:
        tile = batch.size // batch.shape[-1]
        side = self.spec.side(_PIECE)
        if tile < _LARGE or min(batch.shape[1:3]) < side:
            return
        beside = {name: values[:1] for name, values in aside.items()}
        beside |= {name: beside[name][:, :side] for name in ("rows", "columns") if name in beside}
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


def _total_pixels(items: Sequence[Item], timeout: float) -> float:
    """Pixels of all pictures, from the headers of some, spread over all."""
    sizes: list[int] = []
    for item in islice(items, 0, None, max(1, len(items) // _SAMPLE)):
        try:
            size = unless_stalled(partial(_size, item), timeout)
        except (OSError, ImageError):
            continue  # reported when it is decoded
        except StalledError:
            break
        if size is not None:
            sizes.append(size[0] * size[1])
    return len(items) * sum(sizes) / len(sizes) if sizes else 0.0


def _size(item: Item, _progress: Callable[[], None]) -> tuple[int, int] | None:
    return header_size(item.source)
