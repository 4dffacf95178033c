"""A model and an autoencoder in different versions of ONNX's operators are brought to one."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import helper

from restore.calibration.autoencoders.find import find_autoencoder
from restore.calibration.learned_code import LearnedCode
from restore.calibration.opsets import at_opset, opset_of
from restore.errors import ExportError
from tests.calibration.attached import error_of
from tests.calibration.pairs import save_pair


@pytest.mark.parametrize(("model", "pair", "both"), [(13, 14, 17), (18, 14, 18), (18, 21, 21)])
def test_the_newer_version_is_taken(small_model: Path, tmp_path: Path, model: int, pair: int, both: int) -> None:
    old = onnx.load(small_model)
    assert opset_of(old) == 18
    for entry in old.opset_import:
        entry.version = model  # its convolutions and shuffles are the same in all of these
    onnx.save(old, tmp_path / "old.onnx")
    code = LearnedCode(find_autoencoder(str(save_pair(tmp_path, opset=pair))), 3)
    assert error_of(tmp_path / "old.onnx", tmp_path / "m.onnx", code) < 1e-3
    assert opset_of(onnx.load(tmp_path / "m.onnx")) == both


def test_what_cannot_be_converted_is_said() -> None:
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n"]) for name in "ab"]
    graph = helper.make_graph([helper.make_node("NoSuchOperator", ["a"], ["b"])], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    with pytest.raises(ExportError, match=r"mine has version 13 of ONNX's operators, and cannot be converted to 18 \("):
        at_opset(model, 18, "mine")
    assert at_opset(model, 13, "mine") is model
