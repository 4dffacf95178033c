"""Q-Boost (:mod:`restore.metrics.learned.q_boost`)."""

from __future__ import annotations

from restore.metrics.learned_lazy import no_reference, whole_picture
from restore.metrics.metric import Metric


def _metric(name: str, title: str, summary: str, ensemble: bool) -> Metric:
    return Metric(
        name,
        title,
        summary,
        higher_is_better=True,
        reference=False,
        digits=4,
        how=whole_picture,
        measure=no_reference(name, "q_boost", "QBoost", ensemble=ensemble),
        needs="pip install 'restore[metrics,vlm]', and a folder with a vision-language model",
        takes_weights=True,
    )


METRIC = _metric("q-boost", "Q-Boost", "whether a vision-language model calls a picture good, average or poor", False)
ENSEMBLE = _metric("q-boost-ensemble", "Q-Boost, ensemble", "as q-boost, by three words for each answer", True)
