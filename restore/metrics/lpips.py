"""LPIPS, with AlexNet and with VGG-16 (:mod:`restore.metrics.learned.lpips`)."""

from __future__ import annotations

from restore.metrics.learned_lazy import EXTRA, full_reference, whole_picture
from restore.metrics.metric import Metric

METRIC = Metric(
    "lpips",
    "LPIPS",
    "learned perceptual distance with AlexNet",
    higher_is_better=False,
    reference=True,
    digits=3,
    how=whole_picture,
    measure=full_reference("lpips", "lpips", "LpipsDistance", net="alex"),
    needs=f"{EXTRA}, and torchvision's AlexNet weights",
    takes_weights=True,
)

METRIC_VGG = Metric(
    "lpips-vgg",
    "LPIPS (VGG)",
    "learned perceptual distance with VGG-16",
    higher_is_better=False,
    reference=True,
    digits=3,
    how=whole_picture,
    measure=full_reference("lpips-vgg", "lpips", "LpipsDistance", net="vgg"),
    needs=f"{EXTRA}, and torchvision's VGG-16 weights",
    takes_weights=True,
)
