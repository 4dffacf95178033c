"""Errors name the picture, metric and method that could not be measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from restore.errors import DataError
from restore.evaluation.cases import Case, Methods
from restore.evaluation.comparison import Protocol
from restore.evaluation.measure import compare
from restore.evaluation.model import PROTOCOL
from restore.metrics.metric import MetricInputs, MetricProtocol
from tests.conftest import picture


def test_what_is_said_of_any_scale_is_what_is_said_of_each() -> None:
    said = Protocol("", 4, "", MetricProtocol(4)).how(["psnr", "ssim"])
    assert PROTOCOL.replace("= scale", "4") == said == "PSNR in dB and SSIM on Y (BT.601, 8 bits), border 4"


@pytest.mark.parametrize(
    ("metrics", "title"), [(["pirm-rmse"], "PIRM RMSE"), (["psnr"], "PSNR"), (["psnr", "pirm-rmse"], "PSNR")]
)
def test_the_picture_and_the_metric_are_named(metrics: list[str], title: str) -> None:
    small = picture(8, 8)
    case = Case("small", Path("in/small.png"), {"mine": (small, small)})
    protocol = Protocol("in", 4, "", MetricProtocol(scale=4))
    with pytest.raises(DataError, match=rf"in/small\.png: {title} of mine: nothing is left"):
        compare(protocol, [case], Methods(1, folders={"mine": Path("mine")}), metrics, MetricInputs())
