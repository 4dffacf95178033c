"""All metrics by name. Each describes itself in its own file; installed packages can add more."""

from __future__ import annotations

from restore.metrics import (
    brisque,
    checkerboard,
    ciede2000,
    clip_iqa,
    dists,
    feature_distance,
    gmsd,
    inception_distance,
    lpips,
    ms_ssim,
    niqe,
    pirm,
    psnr,
    pyiqa_metrics,
    q_boost,
    ssim,
)
from restore.metrics.metric import Metric
from restore.utils.registry import Registry

METRICS: Registry[Metric] = Registry(
    "metric",
    (
        psnr.METRIC,
        ssim.METRIC,
        ms_ssim.METRIC,
        gmsd.METRIC,
        ciede2000.METRIC,
        niqe.METRIC,
        brisque.METRIC,
        checkerboard.METRIC,
        pirm.RMSE,
        pirm.PERCEPTUAL_INDEX,
        feature_distance.METRIC,
        lpips.METRIC,
        lpips.METRIC_VGG,
        dists.METRIC,
        clip_iqa.METRIC,
        pyiqa_metrics.MUSIQ,
        pyiqa_metrics.MANIQA,
        pyiqa_metrics.TOPIQ,
        q_boost.METRIC,
        q_boost.ENSEMBLE,
        inception_distance.FID,
        inception_distance.KID,
    ),
    names=lambda metric: (metric.name,),
    group="restore.metrics",
)
