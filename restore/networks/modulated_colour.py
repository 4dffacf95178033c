"""What was done to a photograph's colours judged on a thumbnail, and undone pixel by pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.thumbnail import whole

# Of a pixel: red, green, blue; where it lies from left to right and from top to bottom; its distance from the middle.
_KNOWN = 6


class ModulatedColour(nn.Module):
    """A transform of colours, chosen anew for each picture, that may change from the middle to the corners.

    A *context* branch looks at a thumbnail of the whole picture and makes a code of it: what filter it is under. A few
    layers that see single pixels, their colour and their place, turn the picture into what it was; every channel of
    theirs is scaled and shifted as the code says. The idea of layers on single pixels under the control of a condition
    network is that of He et al., "Conditional sequential modulation for efficient global image retouching" (CSRNet),
    ECCV 2020; the place is ours, for vignettes and gradients.

    It is as good as a table of colours from three to three dimensions that bends with the place, and needs no
    neighbours: any tile gives what the whole picture gives.

    Args:
        thumbnail: side of the thumbnail, a multiple of 16.
        width: channels of the context branch at its deepest.
        code: length of the code.
        hidden: channels of the layers on single pixels.
        kinds: how many filters the code is told apart into, the last of them none; 0 for not.

    Shape:
        - x: (N, 3, H, W), RGB, 0..1, both sides at least 2; a part of a picture, or all of it.
        - thumbnail: (N, 3, thumbnail, thumbnail), the whole picture averaged down.
        - rows: (N, H), where the pixels' centres lie in the whole picture, 0 its top and 1 its bottom.
        - columns: (N, W), the same from left to right.
        - strength: (N,), 0 leaves the picture as it is, 1 is what was learned.
        - result: as x, not clipped.
    """

    def __init__(self, thumbnail: int = 128, width: int = 96, code: int = 64, hidden: int = 32, kinds: int = 0) -> None:
        super().__init__()
        if thumbnail % 16:
            raise ValueError(f"thumbnail: {thumbnail} is not a multiple of 16")
        self.side = thumbnail
        halved = (width // 4, width // 2, 3 * width // 4, width)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip((3, *halved), halved, strict=False)
        )
        # Of every channel its mean and its deviation over the picture, deep and shallow: the latter are much like
        # histograms, and a filter shows in those.
        self.tell = nn.Linear(2 * sum(halved), 2 * code)
        self.code = nn.Linear(2 * code, code)
        self.kinds = nn.Linear(code, kinds) if kinds else None
        self.pixel = nn.ModuleList(nn.Conv2d(a, hidden, 1) for a in (_KNOWN, hidden, hidden))
        self.modulation = nn.Linear(code, 2 * hidden * len(self.pixel))
        self.last = nn.Conv2d(hidden, 3, 1)
        with torch.no_grad():  # begin as nearly the identity
            for layer in (self.last, self.modulation):
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
        now = torch.cat((x, _places(rows, columns)), dim=1)
        modulation = self.modulation(self.codes(thumbnail))[:, :, None, None].chunk(2 * len(self.pixel), dim=1)
        for layer, scale, shift in zip(self.pixel, modulation[::2], modulation[1::2], strict=True):
            now = F.relu(layer(now) * (1 + scale) + shift)
        change: Tensor = self.last(now)
        return x + (change if strength is None else strength[:, None, None, None] * change)

    def codes(self, thumbnail: Tensor) -> Tensor:
        """What is laid over pictures (N, 3, side, side): (N, code)."""
        now, found = 2 * thumbnail - 1, []
        for layer in self.down:
            now = F.relu(layer(now))
            mean = now.mean((2, 3))
            found += [mean, ((now - mean[:, :, None, None]).square().mean((2, 3)) + 1e-5).sqrt()]
        codes: Tensor = self.code(F.relu(self.tell(torch.cat(found, dim=1))))
        return codes

    def codes_of(self, pictures: Tensor) -> Tensor:
        """The same of pictures of any size (N, 3, H, W)."""
        return self.codes(whole(pictures, self.side)[0])


def _places(rows: Tensor, columns: Tensor) -> Tensor:
    """Where pixels lie, (N, 3, H, W): across and down from the middle, -1..1, and the squared distance, 1 at corners.

    The distance is that of a picture with square pixels, however its sides compare: how far apart two neighbours lie
    as shares of the sides tells how long the sides are.
    """
    down, across = 2 * rows - 1, 2 * columns - 1
    height, width = (1 / ((along[:, -1] - along[:, 0]) / (along.shape[1] - 1)) for along in (rows, columns))
    diagonal = height.square() + width.square()
    vertical = (down * (height / diagonal.sqrt())[:, None]).square()
    horizontal = (across * (width / diagonal.sqrt())[:, None]).square()
    size = (-1, rows.shape[1], columns.shape[1])
    planes = [
        across[:, None, :].expand(size),
        down[:, :, None].expand(size),
        vertical[:, :, None] + horizontal[:, None, :],
    ]
    return torch.stack(planes, dim=1)
