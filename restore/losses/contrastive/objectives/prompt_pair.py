"""A pair of prompts in an image-and-text embedding, one for the bad and one for the good (CLIP-LIT, ICCV 2023)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from restore.losses.contrastive.objectives.base import at_least_float32

SCALE = 100.0  # CLIP's learned logit scale, at its ceiling


def prompt_logits(images: Tensor, prompts: Tensor) -> Tensor:
    """100 cos(image, prompt).

    Args:
        images: (N, D) embeddings.
        prompts: (2, D) embeddings, the negative prompt first, then the positive one.

    Returns:
        (N, 2).
    """
    with torch.autocast(images.device.type, enabled=False):
        unit = F.normalize(at_least_float32(images), dim=1)
        return SCALE * unit @ F.normalize(at_least_float32(prompts), dim=1).T


def negative_probability(images: Tensor, prompts: Tensor) -> Tensor:
    """Probability of the negative prompt, 0..1, (N,): CLIP-LIT's score S, which the enhanced picture minimizes.

    Arguments as in :func:`prompt_logits`.
    """
    return prompt_logits(images, prompts).softmax(dim=1)[:, 0]


def prompt_cross_entropy(images: Tensor, prompts: Tensor, labels: Tensor) -> Tensor:
    """First training loss of prompts: cross-entropy against labels (N,), 0 for bad and 1 for good; gives (N,)."""
    return F.cross_entropy(prompt_logits(images, prompts), labels, reduction="none")
