"""What should work and does not is named, with its cure."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest

from restore.diagnostics import doctor
from restore.diagnostics.doctor import Finding, examine
from restore.runtime.device_pipeline import GRAPHS
from restore.runtime.device_probe import probe
from restore.runtime.devices import CPU, CUDA, TENSORRT
from restore.runtime.gpu import gpus
from restore.utils.isolated_process import ApartError, run_apart


def named(name: str, findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.name == name]


def test_here() -> None:
    findings = examine()
    assert [f for f in findings if f.ok is False] == [] or gpus()
    (cpu,) = named("cpu", findings)
    assert cpu.ok
    assert "works, as cpu" in cpu.value
    assert named("sr-x2", findings)[0].ok


def answers(**known: dict[str, object] | ApartError) -> Callable[..., dict[str, object]]:
    def run(_: str, kind: str, **__: object) -> dict[str, object]:
        if isinstance(known[kind], ApartError):
            raise known[kind]
        return known[kind]

    return run


WORKS = {"device": "x", "ms": 1.0, "difference": 0}


@pytest.mark.parametrize(
    ("answer", "ok", "says"),
    [
        (WORKS, True, "works"),
        ({**WORKS, "difference": 1}, True, "works"),
        ({**WORKS, "difference": 2}, False, "wrong pixels, off by 2 of 255"),
        ({"error": "no cuDNN"}, False, "does not work: no cuDNN"),
        (ApartError("it crashed (signal 11)"), False, "crashed"),
    ],
)
def test_a_device_that_should_work(answer: object, ok: bool, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "run_apart", answers(cpu=WORKS, cuda=answer))
    cpu, cuda = doctor._providers([CUDA, CPU], ["Card A"])
    assert (cpu.ok, cuda.ok) == (True, ok)
    assert says in cuda.value


def test_tensorrt_is_built_in_without_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "run_apart", answers(cpu=WORKS, tensorrt={"error": "no libnvinfer"}))
    assert [f.ok for f in doctor._providers([TENSORRT, CPU], ["Card A"]) if f.name == "tensorrt"] == [None]


def test_a_gpu_that_lies_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "run_apart", answers(cpu=WORKS))
    monkeypatch.setattr(doctor, "runtimes", lambda: {"onnxruntime": "1"})
    (cuda,) = named("cuda", list(doctor._providers([CPU], ["Card A"])))
    assert cuda.ok is False
    assert cuda.cure == "pip uninstall -y onnxruntime && pip install onnxruntime-gpu"


def test_no_gpu_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "run_apart", answers(cpu=WORKS))
    assert [f.ok for f in doctor._providers([TENSORRT, CUDA, CPU], [])] == [True, None, None]


@pytest.mark.parametrize(("needed", "ok"), [(True, False), (False, None)])
def test_missing_libraries_matter_with_a_gpu(needed: bool, ok: bool | None) -> None:
    runtime = SimpleNamespace(
        preload_dlls=lambda: sys.stdout.write("Failed to load libcudnn.so.9: no"),
        get_available_providers=lambda: [CUDA],
    )
    (found,) = doctor._libraries(runtime, needed)
    assert found.ok is ok
    assert "libcudnn.so.9" in found.value
    assert ("pip install" in found.cure) == needed


def test_two_runtimes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "runtimes", lambda: {"onnxruntime": "1", "onnxruntime-gpu": "1"})
    wrong = [f for f in doctor._packages("") if f.ok is False]
    assert [f.cure for f in wrong] == ["pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"]


def test_no_runtime_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "runtimes", dict)
    assert [f.cure for f in doctor._packages("x") if f.ok is False] == ["pip install onnxruntime"]


def test_a_broken_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/mine.onnx").write_bytes(b"x")
    monkeypatch.setenv("RESTORE_MODELS", str(tmp_path))
    (mine,) = named("mine", list(doctor._models(True)))
    assert mine.ok is False
    assert "mine.onnx: onnxruntime cannot open it" in mine.value


def test_no_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    (found,) = doctor._temporary_folder()
    assert found.ok is False
    assert "Permission denied" in found.value


def test_the_probe_notices_wrong_pixels(tmp_path: Path) -> None:
    model = onnx.load(GRAPHS / "probe.onnx")
    weights = onnx.numpy_helper.to_array(model.graph.initializer[0]) * 1.05
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "weights"))
    onnx.save(model, tmp_path / "off.onnx")
    assert probe("cpu")["difference"] <= 1
    assert probe("cpu", tmp_path / "off.onnx")["difference"] > 1
    assert "no such device" in probe("nonsense")["error"]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise ValueError('broken')", "ValueError: broken"),
        ("import os; os.kill(os.getpid(), 11)", "crashed"),
        ("import time; time.sleep(60)", "no answer within"),
        ("print('hello')", "it answered 'hello'"),
        ("print('[1]')", r"it answered '\[1\]'"),
        ("raise SystemExit(3)", "code 3"),
    ],
)
def test_a_child_that_does_not_answer(code: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "child.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ApartError, match=says):
        run_apart("child", timeout=2)


def test_a_child_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "child.py").write_text("import sys, restore; print('noise'); print('{\"a\": \"%s\"}' % sys.argv[1])")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert run_apart("child", "x", timeout=30) == {"a": "x"}


def test_a_child_imports_nothing_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be a folder of downloads."""
    (tmp_path / "json.py").write_text("raise SystemExit('hostile code ran')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ApartError, match="IndexError"):  # no device is named
        run_apart("restore.runtime.device_probe", timeout=60)


def plugin_findings(monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], answer: dict[str, object]) -> dict:
    monkeypatch.setattr(doctor, "installed_plugins", lambda: installed)
    monkeypatch.setattr(doctor, "run_apart", lambda *_, **__: answer)
    monkeypatch.setattr(doctor, "runs_openvino", lambda: True)
    return {finding.name: finding for finding in doctor._plugins()}


def test_a_missing_plugin_is_recommended_where_it_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plugin_findings(monkeypatch, {}, {})
    assert list(found) == ["openvino", "webgpu", "tensorrt-rtx", "mlx"]
    assert "pip install 'restore[openvino]'" in found["openvino"].cure
    assert {finding.ok for finding in found.values()} == {None}
    monkeypatch.setattr(doctor, "runs_openvino", lambda: False)
    assert [finding.cure for finding in doctor._plugins()] == [""] * 4


@pytest.mark.parametrize(
    ("answer", "ok", "says"),
    [
        (
            {"device": "openvino", "ms": 2.0, "difference": 0, "devices": ["Xeon"]},
            True,
            "1.8: works, as openvino (Xeon): 2.0 ms",
        ),
        ({"error": "--device openvino: p 1.8 found no device", "absent": True}, None, "1.8: p 1.8 found no device"),
        ({"error": "--device openvino: p 1.8 cannot be loaded", "absent": False}, False, "does not work: p 1.8 cannot"),
        ({"device": "openvino", "ms": 2.0, "difference": 9, "devices": []}, False, "wrong pixels, off by 9"),
    ],
)
def test_an_installed_plugin_is_tried(
    answer: dict[str, object], ok: bool | None, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = plugin_findings(monkeypatch, {"openvino": "1.8"}, answer)["openvino"]
    assert finding.ok is ok
    assert says in finding.value
