"""A color change estimated from a thumbnail and undone pixel by pixel."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.base import NetworkOptions
from restore.networks.thumbnail import whole

# Of a pixel: red, green, blue; where it lies from left to right and from top to bottom; its distance from the middle.
_KNOWN = 6
# Of a thumbnail's pixel besides red, green and blue: across, down, and the distance.
_PLACE = 3
# Of a channel's histogram, and the side of the maps that it is taken over.
_BINS, _SPREAD = 64, 32
# What the layers that judge the picture see of it, at most.
_SEEN = 64
# The logit that a gate begins at: 95 in 100 of the change come through.
_OPEN = 3.0


class ModulatedColor(nn.Module):
    """A color transform, predicted for each picture, that may vary from the center to the corners.

    A *context* branch looks at a thumbnail of the whole picture and makes a code of it: what filter it is under. A few
    layers that see single pixels, their color and their place, turn the picture into what it was; every channel of
    theirs is scaled and shifted as the code says. The idea of layers on single pixels under the control of a condition
    network is that of He et al., "Conditional sequential modulation for efficient global image retouching" (CSRNet),
    ECCV 2020; the place is ours, for vignettes and gradients.

    It is as good as a table of colors from three to three dimensions that bends with the place, and needs no
    neighbors: any tile gives what the whole picture gives.

    Args:
        thumbnail: side of the thumbnail: a multiple of 16, above 64 of 64.
        width: channels of the context branch at its deepest.
        code: length of the code.
        hidden: channels of the layers on single pixels.
        kinds: how many filters the code is told apart into, the last of them none; 0 for not.
        prototypes: every kind has a code of its own, and their mean by the belief in each is added to the code that
            turns the picture back. A filter that is recognized is then undone as precisely as it is known, not only as
            it can be measured from this picture.
        gate: a share, 0..1, judged from the code, scales what is changed: 1 where the filter is known, less with doubt,
            and 0, the picture as it was, where there is none or the network cannot tell.

    Shape:
        - x: (N, 3, H, W), RGB, 0..1, both sides at least 2; a part of a picture, or all of it.
        - thumbnail: (N, 3, thumbnail, thumbnail), single pixels of the whole picture: what a filter clipped is seen as
          it is, where means of filtered pixels are as no filter leaves them.
        - rows: (N, H), where the pixels' centers lie in the whole picture, 0 its top and 1 its bottom.
        - columns: (N, W), the same from left to right.
        - strength: (N,), 0 leaves the picture unchanged, 1 is the learned change.
        - code: (N, code), what :meth:`codes` found on the thumbnail, if that is known already.
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
            raise ValueError("prototypes: there are none without kinds")
        if thumbnail % (16 if thumbnail < _SEEN else _SEEN):
            raise ValueError(f"thumbnail: {thumbnail} is not a multiple of {16 if thumbnail < _SEEN else _SEEN}")
        self.side = thumbnail
        halved = (width // 4, width // 2, 3 * width // 4, width)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip((3 + _PLACE, *halved), halved, strict=False)
        )
        # A filter shows in the histograms of the colors, of the brightest and of the darkest of them, in the extremes,
        # and in every channel's mean and deviation over the picture.
        self.tell = nn.Linear(3 * 3 * _BINS + 2 * 3 + 2 * sum(halved), 2 * code)
        self.narrow = nn.Linear(2 * code, code)
        self.kinds = nn.Linear(code, kinds) if kinds else None
        self.prototypes = nn.Linear(kinds, code, bias=False) if prototypes else None
        self.pixel = nn.ModuleList(nn.Linear(a, hidden) for a in (_KNOWN, hidden, hidden))
        self.modulation = nn.Linear(code, 2 * hidden * len(self.pixel))
        self.last = nn.Linear(hidden, 3)
        self.gate = nn.Sequential(nn.Linear(code, code // 2), nn.ReLU(), nn.Linear(code // 2, 1)) if gate else None
        with torch.no_grad():  # begin as nearly the identity
            for layer in (self.last, self.modulation):
                for parameter in layer.parameters():
                    parameter.mul_(0.1)
            if self.gate is not None:  # and as nearly open
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
            # Scale and shift go into the layer of the picture: one product, and no pass over all pixels for each.
            now = F.relu(torch.baddbmm(layer.bias * (1 + scale) + shift, now, layer.weight.T * (1 + scale)))
        change = self.last(now).transpose(1, 2).reshape(x.shape)
        if opened is not None:
            change = opened[:, None, None, None] * change
        made: Tensor = x + (change if strength is None else strength[:, None, None, None] * change)
        return made

    def codes(self, thumbnail: Tensor) -> Tensor:
        """Codes of the filters of pictures (N, 3, side, side): (N, code)."""
        thumbnail = thumbnail.contiguous()  # pooling is many times as slow where the channels lie last
        seen = F.avg_pool2d(thumbnail, max(1, thumbnail.shape[-1] // _SEEN))
        now, found = torch.cat((2 * seen - 1, _square(seen)), dim=1), [_distribution(thumbnail, seen)]
        for layer in self.down:
            now = F.relu(layer(now))
            mean = now.mean((2, 3))
            found += [mean, ((now - mean[:, :, None, None]).square().mean((2, 3)) + 1e-5).sqrt()]
        codes: Tensor = self.narrow(F.relu(self.tell(torch.cat(found, dim=1))))
        return codes

    def opened(self, codes: Tensor) -> Tensor:
        """The share of the change that pictures with these codes (N, code) get, 0..1: (N,).

        Raises:
            ValueError: it has no gate.
        """
        if self.gate is None:
            raise ValueError("the network has no gate: it was built with gate false")
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
        """The same of pictures of any size (N, 3, H, W)."""
        return self.codes(whole(pictures, self.side, "middle")[0])


class ModulatedColorOptions(NetworkOptions):
    """Colors judged from a thumbnail: :class:`restore.networks.modulated_color.ModulatedColor`, at scale 1."""

    kind: Literal["modulated-colour"] = "modulated-colour"
    thumbnail: int = Field(
        256,
        ge=32,
        multiple_of=16,
        description="side of the thumbnail from which the filter is judged; above 64, a multiple of 64",
    )
    width: int = Field(96, ge=4, multiple_of=4, description="channels of the context branch")
    code: int = Field(64, ge=2, description="length of the code of the filter")
    hidden: int = Field(32, ge=1, description="channels at full resolution")
    kinds: int = Field(0, ge=0, description="number of filters to classify, with filter-class; 0 for none")
    prototypes: bool = Field(False, description="give every kind its own code, for filters that are recognized")
    gate: bool = Field(False, description="scale the change by how sure the network is that it helps")

    def build(self, scale: int) -> nn.Module:
        self.refuse_to_enlarge(scale)
        return ModulatedColor(
            self.thumbnail, self.width, self.code, self.hidden, self.kinds, self.prototypes, self.gate
        )

    def halo(self, scale: int) -> int:
        return 0

    def minimum(self) -> int:
        return 2  # what tells how long the sides are

    def context(self) -> int:
        return self.thumbnail

    def thumbnails(self) -> Literal["mean", "middle"]:
        return "middle"

    def takes_strength(self) -> bool:
        return True

    def codes(self) -> bool:
        return True


def _places(rows: Tensor, columns: Tensor) -> Tensor:
    """Where pixels lie, (N, 3, H, W): across and down from the middle, and the square of the distance.

    All as shares of half the diagonal, so that a corner's distance is 1 whatever the picture's shape. The pixels are
    taken as square: how far apart two neighbors lie as shares of the sides tells how the sides compare. A network that
    learned on squares alone thus finds a vignette where it lies in a picture of any shape.
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
    """Where a thumbnail's pixels lie in it, (N, 3, side, side): across, down, -1..1, and the squared distance over 2.

    A thumbnail is a square whatever the picture was.
    """
    count, _, side, _ = thumbnail.shape
    along = torch.linspace(-1, 1, side, dtype=thumbnail.dtype, device=thumbnail.device)
    across, down = along.expand(side, side), along[:, None].expand(side, side)
    places = torch.stack((across, down, (across.square() + down.square()) / 2))
    return places.expand(count, _PLACE, side, side)


def _distribution(thumbnail: Tensor, seen: Tensor) -> Tensor:
    """How the colors of thumbnails are spread, (N, 9 * bins + 6): histograms and extremes.

    ``seen`` is the same, averaged down.

    A filter moves black and white and clips what passes them: it shows most in the brightest and the darkest pixels,
    which the mean of an area loses. So the histograms are also of the brightest and the darkest of each area, and what
    is rare counts too: they are taken by their logarithms.
    """
    area = max(1, thumbnail.shape[-1] // _SPREAD)
    count, side = thumbnail.shape[0], thumbnail.shape[-1] // area  # len() would fix the batch when exported
    # By rows and then by columns: pooling in both directions takes four times as long.
    rows, square = thumbnail.reshape(count, 3, side, area, side * area), (count, 3, side, side, area)
    bright, dark = rows.amax(3).reshape(square).amax(4), rows.amin(3).reshape(square).amin(4)
    extremes = 4 * torch.cat((bright.amax((2, 3)), dark.amin((2, 3))), dim=1) - 2
    maps = torch.cat((F.avg_pool2d(seen, max(1, seen.shape[-1] // _SPREAD)), bright, dark), dim=1)
    return torch.cat((torch.log1p(_histograms(maps)), extremes), dim=1)


def _histograms(maps: Tensor) -> Tensor:
    """Of each channel of maps (N, C, H, W), (N, C * bins): the share of the pixels in each bin, over an even share.

    A pixel between the centers of two bins counts for both, by its nearness: small changes of it change little.
    """
    pixels = maps.flatten(2)
    if not torch.compiler.is_exporting():
        return _counted((_BINS - 1) * pixels).flatten(1) * (_BINS / pixels.shape[2])
    # The same in operators that every runtime has: each pixel with each bin.
    centers = torch.linspace(0, 1, _BINS, dtype=maps.dtype, device=maps.device)[:, None]
    near = F.relu(1 - (_BINS - 1) * (pixels[:, :, None] - centers).abs())
    return _BINS * near.mean(3).flatten(1)


def _counted(places: Tensor) -> Tensor:
    """Of places (N, C, K) among the bins, how many lie at each, (N, C, bins): many times as fast as by comparing."""
    places = places.clamp(0, _BINS - 1)
    below = places.floor().clamp(max=_BINS - 2)
    share = places - below
    counts = places.new_zeros(*places.shape[:2], _BINS)
    counts.scatter_add_(2, below.long(), 1 - share)
    return counts.scatter_add_(2, below.long() + 1, share)
