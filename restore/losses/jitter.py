"""Random shifts of the pictures that a loss compares, so that no grid of its encoder is learned."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from restore.losses.base import LossTerm, ModelTerm, NetworkCall
from restore.losses.enlarge import enlarged


class Jittered(ModelTerm):
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

    def begin(self) -> None:
        self.term.begin()

    def after_step(self, step: int) -> None:
        self.term.after_step(step)

    def made(self, call: NetworkCall, generator: torch.Generator) -> list[Tensor]:
        return self.term.made(call, generator) if isinstance(self.term, ModelTerm) else []

    def compare(
        self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator, made: Sequence[Tensor]
    ) -> Tensor:
        height, width = (n - self.pixels for n in output.shape[-2:])
        if min(height, width) < 1:
            raise ValueError(
                f"pictures of {output.shape[-2]} x {output.shape[-1]} are too small for jitter {self.pixels}"
            )
        top, left = torch.randint(self.pixels + 1, (2,), generator=generator).tolist()
        pictures = (output, target, enlarged(input, *output.shape[-2:]), *made)
        cut = [picture[..., top : top + height, left : left + width] for picture in pictures]
        output, target, input, *made = cut
        if isinstance(self.term, ModelTerm):
            return self.term.compare(output, target, input, generator, made)
        loss: Tensor = self.term(output, target, input, generator)
        return loss
