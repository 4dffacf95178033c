"""Tests for a machine with an NVIDIA GPU: `pytest -m gpu`. They skip where what they need is missing."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import onnxruntime
import pytest

from restore.runtime.gpu import gpus
from restore.zoo.find import entries, find

MODELS = [entry.name for entry in entries()]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.gpu)


@pytest.fixture(scope="session")
def gpu_count() -> int:
    count = len(gpus())
    if not count:
        pytest.skip("no NVIDIA GPU")  # nothing here can be tried without; scripts/gpu_check.py says what was skipped
    return count


@pytest.fixture(scope="session")
def cuda(gpu_count: int) -> str:
    """A device for models."""
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has no CUDA provider")  # the CPU package beside a GPU that only torch uses
    return "cuda:0"


@pytest.fixture(scope="session")
def tensorrt(cuda: str) -> str:
    if "TensorrtExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has no TensorRT provider")  # TensorRT is optional, and large
    pytest.importorskip("tensorrt")
    return "tensorrt:0"


@pytest.fixture(scope="session")
def torch_on_gpu(gpu_count: int) -> ModuleType:
    torch: ModuleType = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this torch finds no CUDA GPU")  # a CPU build of torch beside onnxruntime-gpu
    return torch


@pytest.fixture(params=MODELS)
def model_file(request: pytest.FixtureRequest) -> Path:
    return find(request.param)
