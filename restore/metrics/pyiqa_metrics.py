"""MUSIQ, MANIQA and TOPIQ by the package pyiqa (:mod:`restore.metrics.learned.pyiqa_networks`)."""

from __future__ import annotations

from restore.metrics.learned_lazy import no_reference, whole_picture
from restore.metrics.metric import Metric

_NEEDS = "pip install 'restore[metrics]' pyiqa (not for commercial use), and its weights"


def _metric(name: str, title: str, summary: str, digits: int) -> Metric:
    return Metric(
        name,
        title,
        summary,
        higher_is_better=True,
        reference=False,
        digits=digits,
        how=whole_picture,
        measure=no_reference(name, "pyiqa_networks", "PyIqa", network=name),
        needs=_NEEDS,
        takes_weights=True,
    )


MUSIQ = _metric("musiq", "MUSIQ", "quality by a transformer on patches at several scales, about 0 to 100", 2)
MANIQA = _metric("maniqa", "MANIQA", "quality by attention across channels and space, about 0 to 1", 4)
TOPIQ = _metric("topiq", "TOPIQ", "quality by what a picture shows, then its distortions, about 0 to 1", 4)
