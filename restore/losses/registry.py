"""Losses by the name that recipes use. A new loss is its own file and one entry here."""

from __future__ import annotations

from typing import Annotated

from restore.losses.adversarial_term import AdversarialOptions
from restore.losses.argb import ArgbOptions, TranslationOptions
from restore.losses.base import LossOptions
from restore.losses.clipping import ClippingOptions
from restore.losses.color import ColorOptions
from restore.losses.color_constancy import ColorConstancyOptions
from restore.losses.contrastive.image import ContrastiveLossOptions
from restore.losses.contrastive.patch_nce import PatchNceLossOptions
from restore.losses.contrastive.residual_vector import ResidualVectorOptions
from restore.losses.contrastive.style_nce import StyleNceOptions
from restore.losses.dists import DistsOptions
from restore.losses.edge import EdgeOptions
from restore.losses.exposure import ExposureOptions
from restore.losses.filter_code import CleanCodeOptions, FilterClassOptions, FilterContrastOptions
from restore.losses.frequency import FrequencyOptions
from restore.losses.id_mrf import IdMrfOptions
from restore.losses.illumination_smoothness import IlluminationSmoothnessOptions
from restore.losses.lpips import LpipsOptions
from restore.losses.pattern import PatternOptions
from restore.losses.perceptual import PerceptualOptions
from restore.losses.pixel import PixelOptions, PsnrOptions
from restore.losses.prompt_score import PromptScoreOptions
from restore.losses.spatial_consistency import SpatialConsistencyOptions
from restore.losses.ssim import MsSsimOptions, SsimOptions
from restore.losses.style import StyleOptions
from restore.losses.total_variation import TotalVariationOptions
from restore.utils.registry import OneOf, by_kind

LOSSES = by_kind(
    "loss",
    "restore.losses",
    PixelOptions,
    PsnrOptions,
    SsimOptions,
    MsSsimOptions,
    FrequencyOptions,
    EdgeOptions,
    ColorOptions,
    ClippingOptions,
    PatternOptions,
    TotalVariationOptions,
    ColorConstancyOptions,
    ExposureOptions,
    SpatialConsistencyOptions,
    IlluminationSmoothnessOptions,
    ArgbOptions,
    TranslationOptions,
    LpipsOptions,
    DistsOptions,
    PerceptualOptions,
    StyleOptions,
    ContrastiveLossOptions,
    PatchNceLossOptions,
    AdversarialOptions,
    ResidualVectorOptions,
    PromptScoreOptions,
    StyleNceOptions,
    IdMrfOptions,
    FilterClassOptions,
    FilterContrastOptions,
    CleanCodeOptions,
)

AnyLoss = Annotated[LossOptions, OneOf(LOSSES)]
