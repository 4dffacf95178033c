"""Super-resolution with bicubic downsampling: ``data: {train: [...]}``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from restore.data.dataset import PairDataset, PhotoPatches
from restore.data.drawings import drawing
from restore.data.folder import PhotoStore
from restore.data.sampling import generator, orient, window
from restore.data.sources.base import DataContext, DataOptions, PhotoSource
from restore.data.sources.samples import Sample, middle, readable
from restore.errors import DataError
from restore.imaging.resize import modcrop, resize_matrix, round_to, shrink
from restore.metrics.sr_protocol import reduce

# Low-resolution pixels of context around a patch, so that reducing it gives the same as reducing the whole picture: the
# antialiased cubic kernel reaches two low-resolution pixels to either side.
_MARGIN = 2
_UINT8 = np.dtype(np.uint8)


class BicubicData(DataOptions):
    """Keys of ``data:`` for bicubic downsampling."""

    candidates: PositiveInt = Field(1, description="positions drawn for a patch; the one with most detail is used")
    drawings: float = Field(
        0.0, ge=0, le=1, description="probability that a patch is synthetic line art, text or a flat area, not a photo"
    )


class BicubicSource(PhotoSource[BicubicData]):
    """Photographs as targets, and the same reduced by bicubic as inputs."""

    key = "train"
    fields = BicubicData

    def dataset(self, photos: Sequence[Path], context: DataContext) -> PairDataset:
        data = self.options
        return PatchPairs(
            photos, context.scale, data.patch, context.seed, context.budget, data.candidates, data.drawings
        )

    def samples(self, photos: Sequence[Path], context: DataContext) -> list[Sample]:
        return reduced_samples(photos, context.scale, context.crop, context.skipped)


def reduced_samples(paths: Sequence[Path], scale: int, crop: int, skipped: list[str] | None = None) -> list[Sample]:
    """Central crop of each picture, at most ``crop`` pixels per side, and the same reduced by bicubic.

    Args:
        paths: the pictures.
        scale: factor of the reduction.
        crop: longest side of the target, pixels.
        skipped: see :func:`restore.data.sources.samples.readable`.

    Raises:
        DataError: a picture is smaller than ``scale`` pixels.
        ImageError: a picture cannot be read.
    """
    return [sample for _, sample in numbered_samples(paths, scale, crop, skipped)]


def numbered_samples(
    paths: Sequence[Path], scale: int, crop: int, skipped: list[str] | None = None
) -> Iterator[tuple[int, Sample]]:
    """The samples of :func:`reduced_samples`, with their numbers among ``paths``, which skipped pictures also have."""
    for number, path, pixels in readable(paths, skipped):
        high = middle(pixels, crop)
        if min(high.shape[:2]) < scale:
            reason = f"{path}: {high.shape[1]} x {high.shape[0]} pixels are too small to validate on"
            if skipped is None:
                raise DataError(reason)
            skipped.append(reason)
            continue
        yield number, Sample(path.stem, *reduce(high, scale))


def shrink_patch(window: NDArray[np.uint8], scale: int, margin: int) -> NDArray[np.uint8]:
    """Reduce the middle of a window by bicubic; identical to a crop of the reduced whole picture.

    Args:
        window: uint8 (S, S, 3), with ``margin * scale`` pixels of context on every side.
        scale: the factor to reduce by.
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


class PatchPairs(PhotoPatches):
    """Super-resolution pairs from photographs, reduced by bicubic.

    ``dataset[i]`` is low (3, patch, patch) and high resolution (3, scale * patch, scale * patch). Sample ``i`` depends
    only on ``seed`` and ``i``, not on earlier samples or the worker, so a resumed run sees exactly the samples that an
    uninterrupted one would have seen. Photographs are drawn in proportion to their area.

    Args:
        paths: photographs.
        scale: the factor.
        patch: side of the low-resolution patch.
        seed: seed of the samples.
        budget: bytes of decoded pixels to keep in memory.
        candidates: number of positions to draw, of which the one with the most detail is used. Most of a photograph is
            smooth, and a network learns nothing there that bicubic cannot do (cf. Wang et al., "SamplingAug", BMVC
            2021).
        drawings: probability that a patch is a :func:`restore.data.drawings.drawing`.

    Raises:
        DataError: no photograph is large enough for a patch.
        ImageError: a photograph cannot be read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        scale: int,
        patch: int,
        seed: int,
        budget: int = 4 * 2**30,
        candidates: int = 1,
        drawings: float = 0.0,
    ) -> None:
        super().__init__(PhotoStore(paths, budget, lambda photo: shrink(modcrop(photo, scale), scale)), patch, scale)
        self.scale, self.seed = scale, seed
        self.candidates, self.drawings = candidates, drawings

    def cut(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        draw = generator(self.seed, number)
        if self.drawings and draw.random() < self.drawings:
            return self._reduced(drawing((self.patch + 2 * _MARGIN) * self.scale, draw))
        places = [self._place(draw) for _ in range(self.candidates)]
        photo, top, left = places[0] if len(places) == 1 else max(places, key=self._detail)
        low, high = self._cut(photo, top, left)
        which = int(draw.integers(0, 8))
        return orient(low, which), orient(high, which)

    def _place(self, draw: np.random.Generator) -> tuple[int, int, int]:
        """Draw the number of a photograph and the top left corner of a patch in it, in low-resolution pixels."""
        photo = self._sampler.photo(draw)
        return photo, *self._sampler.corner(self.store[photo], draw)

    def _cut(self, photo: int, top: int, left: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        scale, patch, pixels = self.scale, self.patch, self.store[photo]
        reduced = self.store.derived(photo)
        if reduced is not None:
            high = pixels[top * scale : (top + patch) * scale, left * scale : (left + patch) * scale]
            return reduced[top : top + patch, left : left + patch], high
        edge = _MARGIN * scale
        return self._reduced(window(pixels, top * scale - edge, left * scale - edge, patch * scale + 2 * edge, scale))

    def _reduced(self, around: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Low and high resolution of the middle of a window with :data:`_MARGIN` low-resolution pixels of context."""
        edge = _MARGIN * self.scale
        return shrink_patch(around, self.scale, _MARGIN), around[edge:-edge, edge:-edge]

    def _detail(self, place: tuple[int, int, int]) -> float:
        """Mean absolute difference of neighbors in the green channel, at half resolution, which is cheap and enough."""
        photo, top, left = place
        scale, side = self.scale, self.scale * self.patch
        part = self.store[photo][top * scale : top * scale + side : 2, left * scale : left * scale + side : 2, 1]
        green = np.ascontiguousarray(part)
        if min(green.shape) < 2:
            return 0.0
        down, across = cv2.norm(green[1:], green[:-1], cv2.NORM_L1), cv2.norm(green[:, 1:], green[:, :-1], cv2.NORM_L1)
        height, width = green.shape
        return float(down / ((height - 1) * width) + across / (height * (width - 1)))
