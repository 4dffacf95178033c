"""Latent patches of pictures, and a transport of them as one convolution."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restore.calibration.gaussian import Floats, Transport


class Patches(ABC):
    """Overlapping square patches of codes of pictures."""

    @property
    @abstractmethod
    def factor(self) -> int:
        """Side of what a place of the code stands for, in pixels."""

    @property
    @abstractmethod
    def patch(self) -> int:
        """Side of a patch in places."""

    @property
    @abstractmethod
    def channels(self) -> int:
        """Values of the code at a place."""

    @property
    def size(self) -> int:
        """Values of a patch."""
        return self.channels * self.patch**2

    @property
    def reach(self) -> int:
        """Pixels around a place that its moved code depends on."""
        return (self.patch - 1) * self.factor

    @property
    def least(self) -> int:
        """The shortest side of a picture with a patch, in pixels."""
        return self.patch * self.factor

    def patches(self, codes: Floats, step: int = 1) -> Floats:
        """All patches (n, size) of codes (h, w, channels), or every ``step``-th along each axis, row by row."""
        seen = np.lib.stride_tricks.sliding_window_view(codes, (self.patch, self.patch), (0, 1))[::step, ::step]
        return np.ascontiguousarray(seen).reshape(-1, self.size)

    def moved_codes(self, codes: Floats, map: Transport) -> Floats:
        """Transport every patch of codes (h, w, channels) and average the patches where they overlap.

        Codes within ``patch - 1`` places of an edge are in fewer patches, so that they differ from those of a larger
        picture.
        """
        height, width = (side - self.patch + 1 for side in codes.shape[:2])
        moved = map(self.patches(codes)).reshape(height, width, self.channels, self.patch, self.patch)
        total, count = np.zeros_like(codes), np.zeros((*codes.shape[:2], 1))
        for y in range(self.patch):
            for x in range(self.patch):
                total[y : y + height, x : x + width] += moved[..., y, x]
                count[y : y + height, x : x + width] += 1
        return total / count

    def kernel(self, map: Transport) -> tuple[Floats, Floats]:
        """The same as a convolution of codes, exact where all patches of a place are within the picture.

        Returns:
            Weights (channels, channels, 2 patch - 1, 2 patch - 1) as ONNX's Conv has them, and biases (channels,).
        """
        side, channels = self.patch, self.channels
        parts = map.matrix.reshape(channels, side, side, channels, side, side)
        weights = np.zeros((channels, channels, 2 * side - 1, 2 * side - 1))
        for y in range(side):
            for x in range(side):  # where in its patch a place is
                rows, columns = slice(side - 1 - y, 2 * side - 1 - y), slice(side - 1 - x, 2 * side - 1 - x)
                weights[:, :, rows, columns] += parts[:, y, x]
        shift = (map.target - map.matrix @ map.source).reshape(channels, side * side)
        return weights / side**2, shift.mean(axis=1)


@dataclass(frozen=True)
class PatchCode(Patches):
    """Pictures as overlapping patches of blocks.

    The latent picture has one position for each block of ``factor`` x ``factor`` pixels, with all their values as
    channels: an autoencoder that loses nothing. Any orthonormal transform of the block, such as Haar or DCT, would give
    the same results, because the transport between Gaussians turns with its space.

    Attributes:
        factor: side of a block in pixels.
        patch: side of a patch in blocks.
    """

    factor: int = 2
    patch: int = 5

    @property
    def channels(self) -> int:
        """Values of a block."""
        return 3 * self.factor**2

    @property
    def multiple(self) -> int:
        """Both sides of a picture that is encoded must be a multiple of this."""
        return self.factor

    def encode(self, picture: NDArray[np.floating]) -> Floats:
        """(H, W, 3), both sides multiples of the factor, to blocks (H / factor, W / factor, channels)."""
        height, width = (side // self.factor for side in picture.shape[:2])
        cut = picture.astype(np.float64).reshape(height, self.factor, width, self.factor, 3)
        return cut.transpose(0, 2, 1, 3, 4).reshape(height, width, self.channels)

    def decode(self, blocks: Floats) -> Floats:
        """The inverse of :meth:`encode`."""
        height, width = blocks.shape[:2]
        cut = blocks.reshape(height, width, self.factor, self.factor, 3).transpose(0, 2, 1, 3, 4)
        return cut.reshape(height * self.factor, width * self.factor, 3)

    def moved(self, picture: NDArray[np.floating], map: Transport) -> Floats:
        """Transport every patch of a picture (H, W, 3) and average the patches where they overlap."""
        return self.decode(self.moved_codes(self.encode(picture), map))
