"""A bilateral grid of gains, predicted from a thumbnail and applied at full resolution, with denoising."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.base import NetworkOptions
from restore.networks.thumbnail import whole
from restore.utils.json_types import JsonObject

# Of R, G and B in the luma of BT.601.
_LUMA = (0.299, 0.587, 0.114)
# Bounds the square root's slope near 0.
_BLACK = 1e-4
# Side of the neighborhood whose mean color may replace a pixel's own.
_AROUND = 5
# Initial logit of the gate: 0.95 of the change.
_OPEN = 3.0


class BilateralGrid(nn.Module):
    """Brighten dark regions and leave the rest unchanged, at any picture size.

    The idea is from Gharbi et al., "Deep bilateral learning for real-time image enhancement" (HDRNet), SIGGRAPH 2017. A
    *context* branch looks at a thumbnail of the whole picture and fills a coarse grid over position and brightness;
    each pixel is then changed by the grid's value at its position and brightness. Unlike in HDRNet, a cell holds two
    numbers instead of an affine map: the logarithm of a gain, common to R, G and B, and the logarithm of a factor on
    the color's distance from gray. Gray therefore stays gray, black stays black, and hues cannot change.

    A small *local* branch at half resolution computes three things for each pixel: the brightness to look it up by (its
    own, adjusted by its surroundings, so that contrast within shadows survives), the share of its luma that is noise,
    and the extent to which its color is taken from its neighbors.

    With ``offset``, a cell holds three more numbers, which are added to R, G and B at the end: haze adds light, which
    no gain takes away. Black and gray may then change.

    With ``shoulder``, results above it approach 1 without reaching it, as on film: with k for the shoulder, o becomes
    1 - (1 - k) exp(-(o - k) / (1 - k)), so that brightened highlights keep their gradation. What the picture itself has
    above that stays.

    Args:
        thumbnail: side of the thumbnail, a multiple of 16.
        bins: number of cells along brightness.
        width: channels of the context branch at the grid's resolution.
        local: channels of the local branch.
        gate: also judge from the thumbnail how much of the change the picture needs, a factor from 0 to 1 in addition
            to ``strength``. It starts nearly open, and weights of a network without a gate can be loaded.
        offset: let cells also hold a color to add.
        shoulder: level, 0..1, above which brightened values are compressed; None compresses none.

    Shape:
        - x: (N, 3, H, W), RGB, 0..1, both sides even; a part of a picture, or all of it.
        - thumbnail: (N, 3, thumbnail, thumbnail), the whole picture averaged down.
        - rows: (N, H), where the pixels' centers lie in the whole picture, 0 its top and 1 its bottom.
        - columns: (N, W), the same from left to right.
        - strength: (N,), 0 leaves the picture unchanged, 1 is the learned change.
        - result: as x, not clipped.
    """

    def __init__(
        self,
        thumbnail: int = 256,
        bins: int = 8,
        width: int = 64,
        local: int = 24,
        gate: bool = False,
        offset: bool = False,
        shoulder: float | None = None,
    ) -> None:
        super().__init__()
        self.shoulder = shoulder
        if thumbnail % 16:
            raise ValueError(f"thumbnail: {thumbnail} is not a multiple of 16")
        self.side, self.bins = thumbnail, bins
        self.numbers = 5 if offset else 2
        halved = (width // 4, width // 2, 3 * width // 4, width)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip((6, *halved), halved, strict=False)
        )
        self.everywhere = nn.Linear(width, width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(2))
        self.cells = nn.Conv2d(width, self.numbers * bins, 1)
        self.gate = _Gate(width) if gate else None
        self.local = nn.Sequential(
            nn.Conv2d(3, local, 6, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(local, local, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(local, local, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(local, 12, 3, padding=1),
        )
        with torch.no_grad():  # start close to the identity
            for layer in (self.cells, self.local[-1]):
                for parameter in layer.parameters():
                    parameter.mul_(0.1)

    def forward(
        self,
        x: Tensor,
        thumbnail: Tensor | None = None,
        rows: Tensor | None = None,
        columns: Tensor | None = None,
        strength: Tensor | None = None,
    ) -> Tensor:
        """Without ``thumbnail``, ``rows`` and ``columns``, x is the whole picture."""
        if thumbnail is None or rows is None or columns is None:
            thumbnail, rows, columns = whole(x, self.side)
        seen = self.context(thumbnail)
        grid = self.grid(seen)
        if self.gate is not None:
            amount = self.gate(seen)
            strength = amount if strength is None else strength * amount
        moved, noise, share = self.local(x).float().chunk(3, dim=1)
        if torch.is_autocast_enabled(x.device.type):
            with torch.autocast(x.device.type, enabled=False):  # positions need more than bf16's 8 bits
                if strength is not None:
                    strength = strength.float()
                return self._lift(x, grid.float(), moved, noise, share, rows, columns, strength)
        return self._lift(x, grid, moved, noise, share, rows, columns, strength)

    def context(self, thumbnail: Tensor) -> Tensor:
        """Context features of a thumbnail (N, 3, side, side): (N, width, side / 16, side / 16)."""
        now = torch.cat((thumbnail, _root(thumbnail)), dim=1)  # the root spreads dark values
        for layer in self.down:
            now = F.relu(layer(now))
        now = now + self.everywhere(now.mean((2, 3)))[:, :, None, None]
        for block in self.blocks:
            now = block(now)
        result: Tensor = now
        return result

    def grid(self, seen: Tensor) -> Tensor:
        """The grid from the features of :meth:`context`: (N, numbers * bins, side / 16, side / 16)."""
        cells: Tensor = self.cells(seen)
        return cells

    def _lift(
        self,
        x: Tensor,
        grid: Tensor,
        moved: Tensor,
        noise: Tensor,
        share: Tensor,
        rows: Tensor,
        columns: Tensor,
        strength: Tensor | None,
    ) -> Tensor:
        luma = (x * x.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)
        looked_up = _root(luma) + F.pixel_shuffle(moved, 2)
        gain, color, *added = self._slice(grid, looked_up, rows, columns)
        chroma = x - luma
        around = _average(_average(chroma, (_AROUND, 1)), (1, _AROUND))
        chroma = chroma + F.pixel_shuffle(share, 2).sigmoid() * (around - chroma)
        # Noise is a share of the luma: black stays black.
        quiet = luma * (1 + F.pixel_shuffle(noise, 2))
        lifted = torch.exp2(gain) * (quiet + torch.exp2(color) * chroma)
        if added:
            lifted = lifted + torch.cat(added, dim=1)
        if self.shoulder is not None:
            lifted = torch.maximum(_compressed(lifted, self.shoulder), torch.minimum(lifted, x))
        return lifted if strength is None else x + strength[:, None, None, None] * (lifted - x)

    def _slice(self, grid: Tensor, looked_up: Tensor, rows: Tensor, columns: Tensor) -> list[Tensor]:
        """The grid's numbers for every pixel, each (N, 1, H, W), interpolated along all three axes."""
        down, along = _hats(rows, grid.shape[2])[:, None], _hats(columns, grid.shape[3])[:, None]
        planes = down @ grid @ along.transpose(2, 3)
        places = looked_up.clamp(0, 1) * (self.bins - 1)
        steps = torch.arange(self.bins, dtype=places.dtype, device=places.device)[:, None, None]
        weights = F.relu(1 - (places - steps).abs())
        return [(weights * plane).sum(1, keepdim=True) for plane in planes.chunk(self.numbers, dim=1)]


class BilateralGridOptions(NetworkOptions):
    """Light estimated from a thumbnail: :class:`restore.networks.bilateral_grid.BilateralGrid`, at scale 1."""

    kind: Literal["bilateral-grid"] = "bilateral-grid"
    thumbnail: int = Field(
        256, ge=32, multiple_of=16, description="side of the thumbnail from which the light is estimated"
    )
    bins: int = Field(8, ge=2, description="cells of the grid along brightness")
    width: int = Field(64, ge=4, multiple_of=4, description="channels of the context branch")
    local: int = Field(24, ge=1, description="channels at full resolution")
    gate: bool = Field(False, description="judge from the whole picture how much of the change it needs, from 0 to 1")
    offset: bool = Field(False, description="also add a color, as haze does; black and gray may then change")
    shoulder: float | None = Field(
        None, gt=0, lt=1, description="level above which brightened values approach white without reaching it"
    )

    def build(self, scale: int) -> nn.Module:
        self.refuse_to_enlarge(scale)
        return BilateralGrid(self.thumbnail, self.bins, self.width, self.local, self.gate, self.offset, self.shoulder)

    def halo(self, scale: int) -> int:
        return 8  # four convolutions at half resolution; the color around a pixel lies within

    def multiple(self, scale: int) -> int:
        return 2

    def context(self) -> int:
        return self.thumbnail

    def takes_strength(self) -> bool:
        return True


class _Block(nn.Module):
    """x + conv(relu(conv(x)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(F.relu(self.first(x)))
        return out


class _Gate(nn.Module):
    """How much of the change a picture needs, (N,), from its context features, (N, width, h, w).

    The mean over all locations shows how it is lit, and the mean of the squares how unevenly.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(2 * width, width)
        self.last = nn.Linear(width, 1)
        nn.init.constant_(self.last.bias, _OPEN)

    def forward(self, seen: Tensor) -> Tensor:
        return self.logit(seen).sigmoid()[:, 0]

    def logit(self, seen: Tensor) -> Tensor:
        """Logits (N, 1) from the same features."""
        facts = torch.cat((seen.mean((2, 3)), seen.square().mean((2, 3))), dim=1)
        found: Tensor = self.last(F.relu(self.first(facts)))
        return found

    def _load_from_state_dict(self, state_dict: JsonObject, prefix: str, *rest: object) -> None:
        """Keep the initial gate if the weights are from a network without one."""
        if not any(key.startswith(prefix) for key in state_dict):
            state_dict.update({prefix + key: value for key, value in self.state_dict().items()})
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _compressed(x: Tensor, shoulder: float) -> Tensor:
    """x up to the shoulder; above it, a curve of the same slope there that approaches 1."""
    span = 1 - shoulder
    return torch.where(x > shoulder, 1 - span * torch.exp(-F.relu(x - shoulder) / span), x)


def _hats(places: Tensor, cells: int) -> Tensor:
    """Weights of linear interpolation (N, length, cells) between cell centers, for positions (N, length) on 0..1."""
    steps = torch.arange(cells, dtype=places.dtype, device=places.device)
    at = (places * cells - 0.5).clamp(0, cells - 1)
    return F.relu(1 - (at[:, :, None] - steps).abs())


def _average(x: Tensor, window: tuple[int, int]) -> Tensor:
    """The mean of the part of a window around every pixel that lies inside the picture."""
    height, width = window
    averaged: Tensor = F.avg_pool2d(x, window, stride=1, padding=(height // 2, width // 2), count_include_pad=False)
    return averaged


def _root(x: Tensor) -> Tensor:
    """Square root that is 0 at 0 with a finite slope, and 1 at 1."""
    root: Tensor = ((x.clamp(min=0) + _BLACK).sqrt() - _BLACK**0.5) / ((1 + _BLACK) ** 0.5 - _BLACK**0.5)
    return root
