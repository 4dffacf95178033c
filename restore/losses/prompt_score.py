"""CLIP-LIT's enhancement loss: the output should not look like the prompt for bad pictures."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from restore.losses.base import ALONE, LossTerm, PromptScorer, TargetFreeOptions, TrainingContext
from restore.losses.contrastive.frozen import frozen


class PromptTerm(LossTerm):
    """The mean probability of the prompt for bad pictures (CLIP-LIT; Liang et al., ICCV 2023); 0 is best, at most 1.

    Args:
        prompts: that score pictures; they get no gradient from this loss.
    """

    def __init__(self, prompts: PromptScorer) -> None:
        super().__init__()
        self._lent = (prompts,)  # a tuple, so that it is no submodule of this module

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        (scorer,) = self._lent
        with frozen(scorer.prompts):
            return scorer.score(output).mean()


class PromptScoreOptions(TargetFreeOptions):
    """Avoid resembling the prompt for bad pictures: CLIP-LIT's enhancement loss, with the recipe's ``guidance``."""

    kind: Literal["prompt-score"] = "prompt-score"

    @property
    def uses_prompts(self) -> bool:
        return True

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        if context.prompts is None:
            raise ValueError("prompt-score needs prompts: add guidance to the recipe")
        return PromptTerm(context.prompts)
