"""What the machine has: GPUs by a driver that is played here, CPU features, installed packages."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from restore.runtime import cpu, ort_install
from restore.runtime.cpu import INT8_FEATURES, cpu_features, cpu_name, usable_cores
from restore.runtime.gpu import Gpu, cuda_of_driver, free_gpu_memory, gpus
from restore.runtime.ort_install import captured, clash, missing, preload, runtimes


class Driver:
    """Two GPUs, in the driver's own calls; ``broken`` names the one that fails."""

    def __init__(self, broken: str = "") -> None:
        self._broken = broken
        self.held = 0
        self._answers = {
            "cuDeviceGetCount": lambda count: put(count, 2),
            "cuDeviceGet": lambda device, index: put(device, 7 + index),
            "cuDeviceGetName": lambda name, _, device: put(ctypes.byref(name), b"Card %d" % device.value),
            "cuDeviceTotalMem_v2": lambda memory, device: put(memory, device.value * 2**30),
            "cuDriverGetVersion": lambda version: put(version, 12080),
            "cuDevicePrimaryCtxRetain": lambda context, _: self._hold(1),
            "cuDevicePrimaryCtxRelease_v2": lambda _: self._hold(-1),
            "cuCtxPushCurrent_v2": lambda _: 0,
            "cuCtxPopCurrent_v2": lambda _: 0,
            "cuMemGetInfo_v2": lambda free, total: put(free, 5) + put(total, 9),
        }

    def __getattr__(self, name: str) -> object:
        return (lambda *_: 100) if name == self._broken else self._answers[name]

    def _hold(self, more: int) -> int:
        self.held += more
        return 0


def put(reference: object, value: object) -> int:
    """What the driver does with a pointer, and its word for success."""
    reference._obj.value = value
    return 0


def test_gpus() -> None:
    assert gpus(Driver()) == [Gpu("Card 7", 7 * 2**30), Gpu("Card 8", 8 * 2**30)]
    assert cuda_of_driver(Driver()) == "12.8"
    assert gpus(Driver("cuDeviceGetCount")) == []


@pytest.mark.parametrize(
    "broken", ["", "cuDeviceGet", "cuDevicePrimaryCtxRetain", "cuCtxPushCurrent_v2", "cuMemGetInfo_v2"]
)
def test_free_gpu_memory(broken: str) -> None:
    driver = Driver(broken)
    assert free_gpu_memory(0, driver) == (None if broken else 5)
    assert driver.held == 0, "the context is given back"


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("model name\t: X\nflags\t\t: fpu avx512f avx512_vnni\n", "avx512_vnni"),
        ("flags : fpu avx2 avx_vnni\n", "avx_vnni"),
        ("Features\t: fp asimd asimddp\n", "asimddp"),
        ("flags : fpu avx2 avx512f\n", ""),
        ("", ""),
    ],
)
def test_cpu_features(text: str, feature: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    (tmp_path / "cpuinfo").write_text(text)
    found = cpu_features(tmp_path / "cpuinfo")
    assert found & INT8_FEATURES == ({feature} if feature else set())
    assert cpu_features(tmp_path / "missing") == frozenset()


def test_cpu_features_of_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "hw.optional.arm.FEAT_DotProd: 1\nhw.optional.arm.FEAT_I8MM: 0\nkern.x: a: b\n"
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: SimpleNamespace(stdout=said))
    assert cpu_features() == {"asimddp"}


def test_this_cpu(tmp_path: Path) -> None:
    assert usable_cores() >= 1
    assert cpu_name()
    (tmp_path / "cpuinfo").write_text("model name\t: Fast 1: two\n")
    assert cpu_name(tmp_path / "cpuinfo") == "Fast 1: two"


def test_runtimes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("numpy", "onnxruntime_gpu", "onnxruntime_extensions", "onnxruntime"):
        folder = tmp_path / f"{name}-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: 1.2\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert runtimes() == {"onnxruntime": "1.2", "onnxruntime-gpu": "1.2"}


def test_clash() -> None:
    assert clash([]) == clash(["onnxruntime-gpu"]) == ""
    assert clash(["onnxruntime", "onnxruntime-gpu"]).endswith(
        "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"
    )


def test_what_is_printed_is_caught(capfd: pytest.CaptureFixture[str]) -> None:
    """By Python, and by native code that writes to the terminal itself."""
    with captured() as said:
        sys.stdout.write("Failed to load /x/libcublas.so.12: cannot open\nFailed to load libcudnn.so.9: a: b\n")
        os.write(1, b"noise\n")
        os.write(2, b"[E:onnxruntime] Failed to load library x.so with error: libcuda.so.1: not there\n")
    os.write(1, b"heard again")
    assert capfd.readouterr() == ("heard again", "")
    assert said.reason == "/x/libcublas.so.12: cannot open; libcudnn.so.9: a: b; libcuda.so.1: not there"
    assert missing(said) == ["libcublas.so.12", "libcudnn.so.9"]


def test_what_was_said_is_kept_when_it_fails(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        os.write(2, b"Failed to load libcuda.so.1: not there\n")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), captured() as said:
        fail()
    assert said.reason == "libcuda.so.1: not there"
    assert capfd.readouterr() == ("", "")


def test_tensorrt_s_libraries_are_loaded_from_their_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tensorrt_libs").mkdir()
    for name in ("__init__.py", "libnvinfer.so.10", "libnvinfer_plugin.so.10", "libother.so.1"):
        (tmp_path / "tensorrt_libs" / name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    loaded: list[str] = []
    monkeypatch.setattr(ort_install.ctypes, "CDLL", lambda path: loaded.append(Path(path).name))
    preload(SimpleNamespace(), tensorrt=False)
    assert loaded == []
    preload(SimpleNamespace(), tensorrt=True)
    assert loaded == ["libnvinfer.so.10", "libnvinfer_plugin.so.10"]


@pytest.mark.parametrize(
    ("system", "processor", "name", "runs"),
    [
        ("linux", "x86_64", "Intel(R) Xeon(R) Gold", True),
        ("win32", "AMD64", "Intel64 Family 6 Model 143, GenuineIntel", True),
        ("linux", "x86_64", "AMD EPYC", False),
        ("darwin", "x86_64", "Intel(R) Core(TM) i7", False),
        ("linux", "aarch64", "aarch64", False),
    ],
)
def test_openvino_is_for_intel(
    system: str, processor: str, name: str, runs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu.sys, "platform", system)
    monkeypatch.setattr(cpu.platform, "machine", lambda: processor)
    monkeypatch.setattr(cpu, "cpu_name", lambda: name)
    assert cpu.runs_openvino() is runs
