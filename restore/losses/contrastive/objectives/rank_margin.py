"""Ranking by margins, by which CLIP-LIT (Liang et al., ICCV 2023) refines its prompts round by round."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F


def rank_margin(higher: Tensor, lower: Tensor, margin: float) -> Tensor:
    """max(0, margin - (higher - lower)): 0 once ``higher`` leads by the margin. Scores (N,) to (N,)."""
    return F.relu(margin - (higher - lower))


def prompt_ranking(
    backlit: Tensor,
    well_lit: Tensor,
    enhanced: Sequence[Tensor] = (),
    far: float = 0.9,
    near: float = 0.2,
    step: float = 0.1,
) -> Tensor:
    """Scores must fall from backlit over what was enhanced, the oldest first, to well lit.

    Args:
        backlit: (N,) scores of the negative prompt, 0..1
            (:func:`~restore.losses.contrastive.objectives.prompt_pair.negative_probability`).
        well_lit: (N,), of unpaired well-lit pictures.
        enhanced: (N,) for each of the last rounds' results, none, one or two, the older one first. None in the first
            round, in which the margin is 1.
        far: margin between backlit and what is better than it.
        near: margin between the only result and well lit.
        step: with two results, the margin from each to its next and to well lit.

    Returns:
        (N,).

    Raises:
        ValueError: more than two results.
    """
    if len(enhanced) > 2:
        raise ValueError(f"{len(enhanced)} rounds of enhanced pictures: give the last two, the older one first")
    if not enhanced:
        return rank_margin(backlit, well_lit, 1.0)
    loss = rank_margin(backlit, well_lit, far) + rank_margin(backlit, enhanced[0], far)
    if len(enhanced) == 1:
        return loss + rank_margin(enhanced[0], well_lit, near)
    older, newer = enhanced
    return loss + rank_margin(older, newer, step) + rank_margin(newer, well_lit, step)
