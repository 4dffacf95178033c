"""Networks on pixels: 8 or 16 bits in, the same out, with as few passes over memory as possible."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.errors import ModelError
from restore.imaging.arrays import AnyArray, AnyDtype
from restore.runtime.conditioning import NOTHING, Aside
from restore.runtime.memory import free_memory
from restore.spec import ModelSpec

# Takes a batch, and the spec's other inputs as keyword arguments.
Network = Callable[..., NDArray[np.float32]]

# uint8 or uint16; results have the type of the input.
Pixels = AnyArray

# Rows converted at a time.
_ROWS = 128

_DEPTHS = {np.dtype(np.uint8): cv2.CV_8U, np.dtype(np.uint16): cv2.CV_16U}


class PixelNetwork(ABC):
    """A network from pixels to pixels.

    Attributes:
        spec: the network's inputs, output and value range.
        device: where it runs: ``cpu``, ``cuda:0``, ...
    """

    spec: ModelSpec
    device: str = "cpu"

    @property
    def on_cpu(self) -> bool:
        """Whether it runs on the CPU, where batches and equal tiles gain nothing."""
        return self.device == "cpu"

    @property
    def width_align(self) -> int:
        """Widths of tiles that are a multiple of this run faster."""
        return 1

    @property
    def parallel(self) -> int:
        """How many batches it runs at once, each on its share of the cores (:meth:`begin`)."""
        return 1

    @abstractmethod
    def enlarge(self, batch: Pixels, aside: Aside = NOTHING) -> Pixels:
        """Run the network on tiles of one shape.

        Args:
            batch: uint8 or uint16 RGB (N, H, W, 3).
            aside: the network's other inputs according to its spec.

        Returns:
            The same type, (N, scale * H, scale * W, 3), clipped and rounded.

        Raises:
            ModelError: the network failed, or returned another size than its spec promises, or NaN or infinite values.
        """

    def begin(self, batch: Pixels, aside: Aside = NOTHING) -> Callable[[], Pixels]:
        """Begin what :meth:`enlarge` does, and return the function that waits for the result and returns it."""
        result = self.enlarge(batch, aside)
        return lambda: result

    def free_memory(self) -> int | None:
        """Free bytes on its device; None if unknown."""
        return free_memory()


class FloatNetwork(PixelNetwork):
    """Wraps a function on float batches; the conversions are done on the CPU.

    Args:
        network: float32 (N, 3, H, W) in the spec's range to (N, 3, scale * H, scale * W); receives the spec's other
            inputs as keyword arguments. It must not keep its input, whose memory is reused for the next call.
        spec: the network's inputs, output and value range.
        parallel: calls of the network at once.
    """

    def __init__(self, network: Network, spec: ModelSpec, parallel: int = 1) -> None:
        self._network = network
        self.spec = spec
        self._input, self._planes, self._narrow = _Buffer(), _Buffer(), _Buffer()
        self._parallel = parallel
        self._pool = ThreadPoolExecutor(parallel, "network") if parallel > 1 else None

    @property
    def parallel(self) -> int:
        return self._parallel

    def enlarge(self, batch: Pixels, aside: Aside = NOTHING) -> Pixels:
        result = self._network(self._to_floats(batch), **aside)
        check_shape(self.spec, batch.shape, result.shape)
        return self._to_pixels(result, batch.dtype)

    def begin(self, batch: Pixels, aside: Aside = NOTHING) -> Callable[[], Pixels]:
        return self._pool.submit(self.enlarge, batch, aside).result if self._pool else super().begin(batch, aside)

    def _to_floats(self, batch: Pixels) -> NDArray[np.float32]:
        gain, offset = to_range(self.spec, batch.dtype)
        count, height, width, channels = batch.shape
        values = self._input.take((count, channels, height, width), np.dtype(np.float32))
        planes = self._planes.take((channels, height, width), batch.dtype)
        for pixels, floats in zip(batch, values, strict=True):
            cv2.split(pixels, tuple(planes))
            np.multiply(planes, gain, out=floats, dtype=np.float32, casting="unsafe")
        if offset:
            values += offset
        return values

    def _to_pixels(self, values: NDArray[np.float32], dtype: AnyDtype) -> Pixels:
        pixels = np.empty((len(values), *values.shape[2:], values.shape[1]), dtype)
        for planes, out in zip(values, pixels, strict=True):
            # A few rows at a time: the buffers stay small and remain in the cache between passes.
            for top in range(0, out.shape[0], _ROWS):
                self._put(planes[:, top : top + _ROWS], out[top : top + _ROWS])
        return pixels

    def _put(self, planes: NDArray[np.float32], out: Pixels) -> None:
        """Rows (C, h, W) to pixels (h, W, C)."""
        # A sum of finite values in double precision is finite, and one with NaN or infinite values is not.
        check_finite(self.spec, all(math.isfinite(cv2.sumElems(plane)[0]) for plane in planes))
        gain, offset = from_range(self.spec, out.dtype)
        narrow = self._narrow.take(planes.shape, out.dtype)
        if offset:  # OpenCV would round once, not after each step as everywhere else
            planes, gain = planes * gain + offset, np.float32(1)
        for plane, into in zip(planes, narrow, strict=True):
            # Multiplied, clipped, rounded and narrowed in one pass.
            cv2.addWeighted(plane, float(gain), plane, 0, 0, dst=into, dtype=_DEPTHS[out.dtype])
        cv2.merge(tuple(narrow), dst=out)


class _Buffer(threading.local):
    """Memory reused for arrays of various shapes; one per thread, so that several threads can share a model."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def take(self, shape: tuple[int, ...], dtype: AnyDtype) -> AnyArray:
        """An array with arbitrary values."""
        size = math.prod(shape) * dtype.itemsize
        if self._bytes.size < size:
            self._bytes = np.empty(size, np.uint8)
        return self._bytes[:size].view(dtype).reshape(shape)


def to_range(spec: ModelSpec, dtype: AnyDtype) -> tuple[np.float32, np.float32]:
    """Gain and offset from pixels to the network's range."""
    return np.float32((spec.high - spec.low) / np.iinfo(dtype).max), np.float32(spec.low)


def from_range(spec: ModelSpec, dtype: AnyDtype) -> tuple[np.float32, np.float32]:
    """Gain and offset from the network's range to pixels, before clipping and rounding."""
    gain = np.iinfo(dtype).max / (spec.high - spec.low)
    return np.float32(gain), np.float32(-spec.low * gain)


def check_pixels(pixels: Pixels) -> None:
    """Reject anything but a picture of 8 or 16 bits.

    Raises:
        ValueError: not uint8 or uint16 (H, W, 3), or empty.
    """
    if pixels.dtype not in _DEPTHS or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"expected uint8 or uint16 RGB (H, W, 3), not {pixels.dtype} {pixels.shape}")


def check_shape(spec: ModelSpec, taken: tuple[int, ...], given: tuple[int, ...]) -> None:
    """Reject a result (N, C, H, W) of another size than the spec promises for a batch (N, H, W, C).

    Raises:
        ModelError: they differ.
    """
    count, height, width = taken[:3]
    wanted = (count, spec.channels, height * spec.scale, width * spec.scale)
    if tuple(given) != wanted:
        raise ModelError(
            f"{spec.name} returned {tuple(given)}, but x{spec.scale} of {(height, width)} pixels is {wanted}: "
            "its scale is different (set it with --spec scale=N)"
        )


def check_finite(spec: ModelSpec, finite: bool) -> None:
    """Reject a result with NaN or infinite values, rather than round them to black.

    Raises:
        ModelError: it is not finite.
    """
    if not finite:
        raise ModelError(f"{spec.name} returned NaN or infinite values for this picture")
