"""One model over one folder, for those who want a figure of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from restore.errors import DataError
from restore.evaluation.cases import Contender, Methods, cases
from restore.evaluation.compare import Comparison, Protocol, compare
from restore.evaluation.sources import Sources, counted, find_sources
from restore.metrics.metric import Material, View
from restore.progress import with_bar
from restore.runtime.enhance import Network
from restore.spec import ModelSpec

if TYPE_CHECKING:
    from rich.console import Console

PROTOCOL = "PSNR in dB and SSIM on Y (BT.601, 8 bits), border = scale"


def evaluate_model(
    network: Network,
    spec: ModelSpec,
    folder: Path,
    screen: Console,
    *,
    pattern: str | None = None,
    low_folder: Path | None = None,
    rename: tuple[str, str] | None = None,
    tile: int | None = 512,
    metrics: Sequence[str] = ("psnr", "ssim"),
) -> Comparison:
    """Enlarge the reduced pictures of a folder, and compare them and bicubic's with the originals.

    Args:
        network: see :func:`restore.runtime.enhance.enhance_pixels`.
        spec: of the model.
        folder: of high-resolution pictures.
        screen: for the progress bar.
        pattern: which of its files.
        low_folder: given low-resolution files, or None to make them.
        rename: replaced in a high-resolution file's name to get the low-resolution one's.
        tile: largest tile side.
        metrics: by name.

    Raises:
        DataError: no pictures, a given low-resolution file is missing or of the wrong size, or none are given at scale
            1, where they cannot be made.
        ImageError: a picture cannot be read.
    """
    sources = find_sources(folder, pattern or "*", low_folder, rename, spec.scale)
    methods = Methods(spec.scale, {spec.name: Contender(network, spec)}, tile=tile)
    return measure(sources, methods, metrics, View(spec.scale), Material(), screen)


def measure(
    sources: Sources,
    methods: Methods,
    metrics: Sequence[str],
    view: View,
    material: Material,
    screen: Console,
    seed: int = 0,
) -> Comparison:
    """Compare methods on pictures whose references are there, with a progress bar. Raises as :func:`evaluate_model`."""
    if methods.models and methods.scale == 1 and sources.lows is None:
        raise DataError(
            f"{next(iter(methods.models))} restores and does not enlarge: give the folder of its inputs with --lr, and "
            "in --data what should come of them, by the same names"
        )
    said = sources.said or f"{sources.folder} ({counted(sources.references)})"
    protocol = Protocol(said, methods.scale, _low(sources, methods), view, seed)
    measured = with_bar(cases(sources, methods), "Measuring", screen, len(sources.references))
    return compare(protocol, measured, methods.names, methods.baseline, metrics, material)


def _low(sources: Sources, methods: Methods) -> str:
    if not methods.models:
        return ""
    return "MATLAB-like bicubic, 8 bits" if sources.lows is None else "given files"
