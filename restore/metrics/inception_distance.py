"""FID and KID (:mod:`restore.metrics.learned.distribution`)."""

from __future__ import annotations

from restore.metrics.learned_lazy import EXTRA, of_sets
from restore.metrics.metric import Metric, MetricProtocol

_NEEDS = f"{EXTRA}, and torch-fidelity's Inception weights"


def _how(_: MetricProtocol) -> str:
    return "on RGB, resized to 299 x 299 like TensorFlow 1"


FID = Metric(
    "fid",
    "FID",
    "distance between the results and the references as sets of thousands of pictures",
    higher_is_better=False,
    reference=True,
    digits=2,
    how=_how,
    measure_set=of_sets("fid", "distribution", "fid"),
    needs=_NEEDS,
    takes_weights=True,
)

KID = Metric(
    "kid",
    "KID",
    "like FID, without its bias on small sets",
    higher_is_better=False,
    reference=True,
    digits=5,
    how=_how,
    measure_set=of_sets("kid", "distribution", "kid"),
    needs=_NEEDS,
    takes_weights=True,
)
