"""What an autoencoder can do for the transport of its codes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from restore.errors import ModelError
from restore.export.to_onnx import OPSETS
from restore.verify.probing import affordable, find_reach
from restore.verify.sizes import find_sizes

Batch = NDArray[np.float32]


@dataclass(frozen=True)
class Needs:
    """What an autoencoder needs of pictures; lengths in pixels.

    Attributes:
        factor: side of what a place of the code stands for.
        channels: values of the code at a place.
        multiple: both sides of a picture must be a multiple of this.
        minimum: the shortest side.
        halo: how far around a pixel others affect it, through the code and back.
        exact: whether nothing further away does.
    """

    factor: int
    channels: int
    multiple: int
    minimum: int
    halo: int
    exact: bool


@dataclass(frozen=True)
class CodeChange:
    """What happens to codes between the encoder and the decoder, as a convolution.

    Attributes:
        weights: (channels, channels, side, side), with an odd side.
        bias: (channels,).
        rebuilt: whether the result is the decoded picture itself. If not, the result is the given picture, changed by
            how much the decoded picture differs from what it would have been without the change of its code; what the
            autoencoder loses then cancels.
    """

    weights: Batch
    bias: Batch
    rebuilt: bool = False

    @property
    def reach(self) -> int:
        """Places to each side that a changed place depends on."""
        side: int = self.weights.shape[2]
        return side // 2


class Autoencoder(ABC):
    """An encoder and a decoder of pictures, without anything drawn at random.

    Attributes:
        name: of the kind, or of its files.
        needs: what it needs of pictures.
        parameters: number of learned parameters.
        licence: of its weights; empty if unknown.
        opset: the oldest version of ONNX's operators in which it can be written without a conversion.
    """

    name: str
    needs: Needs
    parameters: int
    licence: str = ""
    opset: int = OPSETS[0]

    @abstractmethod
    def encode(self, pictures: Batch) -> Batch:
        """Pictures (N, 3, H, W), RGB, 0..1, to codes (N, channels, H / factor, W / factor).

        Raises:
            ModelError: it fails on this size.
        """

    @abstractmethod
    def decode(self, codes: Batch) -> Batch:
        """Codes to pictures (N, 3, H, W), about 0..1.

        Raises:
            ModelError: it fails on this size.
        """

    @abstractmethod
    def exported(self, change: CodeChange, opset: int) -> onnx.ModelProto:
        """A model from ``input`` (N, 3, H, W), about 0..1, to ``output``, what the change of its codes adds to it.

        Raises:
            ExportError: it cannot be written in this version of ONNX's operators.
        """


def find_needs(encode: Callable[[Batch], Batch], decode: Callable[[Batch], Batch], source: str) -> Needs:
    """Measure what an autoencoder needs, by running it.

    Raises:
        ModelError: it does not give back pictures of the size that it takes.
    """

    def run(batch: Batch) -> Batch:
        return decode(encode(batch))

    try:
        sizes = find_sizes(run)
        if sizes.scale != 1:
            raise ModelError(f"its pictures are {sizes.scale} times as large as those that it codes")
        if not sizes.batch:
            raise ModelError("it takes one picture at a time: export it with a free batch axis")
        side = sizes.multiple * -(-max(sizes.minimum, 64) // sizes.multiple)
        _, channels, height, width = encode(np.zeros((1, 3, side, side), np.float32)).shape
        if height != width or side % height:
            raise ModelError(f"the code of {side} x {side} pixels has {height} x {width} places, not a whole fraction")
        reach = affordable(find_reach(run, sizes, 0.0, 1.0))
    except ModelError as error:
        raise ModelError(f"{source}: not an autoencoder that restore can use: {error}") from error
    return Needs(
        side // height,
        channels,
        reach.multiple,
        max(sizes.minimum, reach.multiple),
        reach.halo,
        reach.exact,
    )
