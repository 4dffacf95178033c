"""The check of GPU machines: what it does without a GPU, and with a fake one whose commands answer or fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import onnxruntime
import pytest

from restore.runtime.gpu import Gpu

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def kit() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "scripts"))
    import gpu_check

    yield gpu_check
    sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture
def options(kit: ModuleType, tmp_path: Path) -> Any:
    return kit.Options(kit.synthetic(tmp_path / "photos", 64), 4, 64, 4, kit.time.monotonic() + 100)


@pytest.fixture
def fake_gpu(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "gpus", lambda: [Gpu("Card A", 2**33)])

    def free(_: int) -> int:
        """3 GB less while the thread that watches looks."""
        return 8 * 10**9 if threading.current_thread() is threading.main_thread() else 5 * 10**9

    monkeypatch.setattr(kit, "free_gpu_memory", free)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])


def test_without_a_gpu_each_part_says_what_it_skips(tmp_path: Path) -> None:
    """The whole script; what needs no GPU is measured."""
    words = ["--count", "3", "--side", "64", "--out", str(tmp_path / "gpu.json")]
    command = [sys.executable, str(ROOT / "scripts/gpu_check.py"), *words]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}  # from the driver, too, where there are some
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=hidden)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert list(found) == ["machine", "tests", "bench", "folder", "pipeline", "torch", "training"]
    assert found["machine"]["gpus"] == "none"
    assert {part: facts for part, facts in found.items() if "skipped" in facts} == {
        part: {"skipped": "no NVIDIA GPU"} for part in ("tests", "bench", "folder", "torch", "training")
    }
    assert found["pipeline"]["pictures_per_s"] > 0
    assert any("cpu" in line for line in found["machine"]["doctor"])
    assert "training  skipped         no NVIDIA GPU" in done.stdout


def test_a_part_that_fails_does_not_end_the_others(kit: ModuleType, options: Any, fake_gpu: None) -> None:
    def breaks(_: object) -> dict[str, object]:
        raise subprocess.CalledProcessError(2, ["restore", "bench"], stderr="one\ntwo\nthree\nfour")

    assert kit.result(breaks, options)["failed"] == "restore bench ...: two / three / four"

    def fails(_: object) -> dict[str, object]:
        raise RuntimeError("no kernel image")

    assert kit.result(fails, options)["failed"] == "RuntimeError: no kernel image"
    found = kit.result(lambda _: {"a": kit.time.sleep(0.3)}, options)
    assert found["gpu_memory_gb"] == 3.0
    options.until = 0.0
    assert "no time was left" in kit.result(lambda _: {}, options)["skipped"]


def test_bench_and_folder_by_a_fake_gpu(
    kit: ModuleType, options: Any, fake_gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands are asked as they would be, and their answers come through."""
    asked: list[tuple[str, ...]] = []
    row = {"model": "sr-x2", "precision": "fp16", "ms_per_megapixel": 3.5, "output_rate": 9.0, "peak": 1}

    def answers(*words: str, **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(words)
        return subprocess.CompletedProcess(words, 0, json.dumps({"rows": [row, {"model": "x", "error": "no"}]}), "")

    monkeypatch.setattr(kit, "run", answers)
    monkeypatch.setattr(kit, "network_seconds", lambda model, device, side: 0.001)
    assert kit.bench(options)["models"] == [
        {"model": "sr-x2", "precision": "fp16", "ms_per_megapixel": 3.5, "output_rate": 9.0},
        {"model": "x", "error": "no"},
    ]
    assert kit.folder(options)["pictures_per_s"] > 0
    assert [words[0] for words in asked] == ["bench", "enhance"]
    assert asked[1][-2:] == ("--device", "cuda:0")


def test_outcomes_of_tests(kit: ModuleType) -> None:
    report = ET.fromstring(
        "<testsuites><testsuite><testcase name='a'/><testcase name='b'><failure message='1 != 2&#10;more'/></testcase>"
        "<testcase name='c'><skipped message='one GPU'/></testcase></testsuite></testsuites>"
    )
    wanted = {"passed": 1, "wrong": ["b: 1 != 2"], "left out": ["c: one GPU"], "failed": "1 tests"}
    assert kit.outcomes(report) == wanted


def test_the_network_that_costs_nothing_changes_nothing(kit: ModuleType, tmp_path: Path) -> None:
    import numpy as np

    from restore.runtime.model import open_model
    from restore.runtime.stream import enhance_pixels

    (tmp_path / "free.onnx").write_bytes(kit.free_network())
    model = open_model(tmp_path / "free.onnx", "cpu")
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    assert np.array_equal(enhance_pixels(picture, model, model.spec), picture)


def test_the_table(kit: ModuleType) -> None:
    found = {"bench": {"models": [{"model": "a", "ms": 1}, {"model": "b", "ms": 2}], "seconds": 3}}
    assert list(kit.table(found)) == [
        "bench     models          model a  ms 1",
        "                          model b  ms 2",
        "          seconds         3",
    ]
