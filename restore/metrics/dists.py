"""DISTS (:mod:`restore.metrics.learned.dists`)."""

from __future__ import annotations

from restore.metrics.learned_lazy import EXTRA, full_reference, whole_picture
from restore.metrics.metric import Metric

METRIC = Metric(
    "dists",
    "DISTS",
    "structure and texture as VGG-16 sees them",
    higher_is_better=False,
    reference=True,
    digits=3,
    how=whole_picture,
    measure=full_reference("dists", "dists", "Dists"),
    needs=f"{EXTRA}, and torchvision's weights of VGG-16",
    takes_weights=True,
)
