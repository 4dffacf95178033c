"""``restore bench``: what was measured, on what, and what could not be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from restore.cli.main import main
from restore.diagnostics import bench as bench_module
from restore.diagnostics.bench import Case, Row, cases, measure, peak_memory, run
from restore.errors import ModelError
from restore.runtime.device_pipeline import GRAPHS

PROBE = str(GRAPHS / "probe.onnx")


def test_a_measurement_and_one_that_cannot_be() -> None:
    arguments = ["--model", PROBE, "--device", "cpu", "--device", "coreml", "--size", "64", "--repeats", "2"]
    result = CliRunner().invoke(main, ["bench", *arguments, "--threads", "1", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["threads"] == 1
    assert {"cpu", "load_average", "cores"} <= set(told)
    good, bad = told["rows"]
    assert (good["model"], good["precision"], good["device"], good["ran_on"]) == (PROBE, "fp32", "cpu", "cpu")
    assert good["ms_per_megapixel"] > 0
    # The probe enlarges once: as many pixels come out as go in.
    assert good["output_rate"] == pytest.approx(1000 / good["ms_per_megapixel"])
    assert 10e6 < good["peak"] < 1e9
    assert "only onnxruntime for macOS" in bad["error"]
    assert "ms_per_megapixel" not in bad


def test_nothing_could_be_measured() -> None:
    result = CliRunner().invoke(main, ["bench", "--model", PROBE, "--precision", "int8", "--size", "16"])
    assert result.exit_code == 1
    assert "this model has no int8 file" in " ".join(result.output.split())
    assert "load average" in result.output


def test_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Row(Case("m", "fp32", "auto"), "", "cuda:0", 123.4, 56.78, 9_000_000)
    monkeypatch.setattr(bench_module, "run", lambda _: iter([row]))
    result = CliRunner().invoke(main, ["bench", "--model", PROBE])
    assert all(text in result.output for text in ("cuda:0", "123", "56.78", " 9"))


def test_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_module, "gpus", lambda: ["a", "b"])
    found = cases(["sr-x2"], [], ["fp32", "int8"], 64, None, 1, 3)
    assert [(c.device, c.precision) for c in found] == [
        (device, precision) for device in ("cpu", "cuda:0", "cuda:1") for precision in ("fp32", "int8")
    ]
    assert {c.model for c in cases([], ["cpu"], [], 64, None, 1, 3)} >= {"sr-x2", "sr-x4"}
    with pytest.raises(ModelError, match="no model named"):
        cases(["nonsense"], [], [], 64, None, 1, 3)


def test_each_has_its_own_peak(tmp_path: Path) -> None:
    """What this process holds is not counted."""
    ballast = np.ones(300_000_000, np.uint8)
    (row,) = run([Case(PROBE, "fp32", "cpu", 64, None, 1, 1)])
    here = peak_memory()
    assert here is None or here > ballast.nbytes
    assert row.peak is None or row.peak < ballast.nbytes


def test_no_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("restore.runtime.stream.enhance_pixels", refuse)
    assert measure(Case(PROBE, "fp32", "cpu", 16)) == {"error": "not enough memory"}
