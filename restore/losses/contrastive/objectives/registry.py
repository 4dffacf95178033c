"""Contrastive objectives by the name that recipes use."""

from __future__ import annotations

from typing import Annotated

from restore.losses.contrastive.objectives.base import ObjectiveOptions, SimilarityOptions
from restore.losses.contrastive.objectives.cacr import CACROptions
from restore.losses.contrastive.objectives.cosine_margin import CosineMarginOptions
from restore.losses.contrastive.objectives.curricular_ratio import CurricularRatioOptions
from restore.losses.contrastive.objectives.dcl import DCLOptions, DCLWOptions
from restore.losses.contrastive.objectives.debiased import DebiasedOptions
from restore.losses.contrastive.objectives.infonce import InfoNCEOptions
from restore.losses.contrastive.objectives.isogclr import IndividualTemperaturesOptions
from restore.losses.contrastive.objectives.l1_difference import L1DifferenceOptions
from restore.losses.contrastive.objectives.l1_margin import L1MarginOptions
from restore.losses.contrastive.objectives.l1_ratio import L1RatioOptions
from restore.losses.contrastive.objectives.macl import MACLOptions
from restore.losses.contrastive.objectives.supcon import SupConOptions
from restore.utils.registry import OneOf, by_kind

OBJECTIVES = by_kind(
    "objective",
    "restore.objectives",
    InfoNCEOptions,
    DCLOptions,
    DCLWOptions,
    MACLOptions,
    DebiasedOptions,
    CosineMarginOptions,
    SupConOptions,
    IndividualTemperaturesOptions,
    CACROptions,
    L1RatioOptions,
    CurricularRatioOptions,
    L1DifferenceOptions,
    L1MarginOptions,
)

AnyObjective = Annotated[ObjectiveOptions, OneOf(OBJECTIVES)]
AnySimilarityObjective = Annotated[
    SimilarityOptions, OneOf(OBJECTIVES, where=lambda options: issubclass(options, SimilarityOptions))
]
