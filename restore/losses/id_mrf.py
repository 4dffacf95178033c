"""ID-MRF: each texture is compared with its best match only."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from restore.encoders.efficientnet_lite import EfficientNetLite0Options
from restore.losses.base import ALONE, LossTerm, PairTerm, TrainingContext
from restore.losses.features import AnyFeatures, FrozenEncoderLossOptions
from restore.losses.full_precision import full_precision
from restore.losses.perceptual import Perceptual

_EPSILON = 1e-5


@full_precision
def id_mrf(output: Tensor, target: Tensor, bias: float = 1.0, stretch: float = 0.5) -> Tensor:
    """How well every feature of the target is matched somewhere in the output; 0 is best.

    Implicit diversified Markov random fields: Wang et al., "Image inpainting via generative multi-column convolutional
    neural networks", NeurIPS 2018. Cosine distances of features, minus the target's mean, are taken relative to the
    nearest target feature at each position of the output, and turned into shares over the target's features. A target
    feature is matched as well as its largest share at any position. Each must therefore appear somewhere, whereas a
    mean distance would accept their average. The logarithm is applied to the mean over the target's features, as in the
    paper's code, because a feature without any match has a share of 0.

    Args:
        output: (N, C, h, w).
        target: the same.
        bias: of the relative distance.
        stretch: softness of the preference for the nearest feature.

    Returns:
        A scalar, the mean over the pictures of -log of that mean. It stores (h w)^2 numbers per picture.
    """
    mean = target.mean(dim=(2, 3), keepdim=True)
    found, wanted = (F.normalize((x - mean).flatten(2), dim=1) for x in (output, target))
    distance = (1 - wanted.transpose(1, 2) @ found) / 2  # (N, of the target, of the output)
    relative = distance / (distance.amin(dim=1, keepdim=True) + _EPSILON)
    share = F.softmax((bias - relative) / stretch, dim=1)
    return -share.amax(dim=2).mean(dim=1).log().mean()


class IdMrfOptions(FrozenEncoderLossOptions):
    """Compare textures with their best matches: :func:`restore.losses.id_mrf.id_mrf`."""

    kind: Literal["id-mrf"] = "id-mrf"
    encoder: AnyFeatures = Field(
        EfficientNetLite0Options(taps=("block4", "block10")), description="features in which pictures are compared"
    )
    taps: list[float] | None = Field(None, min_length=1, description="a weight for each tap; null for 1 each")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return self.jittered(PairTerm(Perceptual(self.features(context), self.taps, id_mrf)))
