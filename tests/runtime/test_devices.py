"""Devices are chosen openly; nothing falls back in silence."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from restore.errors import DeviceError, ModelError
from restore.runtime import model as model_module
from restore.runtime.device_pipeline import GRAPHS
from restore.runtime.devices import (
    CPU,
    CUDA,
    TENSORRT,
    Device,
    ModelFile,
    TilePlan,
    choose,
    provider_list,
    tensorrt_key,
)
from restore.runtime.gpu import Gpu
from restore.runtime.model import open_model
from restore.runtime.tiling import tiles
from restore.spec import ModelSpec
from tests.runtime.absent import FAKES_A_BROKEN_GPU, HAS_CUDA_CODE

BOTH, CPU_ONLY = [TENSORRT, CUDA, CPU], [CPU]
ONE, TWO = ["Card A"], ["Card A", "Card B"]
SPEC = ModelSpec(name="sr", scale=2, halo=9, multiple=4, minimum=10)
FILE = ModelFile("in", "0123456789abcdef0123")


def test_cpu_is_cpu_whatever_there_is() -> None:
    assert choose("cpu", BOTH, TWO).name == "cpu"


def test_auto_takes_the_gpu() -> None:
    assert choose("auto", BOTH, TWO) == Device("cuda", 0)


def test_auto_without_gpu_is_cpu_and_needs_no_words() -> None:
    assert choose("auto", BOTH, []) == Device("cpu")


def test_auto_with_a_gpu_that_cannot_be_used_says_so() -> None:
    chosen = choose("auto", CPU_ONLY, ONE, ["onnxruntime"])
    assert chosen.name == "cpu"
    assert chosen.note == (
        "Card A is not used: this onnxruntime was built without CUDAExecutionProvider: "
        "pip uninstall -y onnxruntime && pip install onnxruntime-gpu"
    )


@pytest.mark.parametrize(
    ("device", "name"),
    [("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("tensorrt", "tensorrt:0"), ("tensorrt:1", "tensorrt:1")],
)
def test_named(device: str, name: str) -> None:
    assert choose(device, BOTH, TWO).name == name


def test_two_runtimes_at_once_are_warned_of() -> None:
    assert "it is undefined which one is used" in choose("auto", CPU_ONLY, [], ["onnxruntime", "onnxruntime-gpu"]).note
    assert choose("cpu", CPU_ONLY, [], ["onnxruntime", "onnxruntime-gpu"]).note == ""


@pytest.mark.parametrize("kind", ["coreml", "directml", "openvino"])
def test_others_need_their_provider_alone(kind: str) -> None:
    provider = Device(kind).provider
    chosen = choose(kind, [provider, CPU], [])
    assert chosen.name == kind
    (only,) = provider_list(chosen, SPEC, TilePlan(), FILE, "", "", Path("c"))
    assert provider == (only if isinstance(only, str) else only[0])


@pytest.mark.parametrize(
    ("device", "available", "cards", "installed", "says"),
    [
        ("cuda", BOTH, [], [], "no NVIDIA GPU or driver was found"),
        ("tensorrt:1", BOTH, [], [], "no NVIDIA GPU or driver was found"),
        ("cuda", CPU_ONLY, ONE, ["onnxruntime"], "pip uninstall -y onnxruntime && pip install onnxruntime-gpu"),
        (
            "cuda:2",
            BOTH,
            TWO,
            [],
            r"--device cuda:2: no such GPU; there are cuda:0 \(Card A\), cuda:1 \(Card B\)",
        ),
        ("cuda:1", BOTH, ONE, [], r"there is cuda:0 \(Card A\)"),
        (
            "cuda",
            CPU_ONLY,
            ONE,
            ["onnxruntime", "onnxruntime-gpu"],
            "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu$",
        ),
        (
            "openvino",
            BOTH,
            [],
            ["onnxruntime-gpu"],
            r"onnxruntime-ep-openvino is not installed: pip install 'restore\[openvino\]'",
        ),
        ("directml", BOTH, [], [], "pip install onnxruntime-directml"),
        ("coreml", BOTH, [], [], "only onnxruntime for macOS"),
        ("gpu", BOTH, ONE, [], "--device gpu: no such device; choose auto, cpu, cuda, cuda:N"),
        ("cpu:1", BOTH, ONE, [], "no such device"),
        ("cuda:-1", BOTH, ONE, [], "no such device"),
        ("cuda:1x", BOTH, ONE, [], "no such device"),
    ],
)
def test_what_is_named_and_cannot_be_had(
    device: str, available: list[str], cards: list[str], installed: list[str], says: str
) -> None:
    with pytest.raises(DeviceError, match=says):
        choose(device, available, cards, installed)


def cuda_options(plan: TilePlan, index: int = 0) -> dict[str, str]:
    ((provider, options),) = provider_list(Device("cuda", index), SPEC, plan, FILE, "Card A", "10", Path("c"))
    assert provider == CUDA
    return options


def test_cuda_options() -> None:
    options = cuda_options(TilePlan(), 1)
    assert options["device_id"] == "1"
    assert options["arena_extend_strategy"] == "kSameAsRequested"


def test_algorithms_are_searched_for_one_shape_alone() -> None:
    assert cuda_options(TilePlan())["cudnn_conv_algo_search"] == "HEURISTIC"
    assert cuda_options(TilePlan(fixed=True))["cudnn_conv_algo_search"] == "EXHAUSTIVE"


def tensorrt_options(plan: TilePlan, spec: ModelSpec = SPEC) -> dict[str, str]:
    first, second = provider_list(Device("tensorrt", 1), spec, plan, FILE, "Card/A (1)", "10.9", Path("c"))
    assert (first[0], second[0]) == (TENSORRT, CUDA)
    assert first[1]["device_id"] == second[1]["device_id"] == "1"
    return first[1]


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("size", [(10, 12), (300, 700), (40, 2000)])
def test_every_tile_lies_within_tensorrt_s_profile(fixed: bool, size: tuple[int, int]) -> None:
    """A shape outside makes it build again, for minutes."""
    options = tensorrt_options(TilePlan(tile=130, batch=3))

    def sides(which: str) -> list[int]:
        name, shape = options[f"trt_profile_{which}_shapes"].split(":")
        assert name == "in"
        count, channels, height, width = map(int, shape.split("x"))
        assert (count, channels) == (1 if which == "min" else 3, 3)
        return [height, width]

    padded = [max(12, -(-n // 4) * 4) for n in size]
    for tile in tiles(*padded, 130, SPEC.halo, SPEC.multiple, SPEC.minimum, fixed):
        for least, side, most in zip(sides("min"), tile.shape, sides("max"), strict=True):
            assert least <= side <= most


def test_tensorrt_with_one_shape_is_built_for_it() -> None:
    options = tensorrt_options(TilePlan(tile=128, batch=2, fixed=True))
    assert {options[f"trt_profile_{which}_shapes"] for which in ("min", "opt", "max")} == {"in:2x3x152x152"}


def test_tensorrt_is_told_of_all_that_the_network_takes() -> None:
    spec = SPEC.model_copy(update={"context": 64, "strength": True})
    options = tensorrt_options(TilePlan(tile=128, batch=2, fixed=True), spec)
    wanted = "in:2x3x152x152,thumbnail:2x3x64x64,rows:2x152,columns:2x152,strength:2"
    assert options["trt_profile_opt_shapes"] == wanted


def test_tensorrt_halves_what_is_half() -> None:
    assert tensorrt_options(TilePlan())["trt_fp16_enable"] == "0"
    half = SPEC.model_copy(update={"precision": "fp16"})
    assert tensorrt_options(TilePlan(), half)["trt_fp16_enable"] == "1"


def test_a_file_of_one_shape_needs_no_profile() -> None:
    options = tensorrt_options(TilePlan(), SPEC.model_copy(update={"shape": (2, 96, 128)}))
    assert not [key for key in options if "profile" in key]
    assert Path(options["trt_engine_cache_path"]).name == "2x96x128"


def test_engines_are_kept_apart() -> None:
    options = tensorrt_options(TilePlan())
    assert Path(options["trt_timing_cache_path"]) == Path("c") / "sr-0123456789abcdef-Card-A-1-10.9"
    assert Path(options["trt_engine_cache_path"]).parent == Path(options["trt_timing_cache_path"])
    plans = [TilePlan(), TilePlan(tile=256), TilePlan(batch=8), TilePlan(fixed=True)]
    assert len({tensorrt_options(plan)["trt_engine_cache_path"] for plan in plans}) == 4
    keys = {
        tensorrt_key(ModelFile("in", digest * 20), SPEC, gpu, version)
        for digest in "ab"
        for gpu in ("A", "B")
        for version in ("1", "2")
    }
    assert len(keys) == 8


def test_no_name_leads_out_of_the_folder_of_engines() -> None:
    # No file that is read can be called so; the folder does not rely on it.
    spec = ModelSpec(scale=2, halo=1).model_copy(update={"name": "/home/u/../other x"})
    key = tensorrt_key(ModelFile("input", "a" * 64), spec, "NVIDIA H100/80", "10")
    assert key == "home-u-other-x-" + "a" * 16 + "-NVIDIA-H100-80-10"


@pytest.fixture
def broken_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that shows a GPU, and CUDA libraries that cannot be loaded: what users meet most."""
    monkeypatch.setattr(model_module, "gpus", lambda: [Gpu("Card A", 2**33)])
    monkeypatch.setattr(model_module.ort, "get_available_providers", lambda: BOTH)
    monkeypatch.setattr(model_module.ort, "preload_dlls", lambda: sys.stdout.write("Failed to load libcudnn.so.9: no"))


@FAKES_A_BROKEN_GPU
@pytest.mark.usefixtures("broken_gpu")
def test_a_gpu_that_fails_is_an_error_for_cuda(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeviceError, match=r"onnxruntime-gpu\[cuda,cudnn\]") as caught:
        open_model(GRAPHS / "probe.onnx", "cuda")
    assert "libcudnn.so.9" in str(caught.value)
    assert capfd.readouterr() == ("", ""), "onnxruntime's prints belong into the message"


@HAS_CUDA_CODE
@FAKES_A_BROKEN_GPU
@pytest.mark.usefixtures("broken_gpu")
@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_the_cause_is_told_that_onnxruntime_only_prints(
    device: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It raises that nodes are on the CPU; that a library is missing, its native code writes to the terminal."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(model_module.ort, "preload_dlls", lambda: None)
    with pytest.raises(DeviceError) as caught:
        open_model(GRAPHS / "probe.onnx", device)
    assert re.match(rf"{device}:0 cannot run probe.onnx: lib\w+.so", str(caught.value)), caught.value
    assert capfd.readouterr() == ("", "")


@FAKES_A_BROKEN_GPU
@pytest.mark.usefixtures("broken_gpu")
def test_a_gpu_that_fails_is_told_for_auto() -> None:
    model = open_model(GRAPHS / "probe.onnx", "auto")
    assert model.device == "cpu"
    assert "onnxruntime-gpu[cuda,cudnn]" in model.note


@FAKES_A_BROKEN_GPU
@pytest.mark.usefixtures("broken_gpu")
def test_a_session_that_fell_back_in_silence_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime has done so (onnxruntime#23372, #17801): what it says afterwards is what counts."""
    real = model_module.ort.InferenceSession
    asked: list[list[object]] = []

    def fall_back(path: str, options: object, providers: list[object], **_: object) -> object:
        asked.append(providers)
        return real(path, options if providers == [CPU] else None, providers=[CPU])

    monkeypatch.setattr(model_module.ort, "InferenceSession", fall_back)
    with pytest.raises(DeviceError, match="could not load its CUDAExecutionProvider for cuda:0"):
        open_model(GRAPHS / "probe.onnx", "cuda")
    assert [p[0] for p in asked[-1]] == [CUDA], "the CPU must not be listed beside it"


def test_on_the_cpu(small_model: Path) -> None:
    model = open_model(small_model, "cpu", threads=1)
    assert (model.device, model.note) == ("cpu", "")
    assert model(np.zeros((2, 3, 9, 8), np.float32)).shape == (2, 3, 18, 16)


def test_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"not onnx")
    with pytest.raises(ModelError, match=r"x\.onnx: onnxruntime cannot open it"):
        open_model(tmp_path / "x.onnx", "cpu")
    with pytest.raises(ModelError, match="no such model file"):
        open_model(tmp_path / "y.onnx", "cpu")


@pytest.mark.parametrize("name", ["from_uint8.onnx", "to_uint8.onnx"])
def test_not_a_picture_network(name: str) -> None:
    with pytest.raises(ModelError, match=r"expected one float32 input .* found inputs \[\('(pixels|values)'"):
        open_model(GRAPHS / name, "cpu")


def test_a_network_of_half_floats_at_its_ends(tmp_path: Path) -> None:
    whole = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, "h", "w"])
    half = helper.make_tensor_value_info("output", TensorProto.FLOAT16, ["n", 3, "h", "w"])
    cast = helper.make_node("Cast", ["input"], ["output"], to=TensorProto.FLOAT16)
    graph = helper.make_graph([cast], "half", [whole], [half])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "h.onnx")
    with pytest.raises(ModelError, match="float16"):
        open_model(tmp_path / "h.onnx", "cpu")
