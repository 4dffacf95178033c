"""Checkerboard: how much a picture alternates from one pixel to the next, as a pixel shuffle may make it do."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, OfPicture, Pixels

_TAPS = 8


def checkerboard(image: NDArray[np.uint8], border: int = 0) -> float:
    """Mean strength of the highest frequency of the pixel grid, in rows and in columns, in levels.

    Networks that end in a pixel shuffle or a transposed convolution may lay a pattern of the period of two pixels over
    their results: Odena, Dumoulin and Olah, "Deconvolution and checkerboard artifacts", 2016. Each color is filtered
    along its rows, and along its columns, by binomial coefficients of alternating signs, (1, -7, 21, ..., -1) / 128,
    which pass what alternates by +-1 level as 1, a third of what has a period of three pixels, a tenth of one of four,
    and nothing of gradients. The result is the mean of absolute values. What is sharp alternates, too: compare results
    for the same input, above all for one that is blurred, which has hardly any.

    Args:
        image: uint8 (H, W, 1 or 3).
        border: pixels left out on every side.

    Raises:
        ValueError: there are fewer than eight rows or columns inside the border.
    """
    inside = image[border : image.shape[0] - border, border : image.shape[1] - border]
    if min(inside.shape[:2]) < _TAPS:
        raise ValueError(
            f"checkerboard needs {_TAPS} rows and columns, but found {inside.shape[1]} x {inside.shape[0]}"
        )
    taps = [(-1) ** i * comb(_TAPS - 1, i) / 2 ** (_TAPS - 1) for i in range(_TAPS)]
    found = []
    for along in (inside, inside.swapaxes(0, 1)):
        count = len(along) - _TAPS + 1
        filtered = np.zeros((count, *along.shape[1:]))
        for i, tap in enumerate(taps):
            filtered += tap * along[i : i + count]
        found.append(np.abs(filtered).mean())
    return float(np.mean(found))


def _build(protocol: MetricProtocol, _: MetricInputs) -> OfPicture:
    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        return checkerboard(image, protocol.edge_without_reference)

    return measure


METRIC = Metric(
    name="checkerboard",
    title="checkerboard",
    summary="Alternation from pixel to pixel, such as networks with a pixel shuffle lay over smooth areas; in levels",
    higher_is_better=False,
    reference=False,
    digits=3,
    how=lambda protocol: f"on RGB (8 bits), border {protocol.edge_without_reference}",
    measure=_build,
)
