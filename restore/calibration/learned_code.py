"""Codes of an autoencoder, in place of blocks of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restore.calibration.autoencoders.autoencoder import Autoencoder, CodeChange
from restore.calibration.gaussian import Floats, Transport
from restore.calibration.patches import Patches


@dataclass(frozen=True)
class LearnedCode(Patches):
    """Pictures as overlapping patches of an autoencoder's codes.

    Attributes:
        autoencoder: the encoder and the decoder.
        patch: side of a patch in places of the code.
        rebuilt: whether the transported picture is what the decoder makes of the moved code, as in the paper. If not,
            it is the picture itself, changed by the difference of the decoder's pictures of the moved code and of the
            code, so that the autoencoder's own error cancels.
    """

    autoencoder: Autoencoder
    patch: int = 5
    rebuilt: bool = False

    @property
    def factor(self) -> int:
        """Side of what a place of the code stands for, in pixels."""
        return self.autoencoder.needs.factor

    @property
    def channels(self) -> int:
        """Values of the code at a place."""
        return self.autoencoder.needs.channels

    @property
    def multiple(self) -> int:
        """Both sides of a picture that is encoded must be a multiple of this."""
        return self.autoencoder.needs.multiple

    @property
    def least(self) -> int:
        """The shortest side of a picture with a patch that the autoencoder takes, in pixels."""
        return max(self.patch * self.factor, self.autoencoder.needs.minimum)

    def encode(self, picture: NDArray[np.floating]) -> Floats:
        """(H, W, 3) on 0..1, both sides multiples of :attr:`multiple`, to codes (h, w, channels)."""
        batch = np.ascontiguousarray(np.clip(picture, 0, 1).transpose(2, 0, 1)[None], np.float32)
        codes: Floats = self.autoencoder.encode(batch)[0].astype(np.float64)
        return codes.transpose(1, 2, 0)

    def decode(self, codes: Floats) -> Floats:
        """Codes (h, w, channels) to a picture (H, W, 3), about 0..1."""
        batch = np.ascontiguousarray(codes.transpose(2, 0, 1)[None], np.float32)
        picture: Floats = self.autoencoder.decode(batch)[0].astype(np.float64)
        return picture.transpose(1, 2, 0)

    def moved(self, picture: NDArray[np.floating], map: Transport) -> Floats:
        """The transported picture (H, W, 3) of one on 0..1, whose outermost codes are repeated beyond its edges."""
        codes, beyond = self.encode(picture), self.patch - 1
        around = np.pad(codes, ((beyond, beyond), (beyond, beyond), (0, 0)), mode="edge")
        height, width = codes.shape[:2]
        moved = self.moved_codes(around, map)[beyond : beyond + height, beyond : beyond + width]
        decoded = self.decode(moved)
        return decoded if self.rebuilt else picture + decoded - self.decode(codes)

    def change(self, map: Transport) -> CodeChange:
        """The transport as a change of codes."""
        weights, bias = self.kernel(map)
        return CodeChange(weights.astype(np.float32), bias.astype(np.float32), self.rebuilt)
