"""Providers in packages of their own: found without importing them, loaded once, and never replaced silently."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from restore.errors import DeviceError
from restore.runtime import model as model_module
from restore.runtime.device_pipeline import GRAPHS
from restore.runtime.model import open_model
from restore.runtime.plugin_providers import (
    PLUGINS,
    NoPluginDeviceError,
    plugin_devices,
    plugin_options,
)
from tests.conftest import picture
from tests.runtime.absent import RUNS_OPENVINO
from tests.runtime.plugins import OPENVINO, FakeDevice, FakePlugin, install, uninstall

PROBE = GRAPHS / "probe.onnx"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakePlugin:
    return install(monkeypatch, FakePlugin())


@pytest.mark.parametrize("kind", PLUGINS)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninstall(monkeypatch)
    with pytest.raises(DeviceError, match=rf"--device {kind}: the package onnxruntime-ep-\S+ is not installed: pip"):
        open_model(PROBE, kind)


def test_the_extra_is_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    uninstall(monkeypatch)
    with pytest.raises(DeviceError, match=r"pip install 'restore\[openvino\]'"):
        open_model(PROBE, "openvino")


def test_a_package_that_cannot_be_imported(fake: FakePlugin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, OPENVINO.module, None)
    with pytest.raises(DeviceError, match="onnxruntime-ep-openvino 9.9 is installed but cannot be loaded .*Error: "):
        open_model(PROBE, "openvino")


def test_a_package_without_its_library(fake: FakePlugin, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise FileNotFoundError("library not found at /nowhere")

    monkeypatch.setattr(sys.modules[OPENVINO.module], "get_library_path", missing)
    with pytest.raises(DeviceError, match=r"FileNotFoundError: library not found .*--force-reinstall"):
        open_model(PROBE, "openvino")


def test_a_library_that_onnxruntime_rejects(fake: FakePlugin, monkeypatch: pytest.MonkeyPatch) -> None:
    def reject(*_: object) -> None:
        raise RuntimeError("undefined symbol: x\nmore")

    monkeypatch.setattr(ort, "register_execution_provider_library", reject)
    for _ in range(2):  # a failure is not remembered as a success
        with pytest.raises(DeviceError, match=r"cannot be loaded \(RuntimeError: undefined symbol: x\)"):
            open_model(PROBE, "openvino")


def test_an_onnxruntime_without_plugins(fake: FakePlugin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ort, "register_execution_provider_library")
    monkeypatch.delattr(ort, "get_ep_devices")
    with pytest.raises(DeviceError, match=r"needs onnxruntime 1\.23 or later, and \S+ is installed"):
        open_model(PROBE, "openvino")


def test_no_device(fake: FakePlugin) -> None:
    fake.devices = [FakeDevice("other", ep_name="OtherExecutionProvider")]
    for _ in range(2):
        with pytest.raises(NoPluginDeviceError, match="found no device on this machine; it needs an Intel processor"):
            open_model(PROBE, "openvino")
    assert len(fake.registered) == 1


def test_a_session_that_fails_is_an_error(fake: FakePlugin, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("cannot compile")

    plain = model_module.file_spec(PROBE)
    monkeypatch.setattr(model_module, "file_spec", lambda *_: plain)
    monkeypatch.setattr(ort, "InferenceSession", fail)
    with pytest.raises(DeviceError, match=r"openvino cannot run probe\.onnx: cannot compile"):
        open_model(PROBE, "openvino")


def test_a_session_that_runs_elsewhere_is_refused(fake: FakePlugin, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ort.InferenceSession
    monkeypatch.setattr(ort, "InferenceSession", lambda path, *_, **__: real(path, providers=["CPUExecutionProvider"]))
    with pytest.raises(DeviceError, match="could not load its OpenVINOExecutionProvider"):
        open_model(PROBE, "openvino")


def test_it_runs_there_and_is_registered_once(fake: FakePlugin) -> None:
    pixels = picture(40, 48)[None]
    first, second = open_model(PROBE, "openvino"), open_model(PROBE, "openvino:0")
    assert (first.device, first.precision, first.on_cpu, second.device) == ("openvino", "fp32", True, "openvino")
    assert len(fake.registered) == 1
    np.testing.assert_array_equal(first.enlarge(pixels), open_model(PROBE, "cpu").enlarge(pixels))


def test_several_devices(fake: FakePlugin) -> None:
    fake.devices = [FakeDevice("Card", "GPU"), FakeDevice("Chip")]
    assert [device.name for device in plugin_devices("openvino")] == ["Chip", "Card"], "OpenVINO is wanted for the CPU"
    card = open_model(PROBE, "openvino:1")
    assert (card.device, card.on_cpu) == ("openvino:1", False)
    with pytest.raises(DeviceError, match=r"available: openvino:0 \(Chip\), openvino:1 \(Card\)"):
        open_model(PROBE, "openvino:2")


def test_threads_and_precision_are_set_and_not_left_to_the_plugin(fake: FakePlugin) -> None:
    open_model(PROBE, "openvino", threads=3)
    assert fake.settings() == {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": "3",
        "NUM_STREAMS": "3",
        "ENABLE_CPU_PINNING": "NO",
    }
    fake.devices = [FakeDevice("Chip", abilities="FP32 BF16 INT8")]
    assert open_model(PROBE, "openvino", bf16=True).precision == "bf16"
    assert fake.settings()["INFERENCE_PRECISION_HINT"] == "bf16"


def test_a_card_computes_in_the_file_s_precision(fake: FakePlugin) -> None:
    fake.devices = [FakeDevice("Card", "GPU"), FakeDevice("Unit", "NPU")]
    card, unit = plugin_devices("openvino")
    assert plugin_options("openvino", card, 2, 1, bf16=False, half=False) == {
        "load_config": '{"GPU": {"INFERENCE_PRECISION_HINT": "f32"}}'
    }
    assert '"f16"' in plugin_options("openvino", card, 2, 1, bf16=False, half=True)["load_config"]
    assert plugin_options("openvino", unit, 2, 1, bf16=False, half=False) == {}
    assert plugin_options("webgpu", card, 2, 1, bf16=False, half=False) == {}


def test_bf16_needs_hardware_for_it(fake: FakePlugin) -> None:
    with pytest.raises(DeviceError, match="--precision bf16 is not supported on openvino: Fake CPU has no such units"):
        open_model(PROBE, "openvino", bf16=True)
    with pytest.raises(DeviceError, match="--precision bf16 is not supported on cpu: it needs --device openvino"):
        open_model(PROBE, "cpu", bf16=True)


def test_idle_threads_on_the_cpu_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[ort.SessionOptions] = []
    real = model_module.cpu_session
    monkeypatch.setattr(model_module, "cpu_session", lambda *given: options.append(given[2]) or real(*given))
    open_model(PROBE, "cpu", threads=2)
    assert options[-1].get_session_config_entry("session.force_spinning_stop") == "1"
    assert options[-1].intra_op_num_threads == 2


def test_nothing_is_imported_to_see_what_is_installed() -> None:
    code = (
        "import sys; from restore.runtime.plugin_providers import installed_plugins; installed_plugins(); "
        "print(*(module for module in sys.modules if module.startswith('onnxruntime')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.stdout.split() == []


@RUNS_OPENVINO
def test_the_real_plugin(small_model: Path) -> None:
    model = open_model(small_model, "openvino", threads=1)
    pixels = picture(64, 72)[None]
    found, wanted = model.enlarge(pixels), open_model(small_model, "cpu").enlarge(pixels)
    assert np.abs(found.astype(int) - wanted).max() <= 1
