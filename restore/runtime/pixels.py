"""Networks on pixels: 8 or 16 bits in, the same out, with as few passes over memory as can be."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.errors import ModelError
from restore.runtime.conditioning import NOTHING, Aside
from restore.runtime.memory import free_memory
from restore.spec import ModelSpec

# A batch, and by name what its spec says that it takes besides.
Network = Callable[..., NDArray[np.float32]]

# Arrays of one of these two types; the result has the type of what went in.
Pixels = NDArray[Any]

# Rows that are converted at a time.
_ROWS = 128

_DEPTHS = {np.dtype(np.uint8): cv2.CV_8U, np.dtype(np.uint16): cv2.CV_16U}


class PixelNetwork(ABC):
    """A network that takes pixels and gives pixels, and says what it needs.

    Attributes:
        spec: what the network needs.
        device: where it runs: ``cpu``, ``cuda:0``, ...
    """

    spec: ModelSpec
    device: str = "cpu"

    @abstractmethod
    def enlarge(self, batch: Pixels, aside: Aside = NOTHING) -> Pixels:
        """Windows of one shape through the network.

        Args:
            batch: uint8 or uint16 RGB (N, H, W, 3).
            aside: what the network takes beside them, as its spec says.

        Returns:
            The same type, (N, scale * H, scale * W, 3), clipped and rounded.

        Raises:
            ModelError: the network failed, gave another size than its spec promises, or values that are not numbers.
        """

    def free_memory(self) -> int | None:
        """Bytes free where it runs; None when not known."""
        return free_memory()


class FloatNetwork(PixelNetwork):
    """Any function from float batches to float batches, with the conversions done here.

    Args:
        network: float32 (N, 3, H, W) on the spec's range to (N, 3, scale * H, scale * W); what else its spec says that
            it takes is given by name. Its input is reused from call to call: it must not keep it.
        spec: what the network needs.
    """

    def __init__(self, network: Network, spec: ModelSpec) -> None:
        self._network = network
        self.spec = spec
        self._input, self._scaled, self._whole = _Buffer(), _Buffer(), _Buffer()

    def enlarge(self, batch: Pixels, aside: Aside = NOTHING) -> Pixels:
        result = self._network(self._to_floats(batch), **aside)
        check_shape(self.spec, batch.shape, result.shape)
        return self._to_pixels(result, batch.dtype)

    def _to_floats(self, batch: Pixels) -> NDArray[np.float32]:
        gain, offset = to_range(self.spec, batch.dtype)
        count, height, width, channels = batch.shape
        values = self._input.take((count, channels, height, width), np.dtype(np.float32))
        np.multiply(batch.transpose(0, 3, 1, 2), gain, out=values, dtype=np.float32, casting="unsafe")
        if offset:
            values += offset
        return values

    def _to_pixels(self, values: NDArray[np.float32], dtype: np.dtype[Any]) -> Pixels:
        pixels = np.empty((len(values), *values.shape[2:], values.shape[1]), dtype)
        for planes, out in zip(values, pixels, strict=True):
            # Some rows at a time: the buffers stay small beside the tile, and in the cache from pass to pass.
            for top in range(0, out.shape[0], _ROWS):
                self._narrow(planes[:, top : top + _ROWS], out[top : top + _ROWS])
        return pixels

    def _narrow(self, planes: NDArray[np.float32], out: Pixels) -> None:
        """Rows (C, h, W) to pixels (h, W, C)."""
        check_finite(self.spec, bool(np.isfinite(planes.min() + planes.max())))
        gain, offset = from_range(self.spec, out.dtype)
        scaled = self._scaled.take(planes.shape, planes.dtype)
        np.multiply(planes, gain, out=scaled)
        if offset:
            scaled += offset
        narrow = self._whole.take(planes.shape, out.dtype)
        # Adding zero is OpenCV's way to clip, round and narrow in one pass. It wants planes in two dimensions.
        flat = (-1, planes.shape[2])
        cv2.add(scaled.reshape(flat), 0.0, dst=narrow.reshape(flat), dtype=_DEPTHS[out.dtype])
        cv2.merge(tuple(narrow), dst=out)


class _Buffer(threading.local):
    """Memory that is used again for arrays of many shapes; each thread has its own, so that a model can serve many."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def take(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """An array whose values are left over from the last one."""
        size = math.prod(shape) * dtype.itemsize
        if self._bytes.size < size:
            self._bytes = np.empty(size, np.uint8)
        return self._bytes[:size].view(dtype).reshape(shape)


def to_range(spec: ModelSpec, dtype: np.dtype[Any]) -> tuple[np.float32, np.float32]:
    """Gain and offset from pixels to the network's range."""
    return np.float32((spec.high - spec.low) / np.iinfo(dtype).max), np.float32(spec.low)


def from_range(spec: ModelSpec, dtype: np.dtype[Any]) -> tuple[np.float32, np.float32]:
    """Gain and offset from the network's range to pixels, not yet clipped and rounded."""
    gain = np.iinfo(dtype).max / (spec.high - spec.low)
    return np.float32(gain), np.float32(-spec.low * gain)


def check_pixels(pixels: Pixels) -> None:
    """Refuse what is not a picture of 8 or 16 bits.

    Raises:
        ValueError: not uint8 or uint16 (H, W, 3), or empty.
    """
    if pixels.dtype not in _DEPTHS or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"expected uint8 or uint16 RGB (H, W, 3), not {pixels.dtype} {pixels.shape}")


def check_shape(spec: ModelSpec, taken: tuple[int, ...], given: tuple[int, ...]) -> None:
    """Refuse a result (N, C, H, W) of another size than the spec promises for a batch (N, H, W, C).

    Raises:
        ModelError: they differ.
    """
    count, height, width = taken[:3]
    wanted = (count, spec.channels, height * spec.scale, width * spec.scale)
    if tuple(given) != wanted:
        raise ModelError(
            f"{spec.name} gave {tuple(given)} where x{spec.scale} of {(height, width)} pixels means {wanted}: "
            "its scale is another (give it with --spec scale=N)"
        )


def check_finite(spec: ModelSpec, finite: bool) -> None:
    """Refuse a broken result rather than round it to black.

    Raises:
        ModelError: it is not finite.
    """
    if not finite:
        raise ModelError(f"{spec.name} gave values that are not numbers for this picture")
