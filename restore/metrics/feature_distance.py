"""The distance of EfficientNet-Lite0's features (:mod:`restore.metrics.learned.feature_distance`)."""

from __future__ import annotations

from restore.metrics.learned_lazy import EXTRA, full_reference, whole_picture
from restore.metrics.metric import Metric

METRIC = Metric(
    "features",
    "feature distance",
    "distance in EfficientNet-Lite0's features, this project's own metric",
    higher_is_better=False,
    reference=True,
    digits=3,
    how=whole_picture,
    measure=full_reference("features", "feature_distance", "FeatureDistance"),
    needs=f"{EXTRA}, which includes its weights",
    takes_weights=True,
)
