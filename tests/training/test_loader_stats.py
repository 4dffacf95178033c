"""Advice on the time spent waiting for batches."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from restore.training import loader_stats
from restore.training.loader_stats import STEPS, LoaderStats
from restore.training.train import Options, start
from tests.conftest import picture, save
from tests.training.test_loop import RECIPE


@pytest.mark.parametrize(
    ("workers", "waiting", "working", "said"),
    [
        (0, 3.0, 1.0, "75% of the time is spent waiting for batches: try --workers 3"),
        (0, 9.0, 1.0, "90% of the time is spent waiting for batches: try --workers 8"),  # all cores
        (0, 0.2, 1.0, None),
        (1, 1.0, 1.0, "50% of the time is spent waiting for batches: try --workers 2"),
        (2, 2.0, 1.0, "67% of the time is spent waiting for batches: try --workers 6"),
        (8, 2.0, 1.0, None),
    ],
)
def test_advice_is_given_once_with_the_number_that_keeps_up(
    workers: int, waiting: float, working: float, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(loader_stats.time, "monotonic", lambda: now)
    monkeypatch.setattr(loader_stats, "usable_cores", lambda: 8)
    one, found = LoaderStats(workers), []
    for step in range(STEPS + 30):
        with one:
            now += 100.0 if step == 0 else waiting  # the first step is slow
        found.append(one.advice())
        now += working
    assert [line for line in found if line] == ([said] if said else [])
    assert found[:STEPS] == [None] * STEPS


def test_a_run_prints_the_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        save(tmp_path / "photos" / f"{number}.png", picture(40, 50, seed=number))
    monkeypatch.setattr(loader_stats, "STEPS", 5)
    monkeypatch.setattr(loader_stats, "SHARE", 0.0)
    (tmp_path / "r.yaml").write_text(RECIPE)
    said = io.StringIO()
    assert start(
        tmp_path / "r.yaml", tmp_path, tmp_path / "run", Options(threads=1, workers=0), Console(file=said, width=200)
    )
    assert said.getvalue().count("of the time is spent waiting for batches: try --workers") == 1
