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


def need(found: object, what: str) -> None:
    """Skip a test that cannot run on this machine; scripts/gpu_check.py lists the reasons."""
    if not found:
        # These tests run only when asked for, by -m gpu. A machine with one GPU, or without TensorRT, tests what it has.
        pytest.skip(reason=f"needs {what}")


@pytest.fixture(scope="session")
def gpu_count() -> int:
    count = len(gpus())
    need(count, "an NVIDIA GPU")
    return count


@pytest.fixture(scope="session")
def cuda(gpu_count: int) -> str:
    """A device for models."""
    need("CUDAExecutionProvider" in onnxruntime.get_available_providers(), "onnxruntime-gpu, not the package for CPUs")
    return "cuda:0"


@pytest.fixture(scope="session")
def tensorrt(cuda: str) -> str:
    need("TensorrtExecutionProvider" in onnxruntime.get_available_providers(), "an onnxruntime with TensorRT")
    pytest.importorskip("tensorrt", reason="needs the package tensorrt, which no extra installs: it is large")
    return "tensorrt:0"


@pytest.fixture(scope="session")
def torch_on_gpu(gpu_count: int) -> ModuleType:
    torch: ModuleType = pytest.importorskip("torch", reason="needs the extra train")
    need(torch.cuda.is_available(), "a torch that is built for CUDA")
    return torch


@pytest.fixture(params=MODELS)
def model_file(request: pytest.FixtureRequest) -> Path:
    return find(request.param)
