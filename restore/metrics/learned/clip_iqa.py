"""CLIP-IQA, how much better "Good photo." describes a picture than "Bad photo."."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from restore.encoders.clip import ClipEncoder
from restore.losses.contrastive.objectives.prompt_pair import negative_probability
from restore.metrics.learned.tensor import to_tensor

PROMPTS = ("Bad photo.", "Good photo.")


class ClipIqa:
    """The probability of the second of two prompts, 0..1; higher is better.

    Wang, Chan and Loy, "Exploring CLIP for assessing the look and feel of images", AAAI 2023, with the paper's pair of
    prompts and its network, OpenAI's ResNet-50. As in the paper, the positional embedding is left out, and pictures
    are judged at their own size.

    Args:
        weights: a file of CLIP's weights; None for the caches of open_clip.
        prompts: for a bad and a good picture.
        model: open_clip's name for the architecture.
        pretrained: open_clip's tag for the weights.

    Raises:
        MissingExtraError: open_clip is not installed.
        MissingWeightsError: the weights are missing.
        ModelError: the file is damaged or for another network.
    """

    def __init__(
        self,
        weights: Path | None = None,
        prompts: tuple[str, str] = PROMPTS,
        model: str = "RN50",
        pretrained: str = "openai",
    ) -> None:
        self._encoder = ClipEncoder(model, pretrained, ("embedding",), weights)
        self._prompts = self._encoder.encode_text(prompts)

    @torch.no_grad()
    def __call__(self, image: NDArray[np.uint8]) -> float:
        """Score an RGB picture (H, W, 3).

        Raises:
            ValueError: a side is below 32 pixels.
        """
        embedding = self._encoder.encode_unplaced(to_tensor(image))
        return 1 - float(negative_probability(embedding, self._prompts))
