"""A color change estimated from a thumbnail and undone pixel by pixel."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.base import NetworkOptions
from restore.networks.filter_code import FilterCode, make_gate
from restore.networks.thumbnail import whole

# Inputs per pixel: red, green, blue; horizontal and vertical position; distance from the center.
_KNOWN = 6


class ModulatedColor(FilterCode):
    """A color transform, predicted for each picture, that may vary from the center to the corners.

    A *context* branch computes a code from a thumbnail of the whole picture, which describes its filter. A few layers
    that see single pixels, their color and their position, restore the picture; the code scales and shifts each of
    their channels. The idea of per-pixel layers controlled by a condition network is from He et al., "Conditional
    sequential modulation for efficient global image retouching" (CSRNet), ECCV 2020; the position is our addition, for
    vignettes and gradients.

    The result is a three-dimensional color table that varies with the position. It needs no neighboring pixels: any
    tile gives the same result as the whole picture.

    Args:
        thumbnail: side of the thumbnail: a multiple of 16; above 64, a multiple of 64.
        width: channels of the context branch's deepest layer.
        code: length of the code.
        hidden: channels of the per-pixel layers.
        kinds: number of filters to classify, including "none", the last; 0 for no classification.
        prototypes: every kind has its own code, and their mean, weighted by the probability of each kind, is added to
            the code that restores the picture. A recognized filter is then undone as precisely as it is known, not only
            as precisely as it can be measured from one picture.
        gate: scale the change by a factor, 0..1, computed from the code: 1 for a known filter, less in doubt, and 0,
            which leaves the picture unchanged, if there is no filter or the network cannot tell.

    Shape:
        - x: (N, 3, H, W), RGB, 0..1, both sides at least 2; a part of a picture, or all of it.
        - thumbnail: (N, 3, thumbnail, thumbnail), single pixels of the whole picture, because no filter produces
          the mean of filtered pixels, and means hide clipping.
        - rows: (N, H), where the pixels' centers lie in the whole picture, 0 its top and 1 its bottom.
        - columns: (N, W), the same from left to right.
        - strength: (N,), 0 leaves the picture unchanged, 1 is the learned change.
        - code: (N, code), the result of :meth:`codes` for the thumbnail, if already computed.
        - result: as x, not clipped.
    """

    def __init__(
        self,
        thumbnail: int = 256,
        width: int = 96,
        code: int = 64,
        hidden: int = 32,
        kinds: int = 0,
        prototypes: bool = False,
        gate: bool = False,
    ) -> None:
        super().__init__(thumbnail, width, code, kinds, prototypes)
        self.pixel = nn.ModuleList(nn.Linear(a, hidden) for a in (_KNOWN, hidden, hidden))
        self.modulation = nn.Linear(code, 2 * hidden * len(self.pixel))
        self.last = nn.Linear(hidden, 3)
        with torch.no_grad():  # start close to the identity
            for layer in (self.last, self.modulation):
                for parameter in layer.parameters():
                    parameter.mul_(0.1)
        self.gate = make_gate(code) if gate else None

    def forward(
        self,
        x: Tensor,
        thumbnail: Tensor | None = None,
        rows: Tensor | None = None,
        columns: Tensor | None = None,
        strength: Tensor | None = None,
        code: Tensor | None = None,
    ) -> Tensor:
        """Without ``thumbnail``, ``rows`` and ``columns``, x is the whole picture."""
        if thumbnail is None or rows is None or columns is None:
            thumbnail, rows, columns = whole(x, self.side, "middle")
        now = torch.cat((x, _places(rows, columns)), dim=1).flatten(2).transpose(1, 2)
        code = self.codes(thumbnail) if code is None else code
        opened = None if self.gate is None else self.opened(code)
        modulation = self.modulation(self.settled(code))[:, None].chunk(2 * len(self.pixel), dim=2)
        for layer, scale, shift in zip(self.pixel, modulation[::2], modulation[1::2], strict=True):
            # Fold scale and shift into the layer: one product, without extra passes over all pixels.
            now = F.relu(torch.baddbmm(layer.bias * (1 + scale) + shift, now, layer.weight.T * (1 + scale)))
        change = self.last(now).transpose(1, 2).reshape(x.shape)
        if opened is not None:
            change = opened[:, None, None, None] * change
        made: Tensor = x + (change if strength is None else strength[:, None, None, None] * change)
        return made


class ModulatedColorOptions(NetworkOptions):
    """A color change read from a thumbnail: :class:`restore.networks.modulated_color.ModulatedColor`, at scale 1."""

    kind: Literal["modulated-colour"] = "modulated-colour"
    thumbnail: int = Field(
        256,
        ge=32,
        multiple_of=16,
        description="side of the thumbnail used to recognize the filter; above 64, a multiple of 64",
    )
    width: int = Field(96, ge=4, multiple_of=4, description="channels of the context branch")
    code: int = Field(64, ge=2, description="length of the code of the filter")
    hidden: int = Field(32, ge=1, description="channels at full resolution")
    kinds: int = Field(0, ge=0, description="number of filters to classify, with filter-class; 0 for none")
    prototypes: bool = Field(False, description="give every kind its own code, for filters that are recognized")
    gate: bool = Field(False, description="scale the change by the network's confidence that it helps")

    def build(self, scale: int) -> nn.Module:
        self.refuse_to_enlarge(scale)
        return ModulatedColor(
            self.thumbnail, self.width, self.code, self.hidden, self.kinds, self.prototypes, self.gate
        )

    def halo(self, scale: int) -> int:
        return 0

    def minimum(self) -> int:
        return 2  # needed to derive the aspect ratio

    def context(self) -> int:
        return self.thumbnail

    def thumbnails(self) -> Literal["mean", "middle"]:
        return "middle"

    def takes_strength(self) -> bool:
        return True

    def codes(self) -> bool:
        return True


def _places(rows: Tensor, columns: Tensor) -> Tensor:
    """Pixel positions, (N, 3, H, W): across and down from the center, and the squared distance.

    All are fractions of half the diagonal, so that a corner's distance is 1 for any aspect ratio. Pixels are assumed to
    be
    square: the distances of neighbors, as fractions of the sides, then give the aspect ratio. A network trained only on
    squares thus locates a vignette correctly in a picture of any shape.
    """
    height, width = (1 / ((along[:, -1] - along[:, 0]) / (along.shape[1] - 1)) for along in (rows, columns))
    diagonal = (height.square() + width.square()).sqrt()
    down, across = (2 * rows - 1) * (height / diagonal)[:, None], (2 * columns - 1) * (width / diagonal)[:, None]
    size = (-1, rows.shape[1], columns.shape[1])
    planes = [
        across[:, None, :].expand(size),
        down[:, :, None].expand(size),
        down.square()[:, :, None] + across.square()[:, None, :],
    ]
    return torch.stack(planes, dim=1)
