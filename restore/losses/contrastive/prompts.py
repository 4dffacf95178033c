"""Prompts that learn to distinguish good pictures from bad ones (CLIP-LIT)."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from restore.encoders.encoder import Encoder
from restore.losses.contrastive.embedding import Embedding
from restore.losses.contrastive.frozen import frozen
from restore.losses.contrastive.objectives.prompt_pair import negative_probability, prompt_cross_entropy
from restore.losses.contrastive.objectives.rank_margin import prompt_ranking

# Number of words in the initial text of text prompts.
_WORDS = 16


@runtime_checkable
class ReadsText(Protocol):
    """The text side of an encoder (:class:`restore.encoders.clip.ClipEncoder`)."""

    def start_tokens(self, words: int) -> tuple[Tensor, int]:
        """The embedded tokens (L, W) of a text of ``X`` repeated, and the index of its end."""

    def encode_tokens(self, tokens: Tensor, end: int) -> Tensor:
        """Embeddings (T, C) of embedded tokens (T, L, W) whose texts end at ``end``."""


class LatentPrompts(nn.Module):
    """Two free vectors of the embedding, drawn at random: CLIP-LIT-Latent (Gaintseva et al., ECCV 2024).

    They need no text, so any encoder will do.

    Args:
        encoder: with ``channels``; the last is the embedding's dimension.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(2, encoder.channels[-1]))

    def forward(self) -> Tensor:
        """(2, D), the prompt of bad pictures first."""
        return self.vectors


class TextPrompts(nn.Module):
    """Two texts with learned embedded tokens, encoded by CLIP's text encoder: CLIP-LIT (Liang et al., ICCV 2023).

    Both start as sixteen ``X`` and diverge as they learn; their beginning, end and padding are learned too.

    Args:
        encoder: with ``start_tokens`` and ``encode_tokens`` (:class:`restore.encoders.clip.ClipEncoder`).

    Raises:
        ValueError: it has no text side.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        if not isinstance(encoder, ReadsText):
            raise ValueError(f"{type(encoder).__name__} reads no text: use prompts: latent, or the encoder clip")
        tokens, self.end = encoder.start_tokens(_WORDS)
        self.tokens = nn.Parameter(tokens.repeat(2, 1, 1))
        self._lent = (encoder,)  # a tuple, so that it is no part of this module

    def forward(self) -> Tensor:
        """(2, D), the prompt of bad pictures first."""
        (encoder,) = self._lent
        with torch.autocast(self.tokens.device.type, enabled=False), frozen(encoder):
            embeddings: Tensor = encoder.encode_tokens(self.tokens, self.end)
        return embeddings


class PromptJudge:
    """Prompts, and the embedding in which pictures are compared with them.

    Attributes:
        embed: of pictures.
        prompts: :class:`LatentPrompts` or :class:`TextPrompts`.
    """

    def __init__(self, embed: Embedding, prompts: nn.Module) -> None:
        self.embed, self.prompts = embed, prompts

    def score(self, pictures: Tensor) -> Tensor:
        """Probability of the prompt for bad pictures, (N, 3, H, W) to (N,)."""
        return negative_probability(self.embed(pictures), self.prompts())

    def telling_apart(self, bad: Tensor, good: Tensor) -> Tensor:
        """First training loss of the prompts: cross-entropy, a scalar.

        Args:
            bad: (N, 3, H, W), pictures to restore.
            good: (M, 3, H, W), good pictures, unpaired.
        """
        embeddings = torch.cat([self.embed(bad), self.embed(good)])
        labels = torch.tensor([0] * len(bad) + [1] * len(good), device=embeddings.device)
        return prompt_cross_entropy(embeddings, self.prompts(), labels).mean()

    def ranking(self, bad: Tensor, good: Tensor, between: list[Tensor]) -> Tensor:
        """Later training loss: the order from bad over earlier results to good, a scalar.

        Args:
            bad: (N, 3, H, W), pictures to restore.
            good: (N, 3, H, W), good pictures, unpaired.
            between: the network's results for ``bad`` from one or two rounds, older first, (N, 3, H, W) each.
        """
        prompts = self.prompts()
        first, last, *others = (negative_probability(self.embed(x), prompts) for x in (bad, good, *between))
        return prompt_ranking(first, last, others).mean()
