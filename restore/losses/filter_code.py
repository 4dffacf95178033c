"""What a network's own code of a picture should say: which filter lies over it, and that none is left in the output."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from restore.losses.contrastive.frozen import frozen
from restore.losses.contrastive.objectives.infonce import InfoNCE
from restore.losses.contrastive.objectives.supcon import supervised_contrastive
from restore.losses.contrastive.similarity import cosine
from restore.losses.precision import full_precision

_cross_entropy = full_precision(F.cross_entropy)


def filter_class(kinds: nn.Module, codes: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the filter that the network believes a picture is under; a scalar.

    Args:
        kinds: (N, code) to (N, filters), logits.
        codes: (N, code), the network's codes of pictures under filters.
        labels: (N,), int64; those below 0 do not count.
    """
    said = kinds(codes)
    if not (labels >= 0).any():
        zero: Tensor = said.sum() * 0
        return zero
    return _cross_entropy(said, labels, ignore_index=-1)


def filter_contrast(codes: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Codes of pictures under one filter pulled together, those under different ones pushed apart; a scalar.

    By SupCon (Khosla et al., NeurIPS 2020) within the batch; a picture alone with its filter counts 0.

    Args:
        codes: see :func:`filter_class`.
        labels: those below 0 are compared with none.
        temperature: of SupCon.
    """
    known = labels >= 0
    losses = supervised_contrastive(codes[known], labels[known], temperature)
    return losses.sum() / max(1, int(known.sum()))


def clean_code(network: Any, output: Tensor, target: Tensor, input: Tensor, temperature: float) -> Tensor:
    """The output's code pulled to that of its target and pushed from that of its input, by InfoNCE; a scalar.

    The network's context branch judges and does not learn by it: else all codes would become one.

    Args:
        network: with ``codes_of`` (:class:`restore.networks.modulated_colour.ModulatedColour`).
        output: (N, 3, H, W).
        target: the same, without a filter.
        input: the same, under a filter.
        temperature: of InfoNCE.
    """
    with frozen(network):
        with torch.no_grad():
            wanted, had = network.codes_of(target), network.codes_of(input)
        made = network.codes_of(output)
    losses: Tensor = InfoNCE(temperature)(cosine(made, wanted[:, None]), cosine(made, had[:, None]))
    return losses.mean()
