"""Mean absolute error."""

from __future__ import annotations

import numpy as np

from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, OfPicture, Pixels
from restore.metrics.psnr import within


def _build(protocol: MetricProtocol, _: MetricInputs) -> OfPicture:
    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        assert reference is not None
        image, reference = within(image, reference, protocol.edge)
        return float(np.abs(image.astype(np.int16) - reference).mean())

    return measure


METRIC = Metric(
    "example-mae",
    "MAE",
    "mean absolute difference of the pixels, 0..255",
    higher_is_better=False,
    reference=True,
    digits=3,
    how=lambda protocol: f"on RGB (8 bits), border {protocol.edge}",
    measure=_build,
)
