"""A color change estimated from a thumbnail and undone pixel by pixel."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.base import NetworkOptions
from restore.networks.thumbnail import whole

# Inputs per pixel: red, green, blue; horizontal and vertical position; distance from the center.
_KNOWN = 6
# Inputs per pixel of the thumbnail besides red, green and blue: across, down, and the distance.
_PLACE = 3
# Bins of a channel's histogram, and side of the maps it is computed on.
_BINS, _SPREAD = 64, 32
# Maximum side of the picture that the context layers see.
_SEEN = 64
# Initial logit of the gate: 0.95 of the change.
_OPEN = 3.0


class ModulatedColor(nn.Module):
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
        super().__init__()
        if prototypes and not kinds:
            raise ValueError("prototypes need kinds above 0")
        if thumbnail % (16 if thumbnail < _SEEN else _SEEN):
            raise ValueError(f"thumbnail: {thumbnail} is not a multiple of {16 if thumbnail < _SEEN else _SEEN}")
        self.side = thumbnail
        halved = (width // 4, width // 2, 3 * width // 4, width)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip((3 + _PLACE, *halved), halved, strict=False)
        )
        # A filter shows in the histograms of all, the brightest and the darkest colors, in the extremes, and in each
        # channel's mean and deviation over the picture.
        self.tell = nn.Linear(3 * 3 * _BINS + 2 * 3 + 2 * sum(halved), 2 * code)
        self.narrow = nn.Linear(2 * code, code)
        self.kinds = nn.Linear(code, kinds) if kinds else None
        self.prototypes = nn.Linear(kinds, code, bias=False) if prototypes else None
        self.pixel = nn.ModuleList(nn.Linear(a, hidden) for a in (_KNOWN, hidden, hidden))
        self.modulation = nn.Linear(code, 2 * hidden * len(self.pixel))
        self.last = nn.Linear(hidden, 3)
        self.gate = nn.Sequential(nn.Linear(code, code // 2), nn.ReLU(), nn.Linear(code // 2, 1)) if gate else None
        with torch.no_grad():  # start close to the identity
            for layer in (self.last, self.modulation):
                for parameter in layer.parameters():
                    parameter.mul_(0.1)
            if self.gate is not None:  # and with a nearly open gate
                last = self.gate[-1]
                assert isinstance(last, nn.Linear)
                last.weight.mul_(0.1)
                last.bias.fill_(_OPEN)

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
        if self.prototypes is not None and self.kinds is not None:
            code = code + self.prototypes(F.softmax(self.kinds(code), dim=1))
        modulation = self.modulation(code)[:, None].chunk(2 * len(self.pixel), dim=2)
        for layer, scale, shift in zip(self.pixel, modulation[::2], modulation[1::2], strict=True):
            # Fold scale and shift into the layer: one product, without extra passes over all pixels.
            now = F.relu(torch.baddbmm(layer.bias * (1 + scale) + shift, now, layer.weight.T * (1 + scale)))
        change = self.last(now).transpose(1, 2).reshape(x.shape)
        if opened is not None:
            change = opened[:, None, None, None] * change
        made: Tensor = x + (change if strength is None else strength[:, None, None, None] * change)
        return made

    def codes(self, thumbnail: Tensor) -> Tensor:
        """Codes of the filters of pictures (N, 3, side, side): (N, code)."""
        thumbnail = thumbnail.contiguous()  # pooling is many times slower with channels last
        seen = F.avg_pool2d(thumbnail, max(1, thumbnail.shape[-1] // _SEEN))
        now, found = torch.cat((2 * seen - 1, _square(seen)), dim=1), [_distribution(thumbnail, seen)]
        for layer in self.down:
            now = F.relu(layer(now))
            mean = now.mean((2, 3))
            found += [mean, ((now - mean[:, :, None, None]).square().mean((2, 3)) + 1e-5).sqrt()]
        codes: Tensor = self.narrow(F.relu(self.tell(torch.cat(found, dim=1))))
        return codes

    def opened(self, codes: Tensor) -> Tensor:
        """The gate for codes (N, code): the share of the change to apply, 0..1, (N,).

        Raises:
            ValueError: it has no gate.
        """
        if self.gate is None:
            raise ValueError("the network has no gate: build it with gate true")
        share: Tensor = torch.sigmoid(self.gate(codes))[:, 0]
        return share

    def belief(self, thumbnail: Tensor) -> Tensor:
        """Probability of each kind of filter, (N, kinds); every row sums to 1.

        Raises:
            ValueError: the network was built without kinds.
        """
        if self.kinds is None:
            raise ValueError("the network was built with kinds 0, so it distinguishes none")
        return F.softmax(self.kinds(self.codes(thumbnail)), dim=1)

    def codes_of(self, pictures: Tensor) -> Tensor:
        """Codes of pictures of any size (N, 3, H, W)."""
        return self.codes(whole(pictures, self.side, "middle")[0])


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


def _square(thumbnail: Tensor) -> Tensor:
    """Positions of a thumbnail's pixels, (N, 3, side, side): across and down on -1..1, and half the squared distance.

    A thumbnail is a square for a picture of any shape.
    """
    count, _, side, _ = thumbnail.shape
    along = torch.linspace(-1, 1, side, dtype=thumbnail.dtype, device=thumbnail.device)
    across, down = along.expand(side, side), along[:, None].expand(side, side)
    places = torch.stack((across, down, (across.square() + down.square()) / 2))
    return places.expand(count, _PLACE, side, side)


def _distribution(thumbnail: Tensor, seen: Tensor) -> Tensor:
    """Color distribution of thumbnails, (N, 9 * bins + 6): histograms and extremes.

    ``seen`` is the thumbnail reduced by averaging.

    A filter moves black and white and clips values beyond them, so it shows most in the brightest and darkest pixels,
    which the mean of an area hides. There are therefore also histograms of the brightest and darkest pixel of each
    area, and their logarithms are used so that rare values count.
    """
    area = max(1, thumbnail.shape[-1] // _SPREAD)
    count, side = thumbnail.shape[0], thumbnail.shape[-1] // area  # len() would fix the batch when exported
    # By rows, then by columns: pooling in both directions at once takes four times as long.
    rows, square = thumbnail.reshape(count, 3, side, area, side * area), (count, 3, side, side, area)
    bright, dark = rows.amax(3).reshape(square).amax(4), rows.amin(3).reshape(square).amin(4)
    extremes = 4 * torch.cat((bright.amax((2, 3)), dark.amin((2, 3))), dim=1) - 2
    maps = torch.cat((F.avg_pool2d(seen, max(1, seen.shape[-1] // _SPREAD)), bright, dark), dim=1)
    return torch.cat((torch.log1p(_histograms(maps)), extremes), dim=1)


def _histograms(maps: Tensor) -> Tensor:
    """Histograms (N, C * bins) of maps (N, C, H, W): each bin's share of the pixels, relative to a uniform share.

    A pixel between the centers of two bins counts for both, weighted by proximity, so that small changes have small
    effects.
    """
    pixels = maps.flatten(2)
    if not torch.compiler.is_exporting():
        return _counted((_BINS - 1) * pixels).flatten(1) * (_BINS / pixels.shape[2])
    # For export, the same in common operators: compare each pixel with each bin.
    centers = torch.linspace(0, 1, _BINS, dtype=maps.dtype, device=maps.device)[:, None]
    near = F.relu(1 - (_BINS - 1) * (pixels[:, :, None] - centers).abs())
    return _BINS * near.mean(3).flatten(1)


def _counted(places: Tensor) -> Tensor:
    """Soft counts (N, C, bins) of positions (N, C, K) among the bins; much faster than comparing with each bin."""
    places = places.clamp(0, _BINS - 1)
    below = places.floor().clamp(max=_BINS - 2)
    share = places - below
    counts = places.new_zeros(*places.shape[:2], _BINS)
    counts.scatter_add_(2, below.long(), 1 - share)
    return counts.scatter_add_(2, below.long() + 1, share)
