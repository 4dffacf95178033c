"""Which of a model's files is run, and where."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import onnx
import pytest

from restore.errors import ModelError
from restore.runtime import model as model_module
from restore.runtime.cpu import INT8_FEATURES
from restore.runtime.device_pipeline import GRAPHS
from restore.runtime.devices import CPU, CUDA
from restore.runtime.gpu import Gpu
from restore.zoo import open as open_module
from restore.zoo.find import entries, find
from restore.zoo.open import open_named
from restore.zoo.precision import choose, family, precision_of
from tests.runtime.absent import FAKES_A_BROKEN_GPU


def folder(path: Path, *kinds: str) -> Path:
    """A model's folder with a file of each precision, each saying so, int8 having lost 0.05 dB."""
    (path / "m").mkdir(parents=True)
    for kind in kinds:
        model = onnx.load(GRAPHS / "probe.onnx")
        spec = {"name": "m", "scale": 1, "halo": 1, "precision": kind, "loss_db": 0.05 if kind == "int8" else None}
        onnx.helper.set_model_props(model, {"restore.spec": json.dumps(spec)})
        onnx.save(model, path / "m" / ("m.onnx" if kind == "fp32" else f"m.{kind}.onnx"))
    return path / "m"


def loss(value: float | None) -> object:
    return lambda _: value


@pytest.mark.parametrize(
    ("device", "fast_int8", "lost", "taken"),
    [
        ("cpu", True, 0.05, "m.int8.onnx"),
        ("cpu", True, 0.1, "m.int8.onnx"),
        ("cpu", True, 0.11, "m.onnx"),
        ("cpu", True, None, "m.onnx"),
        ("cpu", False, 0.05, "m.onnx"),
        ("cuda:0", True, 0.05, "m.fp16.onnx"),
        ("tensorrt:1", False, None, "m.fp16.onnx"),
        ("coreml", True, 0.0, "m.onnx"),
    ],
)
def test_auto(device: str, fast_int8: bool, lost: float | None, taken: str, tmp_path: Path) -> None:
    model = folder(tmp_path, "fp32", "int8", "fp16")
    for given in (model, model / "m.onnx"):
        assert choose(given, "auto", device, fast_int8, loss(lost)).name == taken


def test_a_twin_of_another_training_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = folder(tmp_path, "fp32", "int8", "fp16")
    for device, taken in (("cpu", "m.int8.onnx"), ("cuda:0", "m.fp16.onnx")):
        assert choose(model, "auto", device, True, loss(0.0), lambda a, b: True).name == taken
        assert choose(model, "auto", device, True, loss(0.0), lambda a, b: False).name == "m.onnx"
        assert choose(model, precision_of(model / taken), device, True, loss(0.0), lambda a, b: False).name == taken
    monkeypatch.setattr(open_module, "cpu_features", lambda: INT8_FEATURES)
    assert open_named(str(model / "m.onnx"), "cpu").spec.precision == "int8"
    new = onnx.load(model / "m.onnx")
    spec = json.loads(next(p.value for p in new.metadata_props if p.key == "restore.spec")) | {"steps": 7}
    onnx.helper.set_model_props(new, {"restore.spec": json.dumps(spec)})
    onnx.save(new, model / "m.onnx")
    assert open_named(str(model / "m.onnx"), "cpu").spec.precision == "fp32"


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_auto_without_twins(device: str, tmp_path: Path) -> None:
    assert choose(folder(tmp_path, "fp32"), "auto", device, True, loss(0.0)).name == "m.onnx"


def test_what_is_asked_for_is_taken(tmp_path: Path) -> None:
    model = folder(tmp_path, "fp32", "int8", "fp16")
    for kind in ("fp32", "int8", "fp16"):
        for given in (model, *model.iterdir()):
            assert precision_of(choose(given, kind, "cpu", False, loss(9.0))) == kind


def test_a_twin_given_by_its_path_is_what_was_asked_for(tmp_path: Path) -> None:
    twin = folder(tmp_path, "fp32", "int8") / "m.int8.onnx"
    assert choose(twin, "auto", "cuda:0", False, loss(None)) == twin


def test_what_is_not_there_is_an_error_that_names_the_others(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"this model has no fp16 file; available: fp32 \(m.onnx\), int8 \(m.int8.onnx\)"
    ):
        choose(folder(tmp_path, "fp32", "int8"), "fp16", "cpu", True, loss(0.0))
    (tmp_path / "m/m.onnx").unlink()
    with pytest.raises(ModelError, match="no fp32 file"):
        choose(tmp_path / "m", "auto", "cpu", False, loss(0.0))


def test_a_name_with_dots(tmp_path: Path) -> None:
    shutil.copy(GRAPHS / "probe.onnx", tmp_path / "v1.5.onnx")
    assert family(tmp_path / "v1.5.onnx") == {"fp32": tmp_path / "v1.5.onnx"}


def test_a_twin_is_part_of_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = folder(tmp_path, "fp32", "int8", "fp16")
    monkeypatch.setenv("RESTORE_MODELS", str(tmp_path))
    (mine,) = (entry for entry in entries() if entry.file.is_relative_to(tmp_path))
    assert mine.name == "m"
    assert list(mine.files) == ["fp32", "int8", "fp16"]
    assert find("m") == model / "m.onnx"


@pytest.mark.parametrize(("features", "kind"), [({"avx512_vnni"}, "int8"), (set(), "fp32")])
def test_opened_by_what_the_cpu_can(
    features: set[str], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = folder(tmp_path, "fp32", "int8", "fp16")
    monkeypatch.setattr(open_module, "cpu_features", lambda: frozenset(features))
    assert open_named(str(model / "m.onnx"), "cpu").spec.precision == kind
    assert open_named(str(model / "m.onnx"), "cpu", "fp16").spec.precision == "fp16"


@FAKES_A_BROKEN_GPU
def test_a_gpu_that_fails_does_not_leave_the_cpu_with_the_gpu_s_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_module, "gpus", lambda: [Gpu("Card A", 2**33)])
    monkeypatch.setattr(model_module.ort, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(open_module, "cpu_features", frozenset)
    model = open_named(str(folder(tmp_path, "fp32", "fp16") / "m.onnx"))
    assert (model.device, model.spec.precision) == ("cpu", "fp32")
    assert "cuda:0 cannot run m.fp16.onnx" in model.note
