"""FID and KID (:mod:`restore.metrics.learned.distribution`)."""

from __future__ import annotations

from restore.metrics.learned_lazy import EXTRA, of_sets
from restore.metrics.metric import Metric, MetricProtocol

_NEEDS = f"{EXTRA}, and torch-fidelity's weights of Inception"


def _how(_: MetricProtocol) -> str:
    return "on RGB, resized to 299 x 299 as TensorFlow 1 does"


FID = Metric(
    "fid",
    "FID",
    "how far the results as a set are from the references, of thousands of pictures",
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
    "the same without FID's bias of small sets",
    higher_is_better=False,
    reference=True,
    digits=5,
    how=_how,
    measure_set=of_sets("kid", "distribution", "kid"),
    needs=_NEEDS,
    takes_weights=True,
)
