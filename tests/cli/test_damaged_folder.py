"""A folder of damaged files through the command: no crash, no hang, no flood of memory, and every file accounted for."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from scripts.audit.mutations import damaged
from scripts.audit.whole_files import whole_files

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads a process's memory as Linux tells it"
)


def through(folder: Path, out: Path, model: Path, seconds: float) -> tuple[int, list[dict], int]:
    """Exit code, the JSON records, and the peak of resident memory in bytes."""
    command = [sys.executable, str(ROOT / "cli.py"), "enhance", str(folder), str(out), "--model", str(model)]
    with (out.parent / "told.jsonl").open("w+") as told:
        process = subprocess.Popen([*command, "--json", "--max-pixels", "1"], stdout=told, stderr=subprocess.DEVNULL)
        began, peak = time.monotonic(), 0
        while process.poll() is None:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            peak = max([peak, *(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))])
            if time.monotonic() - began > seconds:
                process.kill()
                pytest.fail(f"not done after {seconds} s")
            time.sleep(0.05)
        told.seek(0)
        return process.returncode, [json.loads(line) for line in told], peak


def read(path: Path) -> np.ndarray:
    """A result by another library; Pillow knows no gray TIFF of 16 bits with transparency."""
    return tifffile.imread(path) if path.suffix == ".tif" else np.asarray(Image.open(path))


def check(tmp_path: Path, model: Path, numbers: range, seconds: float) -> None:
    folder, whole = tmp_path / "in", [one.data for one in whole_files()]
    folder.mkdir()
    for number in numbers:
        mutant = damaged(number, whole)
        (folder / f"{number}{mutant.suffix}").write_bytes(mutant.data)
    sources = {p.name: p.read_bytes() for p in folder.iterdir()}
    code, told, peak = through(folder, tmp_path / "out", model, seconds)
    assert code == 1
    records = {Path(r["source"]).name: r for r in told if r["type"] == "picture"}
    assert set(records) == {name for name in sources if not name.endswith(".txt")}, "none is left out, none is made up"
    for record in records.values():
        if record["status"] == "enhanced":
            width, height = record["size_out"]
            assert read(Path(record["target"])).shape[:2] == (height, width)
        else:
            assert (record["status"], bool(record["error"])) == ("failed", True)
            assert not Path(record["target"]).exists()
    assert {r["status"] for r in records.values()} == {"enhanced", "failed"}
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == sources
    assert [p for p in (tmp_path / "out").rglob(".restore-*") if not p.name.endswith(".jsonl")] == []
    assert peak < 700e6


def test_a_few(small_model: Path, tmp_path: Path) -> None:
    check(tmp_path, small_model, range(60), 120)


@pytest.mark.slow
def test_a_thousand_and_a_fifth_more(small_model: Path, tmp_path: Path) -> None:
    """A sixth of them end in .txt and are left alone: a thousand go through."""
    check(tmp_path, small_model, range(1000, 2200), 600)
