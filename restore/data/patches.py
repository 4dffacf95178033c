"""Random pairs of low and high resolution patches, cut and degraded on the fly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from restore.data.folder import PhotoStore
from restore.errors import DataError
from restore.imaging.resize import resize_matrix, round_to

# Rows and columns of low-resolution context cut around a patch, so that its bicubic shrinking sees what the whole
# picture's would: the antialiased cubic kernel reaches two low-resolution pixels to either side.
_MARGIN = 2
_UINT8 = np.dtype(np.uint8)


def shrink_patch(window: NDArray[np.uint8], scale: int, margin: int) -> NDArray[np.uint8]:
    """Bicubic 1/scale of the middle of a window, equal to the last bit to a crop of the whole picture's.

    Args:
        window: uint8 (S, S, 3), square, with ``margin * scale`` pixels of context on every side.
        scale: the factor.
        margin: context in low-resolution pixels.

    Returns:
        uint8 (P, P, 3) with P = S / scale - 2 * margin.
    """
    size = window.shape[0]
    matrix = resize_matrix(size, 1 / scale, start=margin, count=size // scale - 2 * margin)
    # Rows first, then columns, rounded after each: see imaging.resize.
    rows = round_to(_UINT8, matrix @ window.reshape(size, -1).astype(np.float32))
    rows = np.ascontiguousarray(rows.reshape(-1, size, 3).transpose(1, 0, 2)).reshape(size, -1).astype(np.float32)
    both = round_to(_UINT8, matrix @ rows).reshape(matrix.shape[0], matrix.shape[0], 3)
    return both.transpose(1, 0, 2)


def orient(image: NDArray[Any], which: int) -> NDArray[Any]:
    """One of the eight flips and rotations of a square, ``which`` in 0..7."""
    image = np.rot90(image, which % 4)
    return image[:, ::-1] if which >= 4 else image


class PatchPairs(Dataset[tuple[Tensor, Tensor]]):
    """Super-resolution pairs from folders of high-resolution photographs.

    Sample ``i`` depends on ``seed`` and ``i`` alone, not on what was drawn before or by which worker: a resumed run
    sees exactly the samples that the unbroken one would have seen. A photograph is drawn in proportion to its area.

    Args:
        paths: photographs.
        scale: the factor.
        patch: side of the low-resolution patch.
        seed: of the samples.
        budget: bytes of decoded pixels to keep in memory.
        candidates: of that many places drawn, the one with the most detail is used. Most of a photograph is smooth
            and teaches nothing that bicubic does not know (cf. Wang et al., "SamplingAug", BMVC 2021).

    Raises:
        DataError: no photograph is large enough for a patch.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        scale: int,
        patch: int,
        seed: int,
        budget: int = 4 * 2**30,
        candidates: int = 1,
    ) -> None:
        self.scale, self.patch, self.seed, self.candidates = scale, patch, seed, candidates
        self.store = PhotoStore(paths, budget)
        sizes = np.array([_size(path) for path in paths], dtype=np.int64).reshape(-1, 2)
        fits = (sizes // scale >= patch).all(axis=1)
        if not fits.any():
            raise DataError(
                f"none of {len(paths)} photographs is as large as one patch ({patch * scale} pixels a side): "
                "give larger photographs or a smaller patch"
            )
        area = np.where(fits, sizes.prod(axis=1), 0).astype(np.float64)
        self._cumulative = np.cumsum(area / area.sum())

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """Low (3, patch, patch) and high (3, scale * patch, scale * patch) resolution, uint8 RGB."""
        low, high = self.cut(number)
        return _tensor(low), _tensor(high)

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The same pair as (H, W, 3) arrays."""
        draw = np.random.Generator(np.random.Philox(key=self.seed, counter=number))
        scale, patch = self.scale, self.patch
        places = [self._place(draw) for _ in range(self.candidates)]
        pixels, top, left = places[0] if len(places) == 1 else max(places, key=self._detail)
        window = _window(pixels, top * scale, left * scale, patch * scale, _MARGIN * scale, scale)
        low = shrink_patch(window, scale, _MARGIN)
        edge = _MARGIN * scale
        high = window[edge:-edge, edge:-edge]
        which = int(draw.integers(0, 8))
        return orient(low, which), orient(high, which)

    def _place(self, draw: np.random.Generator) -> tuple[NDArray[np.uint8], int, int]:
        """A photograph, and the top left corner of a patch in it, in low-resolution pixels."""
        photo = min(int(np.searchsorted(self._cumulative, draw.random(), side="right")), len(self.store) - 1)
        pixels = self.store[photo]
        top, left = (int(draw.integers(0, n // self.scale - self.patch + 1)) for n in pixels.shape[:2])
        return pixels, top, left

    def _detail(self, place: tuple[NDArray[np.uint8], int, int]) -> float:
        """Mean absolute difference of neighbours in the green of every other pixel: cheap, and all that is needed."""
        pixels, top, left = place
        scale, side = self.scale, self.scale * self.patch
        green = pixels[top * scale : top * scale + side : 2, left * scale : left * scale + side : 2, 1].astype(np.int16)
        return float(np.abs(np.diff(green, axis=0)).mean() + np.abs(np.diff(green, axis=1)).mean())


def _window(pixels: NDArray[np.uint8], top: int, left: int, side: int, margin: int, scale: int) -> NDArray[np.uint8]:
    """A square with its margin; what lies beyond the picture is mirrored, as ``imresize`` does."""
    height, width = (n - n % scale for n in pixels.shape[:2])
    y0, y1, x0, x1 = top - margin, top + side + margin, left - margin, left + side + margin
    inside = pixels[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    beyond = ((max(-y0, 0), max(y1 - height, 0)), (max(-x0, 0), max(x1 - width, 0)), (0, 0))
    return np.pad(inside, beyond, mode="symmetric") if np.any(beyond) else inside


def _size(path: Path) -> tuple[int, int]:
    from PIL import Image

    from restore.errors import ImageError

    try:
        with Image.open(path) as image:  # the header alone; an orientation that swaps the sides changes nothing here
            return image.height, image.width
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"{path}: cannot be used for training: {error}") from error


def _tensor(image: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
