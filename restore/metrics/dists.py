"""DISTS (:mod:`restore.metrics.learned.dists`)."""

from __future__ import annotations

from restore.metrics.learned_lazy import EXTRA, full_reference, whole_picture
from restore.metrics.metric import Metric

METRIC = Metric(
    "dists",
    "DISTS",
    "similarity of structure and texture in VGG-16's features",
    higher_is_better=False,
    reference=True,
    digits=3,
    how=whole_picture,
    measure=full_reference("dists", "dists", "Dists"),
    needs=f"{EXTRA}, and torchvision's VGG-16 weights",
    takes_weights=True,
)
