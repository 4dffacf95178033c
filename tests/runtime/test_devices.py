"""Devices are chosen openly; nothing falls back in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from restore.errors import DeviceError, ModelError
from restore.runtime import model as model_module
from restore.runtime.devices import CPU, CUDA, place
from restore.runtime.model import open_model

BOTH, CPU_ONLY = [CUDA, CPU], [CPU]


def test_cpu_is_cpu_whatever_there_is() -> None:
    assert place("cpu", BOTH, 2).providers == [CPU]


def test_auto_takes_the_gpu_alone() -> None:
    """The CPU provider is not listed beside it: listed, it would take over without a word."""
    placement = place("auto", BOTH, 1)
    assert [p[0] for p in placement.providers] == [CUDA]
    assert placement.strict


def test_auto_without_gpu_is_cpu_and_needs_no_words() -> None:
    placement = place("auto", BOTH, 0)
    assert placement.providers == [CPU]
    assert placement.note == ""


def test_auto_with_a_gpu_that_cannot_be_used_says_so() -> None:
    placement = place("auto", CPU_ONLY, 1)
    assert placement.providers == [CPU]
    assert "onnxruntime-gpu" in placement.note


@pytest.mark.parametrize(("available", "gpus", "says"), [(BOTH, 0, "no NVIDIA GPU"), (CPU_ONLY, 1, "onnxruntime-gpu")])
def test_cuda_insists(available: list[str], gpus: int, says: str) -> None:
    with pytest.raises(DeviceError, match=says):
        place("cuda", available, gpus)


@pytest.fixture
def broken_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that shows a GPU, and CUDA libraries that cannot be loaded: what users meet most."""
    if model_module.count_gpus() > 0:
        pytest.skip("tests a GPU that cannot be used; this machine has one that may work")
    monkeypatch.setattr(model_module, "count_gpus", lambda: 1)
    monkeypatch.setattr(model_module.ort, "get_available_providers", lambda: BOTH)
    monkeypatch.setattr(model_module.ort, "preload_dlls", lambda: None)


@pytest.mark.usefixtures("broken_gpu")
def test_a_gpu_that_fails_is_an_error_for_cuda(small_model: Path) -> None:
    with pytest.raises(DeviceError, match=r"restore\[cuda\]"):
        open_model(small_model, "cuda")


@pytest.mark.usefixtures("broken_gpu")
def test_a_gpu_that_fails_is_told_for_auto(small_model: Path) -> None:
    model = open_model(small_model, "auto")
    assert model.device == "cpu"
    assert "restore[cuda]" in model.note


@pytest.mark.usefixtures("broken_gpu")
def test_a_session_that_fell_back_in_silence_is_refused(small_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime has done so (onnxruntime#23372, #17801): what it says afterwards is what counts."""

    class FellBack:
        def __init__(self, *_: object, **__: object) -> None: ...

        def get_providers(self) -> list[str]:
            return [CPU]

    monkeypatch.setattr(model_module.ort, "InferenceSession", FellBack)
    with pytest.raises(DeviceError, match="could not load its CUDA provider"):
        open_model(small_model, "cuda")


def test_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"not onnx")
    with pytest.raises(ModelError, match=r"x\.onnx: onnxruntime cannot open it"):
        open_model(tmp_path / "x.onnx", "cpu")
    with pytest.raises(ModelError, match="no such model file"):
        open_model(tmp_path / "y.onnx", "cpu")
