"""The scripts about large clusters."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from restore.jobs import ray_engine

pytest.importorskip("fsspec", reason="fsspec is not installed: pip install '.[dev]'")


def script(name: str) -> ModuleType:
    path = Path(__file__).parents[1] / f"scripts/{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    given = ["script"]
    monkeypatch.setattr(sys, "argv", given)
    monkeypatch.setattr(ray_engine, "RayPool", ray_engine.RayPool)  # put back in the end
    return given


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells how much memory a process has")
def test_the_driver_drives_workers_that_are_made_up(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments += ["--names", "3000", "--workers", "20"]
    script("simulate_driver").main()
    *steps, last = capsys.readouterr().out.splitlines()
    assert len(steps) == 10
    assert steps[-1].startswith("     3,000 names,")
    assert last.startswith("{'enhanced': 3000}; ")


def test_the_model_of_a_job_finds_the_slowest_stage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    model = script("cluster_model")
    model.main()
    rows = [
        line.split(" | ") for line in capsys.readouterr().out.splitlines() if line[:1] == "|" and line[2].isdecimal()
    ]
    assert [row[0] for row in rows] == ["| 1", "| 100", "| 10,000"]
    assert rows[0][1] == "2,278", "3600 / 1.58"
    assert rows[0][3] == rows[1][3], "as long as the workers are busy, their number costs nothing"
    assert [row[4] for row in rows] == ["workers", "workers", "driver"]
    job = model.Job(1000, 1.0, 2, 0.1, 1.0, 1.0, 8.0, 0.1, 500.0, 0.0, 16, 300.0)
    assert job.rates(2) == {"workers": 2.0, "store": 1000.0, "listing": 10_000.0, "driver": 500.0}
    assert " | driver | 5 % | " in model.row(job, 10_000)
    assert model.spelled(47) == "47.0 hours"
    assert model.spelled(24 * 365 * 3) == "3.0 years"
