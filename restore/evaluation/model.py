"""Evaluate one model on one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from restore.evaluation.cases import Contender, Methods
from restore.evaluation.comparison import Comparison, Protocol
from restore.evaluation.measure import measure
from restore.evaluation.sources import find_sources
from restore.files.pairing import NameRule
from restore.metrics.metric import MetricInputs, MetricProtocol
from restore.runtime.stream import Network
from restore.spec import ModelSpec

if TYPE_CHECKING:
    from rich.console import Console

# How models that enlarge are measured, at any scale.
PROTOCOL = Protocol("", 2, "", MetricProtocol(2)).how(("psnr", "ssim")).replace("border 2", "border = scale")


def evaluate_model(
    network: Network,
    spec: ModelSpec,
    folder: Path,
    screen: Console,
    *,
    pattern: str | None = None,
    low_folder: Path | None = None,
    rename: NameRule | None = None,
    tile: int | None = 512,
    metrics: Sequence[str] = ("psnr", "ssim"),
) -> Comparison:
    """Enlarge reduced pictures of a folder with the model and with bicubic, and compare both with the originals.

    Args:
        network: see :func:`restore.runtime.stream.enhance_pixels`.
        spec: of the model.
        folder: of high-resolution pictures.
        screen: for the progress bar.
        pattern: selects files of the folder.
        low_folder: existing low-resolution files, or None to make them.
        rename: how a low-resolution file is named after its reference; None for the same name.
        tile: largest side of a tile.
        metrics: by name.

    Raises:
        DataError: no pictures, a low-resolution file is missing or has the wrong size, or none are given at scale 1,
            where they cannot be made.
        ImageError: a picture cannot be read.
    """
    sources = find_sources(folder, pattern or "*", low_folder, rename, spec.scale)
    methods = Methods(spec.scale, {spec.name: Contender(network, spec)}, tile=tile)
    return measure(sources, methods, metrics, MetricProtocol(spec.scale), MetricInputs(), screen)
