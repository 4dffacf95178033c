"""Losses on a network's code of a picture: identify its filter, and leave none in the output."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor, nn
from torch.nn import functional as F

from restore.losses.base import (
    ALONE,
    LabeledTerm,
    LossTerm,
    RecipeFacts,
    TargetFreeOptions,
    TrainingContext,
)
from restore.losses.contrastive.frozen import frozen
from restore.losses.contrastive.objectives.infonce import InfoNCE
from restore.losses.contrastive.objectives.supcon import supervised_contrastive
from restore.losses.contrastive.similarity import cosine
from restore.losses.full_precision import full_precision
from restore.networks.base import MakesCodes

_cross_entropy = full_precision(F.cross_entropy)


def filter_class(kinds: nn.Module, codes: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the predicted filter of each picture; a scalar.

    Args:
        kinds: (N, code) to (N, filters), logits.
        codes: (N, code), the network's codes of pictures under filters.
        labels: (N,), int64; those below 0 do not count.
    """
    logits = kinds(codes)
    if not (labels >= 0).any():
        zero: Tensor = logits.sum() * 0
        return zero
    return _cross_entropy(logits, labels, ignore_index=-1)


def filter_contrast(codes: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Pull codes of pictures under the same filter together, and push others apart; a scalar.

    By SupCon (Khosla et al., NeurIPS 2020) within the batch; a picture that is the only one with its filter counts 0.

    Args:
        codes: see :func:`filter_class`.
        labels: those below 0 are not compared.
        temperature: of SupCon.
    """
    known = labels >= 0
    losses = supervised_contrastive(codes[known], labels[known], temperature)
    return losses.sum() / max(1, int(known.sum()))


def clean_code(network: Any, output: Tensor, target: Tensor, input: Tensor, temperature: float) -> Tensor:
    """Pull the output's code to its target's and push it from its input's, with InfoNCE; a scalar.

    The network's context branch is frozen here; otherwise all codes would collapse into one.

    Args:
        network: with ``codes_of`` (:class:`restore.networks.modulated_color.ModulatedColor`).
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


class FilterTerm(LabeledTerm):
    """A loss of the network's codes of the inputs, whose filters are known.

    Args:
        function: of (codes, labels).
        network: the network being trained.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], network: MakesCodes) -> None:
        super().__init__()
        self.function = function
        self._lent = (network,)  # a tuple, so that it is no submodule of this module

    def of_labels(self, input: Tensor, labels: Tensor, shared: dict[str, Tensor]) -> Tensor:
        if "codes" not in shared:
            shared["codes"] = self._lent[0].codes_of(input)
        return self.function(shared["codes"], labels)


class CleanCodeTerm(LossTerm):
    """:func:`clean_code` as a term.

    Args:
        network: that is trained.
        temperature: of InfoNCE.
    """

    def __init__(self, network: MakesCodes, temperature: float) -> None:
        super().__init__()
        self._lent, self.temperature = (network,), temperature

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        return clean_code(self._lent[0], output, target, input, self.temperature)


class FilterCodeOptions(TargetFreeOptions):
    """Options of a loss on the network's code of a picture's filter."""

    def check(self, recipe: RecipeFacts) -> None:
        super().check(recipe)
        if not recipe.network.codes():
            raise ValueError(
                f"{self.kind}: the network '{recipe.network.kind}' makes no code: use 'modulated-colour' or 'edits'"
            )

    def coding(self, context: TrainingContext) -> MakesCodes:
        """The network, which makes codes.

        Raises:
            ValueError: it makes none.
        """
        network: object = context.network
        if not isinstance(network, MakesCodes):
            raise ValueError(f"{self.kind}: {type(network).__name__} makes no code of a picture's filter")
        return network


class _OfLabels(FilterCodeOptions):
    def check(self, recipe: RecipeFacts) -> None:
        super().check(recipe)
        if not recipe.data.labels():
            raise ValueError(f"{self.kind}: only data.filters say which filter a picture is under")


class FilterClassOptions(_OfLabels):
    """Classify the filter of the input: :func:`restore.losses.filter_code.filter_class`."""

    kind: Literal["filter-class"] = "filter-class"

    def check(self, recipe: RecipeFacts) -> None:
        super().check(recipe)
        kinds = len(self.class_names(recipe))
        if getattr(recipe.network, "kinds", 0) != kinds:
            raise ValueError(f"filter-class: network.kinds must be {kinds}, the number of filters and one for none")

    def class_names(self, recipe: RecipeFacts) -> tuple[str, ...]:
        return recipe.data.labels()

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        network = self.coding(context)
        classifier = getattr(network, "kinds", None)
        if not isinstance(classifier, nn.Module):
            raise ValueError(f"filter-class: {type(network).__name__} does not classify filters: set network.kinds")
        return FilterTerm(partial(filter_class, classifier), network)


class FilterContrastOptions(_OfLabels):
    """Pull codes of one filter together and push others apart: :func:`restore.losses.filter_code.filter_contrast`."""

    kind: Literal["filter-contrast"] = "filter-contrast"
    temperature: PositiveFloat = Field(
        0.1, description="divides similarities; lower values emphasize the hardest samples"
    )

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return FilterTerm(partial(filter_contrast, temperature=self.temperature), self.coding(context))


class CleanCodeOptions(FilterCodeOptions):
    """Pull the output's code to the target's, away from the input's: :func:`restore.losses.filter_code.clean_code`."""

    kind: Literal["clean-code"] = "clean-code"
    temperature: PositiveFloat = Field(
        0.1, description="divides similarities; lower values emphasize the hardest samples"
    )

    @property
    def needs_pairs(self) -> bool:
        return True

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return CleanCodeTerm(self.coding(context), self.temperature)
