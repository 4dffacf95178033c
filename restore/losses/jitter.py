"""Random shifts of the pictures that a loss compares, so that no grid of its encoder is learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from restore.losses.base import LossTerm
from restore.losses.enlarge import enlarged


class Jittered(LossTerm):
    """A term whose pictures are cropped at a random position.

    The strides of an encoder weight pixels by their position in its grid. A network that outputs whole blocks of
    pixels, as with a pixel shuffle, can satisfy the loss with a pattern on that grid, unless the grid moves at every
    step.

    Args:
        term: a loss in an encoder's features.
        pixels: how much smaller the crops are; their position is uniform.
    """

    def __init__(self, term: LossTerm, pixels: int) -> None:
        super().__init__()
        self.term, self.pixels = term, pixels

    @property
    def learned(self) -> nn.Module | None:
        return self.term.learned

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        height, width = (n - self.pixels for n in output.shape[-2:])
        if min(height, width) < 1:
            raise ValueError(
                f"pictures of {output.shape[-2]} x {output.shape[-1]} are too small for jitter {self.pixels}"
            )
        top, left = torch.randint(self.pixels + 1, (2,), generator=generator).tolist()
        pictures = (output, target, enlarged(input, *output.shape[-2:]))
        cut = (picture[..., top : top + height, left : left + width] for picture in pictures)
        loss: Tensor = self.term(*cut, generator)
        return loss
