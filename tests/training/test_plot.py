"""Plots of runs: reading a log and drawing it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from restore.cli.main import main
from restore.errors import DataError
from restore.training.plot import plot, read_log
from tests.training.test_data_loading import PAIRS, go


def run_folder(folder: Path, lines: list[dict]) -> Path:
    folder.mkdir()
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


LINES = [
    {"step": 0, "unchanged": 20.0},
    {"step": 100, "loss": 0.5, "gradient": 1.0, "lr": 1e-3, "seconds": 9.0, "loss/l1": 0.4, "loss/contrastive": 1.0},
    {"step": 200, "loss": 0.4, "gradient": 1.0, "lr": 1e-3, "seconds": 19.0, "loss/l1": 0.3, "loss/contrastive": 1.0},
    {"step": 200, "psnr-rgb": 21.0, "best": 21.0},
    {"step": 200, "loss": 0.3, "gradient": 1.0, "lr": 1e-3, "seconds": 19.0, "loss/l1": 0.2, "loss/contrastive": 1.0},
    {"step": 400, "psnr-rgb": 23.5, "best": 23.5},
]


def draw(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["plot", *map(str, arguments)])


def test_a_log_is_read_and_repeated_steps_count_once(tmp_path: Path) -> None:
    log = read_log(run_folder(tmp_path / "mine", LINES))
    assert log.name == "mine"
    assert log.losses == {
        "loss": [(100, 0.5), (200, 0.3)],
        "l1": [(100, 0.4), (200, 0.2)],
        "contrastive": [(100, 1.0), (200, 1.0)],
    }
    assert (log.metric, log.validations, log.unchanged) == ("psnr-rgb", [(200, 21.0), (400, 23.5)], 20.0)


def test_a_real_run_can_be_drawn(folders: Path) -> None:
    go(folders, PAIRS, "run")
    log = read_log(folders / "run")
    assert log.unchanged is not None
    assert [step for step, _ in log.validations] == [20, 40, 60]
    result = draw(folders / "run")
    assert result.exit_code == 0, result.output
    text = (folders / "run/curves.svg").read_text()
    for word in ("PSNR on RGB, dB", "run, unchanged", "step", "loss"):
        assert word in text


def test_one_run_shows_its_losses_and_several_their_sum(tmp_path: Path) -> None:
    one = read_log(run_folder(tmp_path / "one", LINES))
    two = read_log(run_folder(tmp_path / "two", [{"step": 100, "loss": -0.5}]))
    alone = plot([one], ".svg").decode()
    assert all(word in alone for word in ("l1", "contrastive", "one, unchanged", "loss, before weighting"))
    both = plot([one, two], ".svg").decode()
    assert "contrastive" not in both
    assert all(word in both for word in ("one", "two"))
    assert "PSNR" not in plot([two], ".svg").decode()
    assert plot([one], ".svg") == plot([one], ".svg")
    assert plot([one], ".png").startswith(b"\x89PNG")
    assert plot([one], ".pdf").startswith(b"%PDF")


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no log.jsonl here; give the folder of a run"):
        read_log(tmp_path / "empty")
    with pytest.raises(DataError, match="empty so far"):
        read_log(run_folder(tmp_path / "young", [{"step": 0, "unchanged": 20.0}]))
    run_folder(tmp_path / "odd", [])
    (tmp_path / "odd/log.jsonl").write_text('{"step": 1, "loss": 1}\nnonsense\n')
    with pytest.raises(DataError, match="line 2: not a line that restore train writes"):
        read_log(tmp_path / "odd")
    assert draw(tmp_path / "young", "--out", tmp_path / "x.gif").exit_code == 2
    assert draw(tmp_path / "nowhere").exit_code == 2
    assert not (tmp_path / "x.gif").exists()
