"""Every metric by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from restore.errors import DataError
from restore.imaging.colour import as_rgb, luma
from restore.metrics.ciede2000 import ciede2000
from restore.metrics.learned_door import learned, learned_set
from restore.metrics.metric import Colour, Material, Metric, OfPicture, Pixels, View
from restore.metrics.ms_ssim import ms_ssim
from restore.metrics.niqe import niqe
from restore.metrics.pirm import Rmse, perceptual_index, read_ma, region
from restore.metrics.psnr import psnr
from restore.metrics.ssim import ssim

_EXTRA = "pip install 'restore[metrics]'"
_SAID = {"y": "Y (BT.601, 8 bits)", "rgb": "RGB (8 bits)"}


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


def _perceptual_index(view: View, material: Material) -> OfPicture:
    if material.ma is None:
        raise DataError("the perceptual index needs the pictures' Ma scores: give them with --ma FILE")
    path, scores = material.ma, read_ma(material.ma)

    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        stem = name.rsplit("/", 1)[-1]
        if stem not in scores:
            raise ValueError(f"{path} has no Ma score of {stem}")
        return perceptual_index(niqe(image, _niqe_border(view)), scores[stem])

    return measure


def _whole(view: View) -> str:
    return "on RGB, the whole picture"


def _inception(view: View) -> str:
    return "on RGB, resized to 299 x 299 as TensorFlow 1 does"


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
    "pirm-rmse": Metric(
        "PIRM RMSE",
        "the root of the squared error, averaged over all pictures, and the PIRM challenge's region",
        higher_is_better=False,
        reference=True,
        digits=2,
        how=lambda view: f"on Y (BT.601, 8 bits), border {view.edge}",
        measure_set=lambda view, material: Rmse(view.edge),
        note=region,
    ),
    "perceptual-index": Metric(
        "PI",
        "the PIRM challenge's index, (NIQE + 10 - Ma) / 2",
        higher_is_better=False,
        reference=False,
        digits=2,
        how=lambda view: f"of NIQE with border {_niqe_border(view)} and of given Ma scores",
        measure=_perceptual_index,
        needs="Ma scores of one folder of results, with --ma",
    ),
    "features": Metric(
        "feature distance",
        "the distance of EfficientNet-Lite0's features, this project's own",
        higher_is_better=False,
        reference=True,
        digits=3,
        how=_whole,
        measure=learned("features"),
        needs=f"{_EXTRA}, with which its weights come",
    ),
    "lpips": Metric(
        "LPIPS",
        "the learned perceptual distance, by AlexNet",
        higher_is_better=False,
        reference=True,
        digits=3,
        how=_whole,
        measure=learned("lpips"),
        needs=f"{_EXTRA}, and torchvision's weights of AlexNet",
    ),
    "lpips-vgg": Metric(
        "LPIPS (VGG)",
        "the learned perceptual distance, by VGG-16",
        higher_is_better=False,
        reference=True,
        digits=3,
        how=_whole,
        measure=learned("lpips-vgg"),
        needs=f"{_EXTRA}, and torchvision's weights of VGG-16",
    ),
    "dists": Metric(
        "DISTS",
        "structure and texture as VGG-16 sees them",
        higher_is_better=False,
        reference=True,
        digits=3,
        how=_whole,
        measure=learned("dists"),
        needs=f"{_EXTRA}, and torchvision's weights of VGG-16",
    ),
    "clip-iqa": Metric(
        "CLIP-IQA",
        "how much nearer to 'Good photo.' than to 'Bad photo.' CLIP finds it",
        higher_is_better=True,
        reference=False,
        digits=3,
        how=lambda view: "on RGB, resized to the square of CLIP's ResNet-50",
        measure=learned("clip-iqa"),
        needs="pip install 'restore[metrics,clip]', and OpenAI's weights of the ResNet-50",
    ),
    "fid": Metric(
        "FID",
        "how far the results as a set are from the references, of thousands of pictures",
        higher_is_better=False,
        reference=True,
        digits=2,
        how=_inception,
        measure_set=learned_set("fid"),
        needs=f"{_EXTRA}, and torch-fidelity's weights of Inception",
    ),
    "kid": Metric(
        "KID",
        "the same without FID's bias of small sets",
        higher_is_better=False,
        reference=True,
        digits=5,
        how=_inception,
        measure_set=learned_set("kid"),
        needs=f"{_EXTRA}, and torch-fidelity's weights of Inception",
    ),
}


def measured(names: Iterable[str], image: Pixels, reference: Pixels, view: View) -> dict[str, float]:
    """A picture by metrics of pictures that need nothing from the user.

    Args:
        names: of the metrics.
        image: uint8 sRGB (H, W, 1 or 3).
        reference: of the same shape.
        view: what of them is measured.

    Returns:
        The value by name; nan where one is not defined, as SSIM is not of very small pictures.
    """
    return {name: _measured(METRICS[name], image, reference, view) for name in names}


def _measured(metric: Metric, image: Pixels, reference: Pixels, view: View) -> float:
    assert metric.measure is not None
    try:
        return metric.measure(view, Material())(image, reference, "")
    except ValueError:
        return math.nan
