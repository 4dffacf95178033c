"""The registry of metrics is open to installed packages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from restore.cli.main import main
from restore.metrics import registry
from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, OfPicture
from restore.metrics.registry import METRICS
from tests.conftest import picture, save


def mean_error(protocol: MetricProtocol, _: MetricInputs) -> OfPicture:
    return lambda image, reference, name: float(np.abs(image.astype(float) - reference).mean())


MINE = Metric("mine", "MINE", "the mean error", False, True, 3, lambda protocol: "on everything", mean_error)


class Entry:
    """An entry point of an installed package."""

    name, dist = "mine", None

    def load(self) -> Metric:
        return MINE


def test_an_installed_package_adds_a_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = registry.Registry("metric", METRICS.values(), lambda metric: (metric.name,), "restore.metrics")
    entries = {"restore.metrics": [Entry()]}
    monkeypatch.setattr("restore.utils.registry.entry_points", lambda group: entries.get(group, []))
    for module in ("evaluate", "measure", "comparison", "show"):
        monkeypatch.setattr(f"restore.evaluation.{module}.METRICS", fresh)
    save(tmp_path / "good/a.png", picture(20, 20))
    save(tmp_path / "mine/a.png", picture(20, 20) // 2)
    options = ["--data", str(tmp_path / "good"), "--predictions", str(tmp_path / "mine"), "--metric", "mine"]
    result = CliRunner().invoke(main, ["evaluate", *options])
    assert result.exit_code == 0, result.output
    assert "MINE on everything" in result.output
