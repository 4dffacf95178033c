"""CLIP-IQA (:mod:`restore.metrics.learned.clip_iqa`)."""

from __future__ import annotations

from restore.metrics.learned_lazy import no_reference
from restore.metrics.metric import Metric

METRIC = Metric(
    "clip-iqa",
    "CLIP-IQA",
    "how much closer CLIP rates the picture to 'Good photo.' than to 'Bad photo.'",
    higher_is_better=True,
    reference=False,
    digits=3,
    how=lambda protocol: "on RGB, the whole picture, without CLIP's positional embedding",
    measure=no_reference("clip-iqa", "clip_iqa", "ClipIqa"),
    needs="pip install 'restore[metrics,clip]', and OpenAI's weights of the ResNet-50",
    takes_weights=True,
)
