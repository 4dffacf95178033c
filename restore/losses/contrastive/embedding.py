"""One embedding vector per picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from restore.losses.contrastive.frozen import frozen
from restore.losses.features import FeatureExtractor


class Embedding(nn.Module):
    """An encoder's last feature map, averaged over its positions, of a picture resized to a square.

    Computed in float32 even under autocast: the difference between a good and a bad picture is a small part of it. The
    pictures that a direction is fitted to and those that are scored by it are treated alike; RAVE's released code crops
    the former and resizes the latter.

    Args:
        encoder: (N, 3, H, W) RGB on 0..1 to a list of feature maps; it is not changed.
        side: of the square, pixels; None for the picture as it is.

    Shape:
        (N, 3, H, W), RGB, 0..1, to (N, C), not of unit length: compare by cosine.
    """

    def __init__(self, encoder: FeatureExtractor, side: int | None = 224) -> None:
        super().__init__()
        self.encoder, self.side = encoder, side

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False), frozen(self.encoder):
            x = x.float()
            if self.side is not None and x.shape[-2:] != (self.side, self.side):
                x = F.interpolate(x, (self.side, self.side), mode="bilinear", antialias=True)
            last: Tensor = self.encoder(x)[-1]
            return last.mean(dim=(2, 3))
