"""What a thumbnail shows of a picture's filter: a code, which kind of filter it is, and how much to undo."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.thumbnail import whole

# Inputs per pixel of the thumbnail besides red, green and blue: across, down, and the distance.
_PLACE = 3
# Bins of a channel's histogram, and side of the maps it is computed on.
_BINS, _SPREAD = 64, 32
# Maximum side of the picture that the context layers see.
_SEEN = 64
# Initial logit of the gate: 0.95 of the change.
_OPEN = 3.0


class FilterCode(nn.Module):
    """The context branch of the networks that remove filters.

    Args:
        thumbnail: side of the thumbnail: a multiple of 16; above 64, a multiple of 64.
        width: channels of the deepest layer.
        code: length of the code.
        kinds: number of filters to classify, including "none", the last; 0 for no classification.
        prototypes: every kind has its own code, and their mean, weighted by the probability of each kind, is added to
            the code that restores the picture. A recognized filter is then undone as precisely as it is known, not only
            as precisely as it can be measured from one picture.

    Raises:
        ValueError: the side does not fit, or prototypes were asked for without kinds.
    """

    def __init__(self, thumbnail: int, width: int, code: int, kinds: int = 0, prototypes: bool = False) -> None:
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
        self.gate: nn.Sequential | None = None

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

    def settled(self, codes: Tensor) -> Tensor:
        """The codes (N, code) that restore the pictures: with prototypes, those of the likely kinds are added."""
        if self.prototypes is None or self.kinds is None:
            return codes
        settled: Tensor = codes + self.prototypes(F.softmax(self.kinds(codes), dim=1))
        return settled


def make_gate(code: int) -> nn.Sequential:
    """Layers from a code to the logit of the gate, which begins nearly open."""
    gate = nn.Sequential(nn.Linear(code, code // 2), nn.ReLU(), nn.Linear(code // 2, 1))
    last = gate[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias.fill_(_OPEN)
    return gate


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
