"""Every network by ``kind``."""

from __future__ import annotations

from typing import Annotated

from restore.networks.argb_autoencoder import TranslatingOptions
from restore.networks.base import NetworkOptions
from restore.networks.basicsr_networks import CompactOptions, EdsrOptions, RcanOptions, RrdbOptions
from restore.networks.bilateral_grid import BilateralGridOptions
from restore.networks.edits import EditsOptions
from restore.networks.fine_tuned import SpandrelOptions
from restore.networks.ifrnet import DestylingOptions
from restore.networks.illumination import IlluminationOptions
from restore.networks.maxim.network import MaximOptions
from restore.networks.memorynet import MemoryNetOptions
from restore.networks.modulated_color import ModulatedColorOptions
from restore.networks.nafnet import NafNetOptions
from restore.networks.patch_autoencoder import PatchAutoencoderOptions
from restore.networks.plain import PlainOptions
from restore.networks.residual import ResidualOptions
from restore.networks.safmn import SafmnOptions
from restore.networks.span import SpanOptions
from restore.networks.velocity import VelocityOptions
from restore.utils.registry import OneOf, Registry, by_kind

NETWORKS: Registry[type[NetworkOptions]] = by_kind(
    "network",
    "restore.networks",
    PlainOptions,
    ResidualOptions,
    SpanOptions,
    SafmnOptions,
    CompactOptions,
    EdsrOptions,
    RcanOptions,
    RrdbOptions,
    SpandrelOptions,
    TranslatingOptions,
    IlluminationOptions,
    BilateralGridOptions,
    ModulatedColorOptions,
    EditsOptions,
    DestylingOptions,
    MaximOptions,
    MemoryNetOptions,
    NafNetOptions,
    PatchAutoencoderOptions,
    VelocityOptions,
)

AnyNetwork = Annotated[NetworkOptions, OneOf(NETWORKS)]
