"""Autoencoders of two ONNX files: their layouts, ranges and moments, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from restore.calibration.autoencoders.autoencoder import CodeChange
from restore.calibration.autoencoders.find import find_autoencoder
from restore.calibration.autoencoders.onnx_pair import LAYOUTS, OnnxAutoencoder
from restore.errors import ModelError
from restore.networks.patch_autoencoder import low_frequencies
from restore.runtime.session import cpu_session
from restore.verify.pictures import scene
from tests.calibration.pairs import CHANNELS, save_model, save_pair


def batch(side: int = 32) -> np.ndarray:
    return np.ascontiguousarray(scene(side, side).transpose(2, 0, 1)[None] / 255, np.float32)


def low_pass(pictures: np.ndarray) -> np.ndarray:
    """What the low frequencies of blocks are as a picture."""
    basis = low_frequencies(4, CHANNELS).numpy().astype(np.float64)
    n, _, height, width = pictures.shape
    blocks = pictures.reshape(n, 3, height // 4, 4, width // 4, 4).transpose(0, 2, 4, 1, 3, 5).reshape(-1, 48)
    kept = (blocks @ basis.T @ basis).reshape(n, height // 4, width // 4, 3, 4, 4)
    return kept.transpose(0, 3, 1, 4, 2, 5).reshape(pictures.shape).clip(0, 1)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["plain", "moments", "drawn"])
@pytest.mark.parametrize("range", [(-1, 1), (0, 1), (0, 255)])
def test_codes_are_means_on_the_range_that_fits(
    tmp_path: Path, layout: tuple[str, str], kind: str, range: tuple[float, float]
) -> None:
    pair = find_autoencoder(str(save_pair(tmp_path / "mine", layout, kind, range)))
    assert isinstance(pair, OnnxAutoencoder)
    assert pair.name == "mine"
    needs = pair.needs
    assert (needs.factor, needs.channels, needs.multiple, needs.exact) == (4, CHANNELS, 4, True)
    assert 3 <= needs.halo <= 8
    codes = pair.encode(batch())
    assert codes.shape == (1, CHANNELS, 8, 8)
    np.testing.assert_array_equal(pair.encode(batch()), codes)
    np.testing.assert_allclose(pair.decode(codes), low_pass(batch()), atol=1e-5)


@pytest.mark.parametrize("opset", [17, 18, 21])
@pytest.mark.parametrize("rebuilt", [False, True])
def test_the_exported_change_is_computed_from_the_codes(tmp_path: Path, opset: int, rebuilt: bool) -> None:
    pair = OnnxAutoencoder(*(save_pair(tmp_path, kind="moments") / name for name in LAYOUTS[0]))
    draw = np.random.default_rng(0)
    weights = draw.normal(0, 0.02, (CHANNELS, CHANNELS, 3, 3)).astype(np.float32)
    change = CodeChange(weights, np.linspace(0, 1, CHANNELS, dtype=np.float32), rebuilt)
    model = pair.exported(change, opset)
    onnx.checker.check_model(model, full_check=True)
    (found,) = cpu_session(model.SerializeToString(), "change").run(None, {"input": batch()})
    codes = np.pad(pair.encode(batch()), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    seen = np.lib.stride_tricks.sliding_window_view(codes, (3, 3), (2, 3))
    moved = np.einsum("nihwyx,oiyx->nohw", seen, weights) + change.bias[:, None, None]
    before = batch() if rebuilt else pair.decode(pair.encode(batch()))
    np.testing.assert_allclose(found, pair.decode(moved.astype(np.float32)) - before, atol=1e-5)
    assert np.abs(found).max() > 0.05


def test_random_codes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"encoder\.onnx: draws its result at random \(RandomUniformLike\).*the mean"):
        find_autoencoder(str(save_pair(tmp_path, kind="uniform")))


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    save_pair(tmp_path)
    node = helper.make_node("Conv", ["sample", "w"], ["result"], kernel_shape=[1, 1])
    save_model(tmp_path / "decoder.onnx", [node], {"w": np.ones((3, 5, 1, 1))}, (5, 3))
    with pytest.raises(ModelError, match="gives codes of 6 values, but .*takes 5: they do not belong together"):
        find_autoencoder(str(tmp_path))


def test_what_gives_back_no_picture_of_its_size(tmp_path: Path) -> None:
    save_pair(tmp_path)
    node = helper.make_node("Conv", ["sample", "w"], ["result"], kernel_shape=[1, 1])
    save_model(tmp_path / "decoder.onnx", [node], {"w": np.ones((3, CHANNELS, 1, 1))}, (CHANNELS, 3))
    with pytest.raises(ModelError, match=r"gives 1 x 3 x 16 x 16 values for a code of a picture of 64 x 64 pixels"):
        find_autoencoder(str(tmp_path))


@pytest.mark.parametrize(
    ("names", "shape", "says"),
    [
        (["a", "b"], ["n", 3, "h", "w"], "has 2 inputs and 1 outputs; an encoder or a decoder has one of each"),
        (["a"], ["n", 3], "'a' is not float32"),
    ],
)
def test_other_onnx_files(tmp_path: Path, names: list[str], shape: list[object], says: str) -> None:
    save_pair(tmp_path)
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in (*names, "c")]
    node = helper.make_node("Sum", names, ["c"])
    onnx.save(helper.make_model(helper.make_graph([node], "sum", ends[:-1], ends[-1:])), tmp_path / "encoder.onnx")
    with pytest.raises(ModelError, match=says):
        find_autoencoder(str(tmp_path))


def test_a_damaged_file(tmp_path: Path) -> None:
    save_pair(tmp_path)
    (tmp_path / "encoder.onnx").write_bytes(b"\x08\x08not a model")
    with pytest.raises(ModelError, match=r"encoder\.onnx: not a readable ONNX file"):
        find_autoencoder(str(tmp_path))
