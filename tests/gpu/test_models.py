"""Models on the GPU give the pictures that they give on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from restore.export.build_model import BuildOptions
from restore.export.run import export_half
from restore.runtime import model as model_module
from restore.runtime.model import open_model
from restore.runtime.pixels import FloatNetwork
from restore.runtime.stream import StreamOptions, enhance_pixels, enhance_stream
from restore.verify.pictures import scene
from restore.zoo.find import find
from tests.conftest import save
from tests.gpu.conftest import need

ROOT = Path(__file__).resolve().parents[2]


def levels(a: np.ndarray, b: np.ndarray) -> tuple[float, int]:
    """Mean and largest difference of two uint8 pictures."""
    difference = np.abs(a.astype(int) - b.astype(int))
    return float(difference.mean()), int(difference.max())


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return scene(181, 243).round().astype(np.uint8)


def test_fp32_is_that_of_the_cpu(cuda: str, model_file: Path, picture: np.ndarray) -> None:
    """To a level here and there: CUDA convolves in TF32 unless that is switched off."""
    on_gpu, on_cpu = open_model(model_file, cuda), open_model(model_file, "cpu")
    assert on_gpu.device == cuda
    mean, largest = levels(*(enhance_pixels(picture, one, one.spec) for one in (on_gpu, on_cpu)))
    assert largest <= 2
    assert mean < 0.02


def test_fp16_is_within_a_level_on_average(cuda: str, model_file: Path, picture: np.ndarray, tmp_path: Path) -> None:
    half = export_half(model_file, tmp_path / model_file.name, BuildOptions()).path
    on_gpu, on_cpu = open_model(half, cuda), open_model(model_file, "cpu")
    mean, largest = levels(*(enhance_pixels(picture, one, one.spec) for one in (on_gpu, on_cpu)))
    assert largest <= 6
    assert mean < 0.25


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_conversions_on_the_device_are_those_in_numpy(cuda: str, dtype: type) -> None:
    model = open_model(find("sr-x2"), cuda)
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (1, 40, 56, 3), dtype)
    chain, plain = model.enlarge(pixels), FloatNetwork(model, model.spec).enlarge(pixels)
    assert chain.dtype == dtype
    assert np.abs(chain.astype(int) - plain.astype(int)).max() <= 1


def test_tiles_and_batches_are_the_whole(cuda: str, picture: np.ndarray) -> None:
    model = open_model(find("sr-x2"), cuda)
    whole = enhance_pixels(picture, model, model.spec)
    for options in (StreamOptions(tile=64, batch=4), StreamOptions(tile=96, batch=1, fixed=True)):
        (tiled,) = enhance_stream([picture], model, options)
        assert isinstance(tiled, np.ndarray)
        assert levels(tiled, whole)[1] <= 1


def test_the_same_twice(cuda: str, picture: np.ndarray) -> None:
    model = open_model(find("sr-x2"), cuda)
    first, second = (enhance_pixels(picture, model, model.spec) for _ in range(2))
    assert np.array_equal(first, second)


def test_tensorrt_is_the_cpu(
    tensorrt: str, picture: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its engine built, and again from the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    on_cpu = open_model(find("sr-x2"), "cpu")
    wanted = enhance_pixels(picture, on_cpu, on_cpu.spec)
    for _ in range(2):
        model = open_model(find("sr-x2"), tensorrt)
        assert levels(enhance_pixels(picture, model, model.spec), wanted)[1] <= 3
    assert list(tmp_path.rglob("*.engine"))


def test_memory_that_runs_out_makes_smaller_tiles(
    cuda: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With 300 MB for CUDA, a tile of the whole picture does not fit; the result is that of small tiles."""
    original = model_module.provider_list

    def poor(*args: Any) -> list[object]:
        found = original(*args)
        return [(p[0], {**p[1], "gpu_mem_limit": str(300 * 2**20)}) if isinstance(p, tuple) else p for p in found]

    picture = scene(1500, 1500).round().astype(np.uint8)
    monkeypatch.setattr(model_module, "provider_list", poor)
    model = open_model(find("sr-x2"), cuda)
    said: list[str] = []
    (made,) = enhance_stream([picture], model, StreamOptions(tile=1500, batch=1), lambda text, *_: said.append(text))
    assert isinstance(made, np.ndarray)
    assert said, "nothing ran out of memory: lower the limit of this test"
    on_cpu = open_model(find("sr-x2"), "cpu")
    corner = enhance_pixels(picture[:256, :256], on_cpu, on_cpu.spec)[:400, :400]
    assert levels(made[:400, :400], corner)[1] <= 2


def test_the_folder_command(cuda: str, tmp_path: Path) -> None:
    for number in range(6):
        save(tmp_path / f"in/{number}.png", scene(120 + number, 160).round().astype(np.uint8))
    command = [sys.executable, str(ROOT / "cli.py"), "enhance", str(tmp_path / "in"), str(tmp_path / "out")]
    done = subprocess.run([*command, "--device", cuda, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(row.get("status") == "enhanced" for row in rows) == 6
    assert len(list((tmp_path / "out").glob("*.png"))) == 6


def test_a_second_gpu(cuda: str, gpu_count: int, picture: np.ndarray) -> None:
    need(gpu_count > 1, "two GPUs")
    first, second = (open_model(find("sr-x2"), f"cuda:{number}") for number in range(2))
    assert second.device == "cuda:1"
    assert np.array_equal(*(enhance_pixels(picture, one, one.spec) for one in (first, second)))


def test_auto_takes_the_gpu(cuda: str) -> None:
    assert open_model(find("sr-x2"), "auto").device == cuda
