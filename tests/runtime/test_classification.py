"""Models that classify pictures report the class along with the result, from file to report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch.nn import functional as F

from restore.errors import ExportError, ModelError
from restore.export.parity import verify
from restore.export.to_onnx import to_onnx
from restore.networks.modulated_color import ModulatedColor
from restore.networks.thumbnail import whole
from restore.runtime.model import open_model
from restore.runtime.stream import enhance_pixels
from restore.spec import ModelSpec
from tests.cli.test_enhance import inside
from tests.conftest import picture, save

KINDS = ("sepia", "blue", "none")
# Exported for one shape where a test does not need more: it takes half the time.
FIXED = (1, 32, 48)


def network(seed: int = 0, prototypes: bool = False) -> ModulatedColor:
    torch.manual_seed(seed)
    made = ModulatedColor(thumbnail=32, width=8, code=6, hidden=8, kinds=3, prototypes=prototypes)
    with torch.no_grad():
        made.kinds.weight.mul_(20)  # sure of itself
    return made.eval()


def spec(**more: object) -> ModelSpec:
    return ModelSpec(scale=1, halo=0, context=32, thumbnail="middle", strength=True, minimum=2, kinds=KINDS, **more)


@pytest.fixture(scope="module")
def exported() -> bytes:
    return to_onnx(network(), spec()).SerializeToString()


@pytest.fixture
def file(exported: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "tells.onnx"
    path.write_bytes(exported)
    return path


def test_the_file_says_what_the_network_believes(file: Path) -> None:
    verify(file, network())
    model = open_model(file, "cpu")
    for seed in range(3):
        pixels = picture(50, 70, seed=seed)
        x = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None] / 255
        with torch.no_grad():
            made = network()
            expected = F.softmax(made.kinds(made.codes(whole(x, 32, "middle")[0])), dim=1)[0].numpy()
        belief = model.believe(pixels)
        assert belief is not None
        assert belief.kind == KINDS[expected.argmax()]
        assert belief.share == pytest.approx(expected.max(), abs=1e-5)


@pytest.mark.slow
def test_what_is_undone_by_belief_is_so_in_the_file(tmp_path: Path) -> None:
    made = network(prototypes=True)
    with torch.no_grad():
        made.modulation.weight.mul_(10)
        made.last.weight.mul_(10)
    path = tmp_path / "tells.onnx"
    path.write_bytes(to_onnx(made, spec(shape=FIXED)).SerializeToString())
    verify(path, made)
    with torch.no_grad():
        made.prototypes.weight.mul_(0.5)
    with pytest.raises(ExportError, match="differ by"):
        verify(path, made)


def test_what_it_believes_does_not_hang_on_the_range_of_the_bits(file: Path) -> None:
    model, pixels = open_model(file, "cpu"), picture(40, 40)
    eight, sixteen = model.believe(pixels), model.believe(pixels.astype(np.uint16) * 257)
    assert eight is not None
    assert sixteen is not None
    assert (eight.kind, eight.share) == (sixteen.kind, pytest.approx(sixteen.share, abs=5e-3))


def test_a_belief_of_another_network_is_not_verified(file: Path) -> None:
    other = network()
    with torch.no_grad():
        other.kinds.bias.add_(torch.tensor([1.0, 0.0, 0.0]))
    with pytest.raises(ExportError, match="differ by"):
        verify(file, other)


def test_a_model_without_kinds_believes_nothing(tmp_path: Path) -> None:
    plain = spec(shape=FIXED).model_copy(update={"kinds": ()})
    (tmp_path / "x.onnx").write_bytes(to_onnx(network(), plain).SerializeToString())
    model = open_model(tmp_path / "x.onnx", "cpu")
    assert model.believe(picture(20, 20)) is None
    assert enhance_pixels(picture(20, 20), model, model.spec).shape == (20, 20, 3)


def test_a_file_whose_kinds_are_not_its_outputs_is_refused(file: Path) -> None:
    wrong = onnx.load(file)
    del wrong.metadata_props[:]
    for key, value in spec().model_copy(update={"kinds": KINDS[:2]}).metadata().items():
        wrong.metadata_props.add(key=key, value=value)
    onnx.save(wrong, file)
    with pytest.raises(ModelError, match="lists 2 kinds, which does not match its outputs"):
        open_model(file, "cpu")


def test_kinds_need_a_context() -> None:
    with pytest.raises(ValueError, match="but context is 0"):
        ModelSpec(scale=1, halo=0, kinds=("a",))


def test_the_report_of_a_job_says_it(file: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    for seed in range(2):
        save(source / f"{seed}.png", picture(30, 40, seed=seed))
    report = tmp_path / "r.json"
    code, _, told = inside(source, tmp_path / "out", "--report", report, "--model", file)
    assert code == 0, told
    model = open_model(file, "cpu")
    for one in json.loads(report.read_text())["pictures"]:
        belief = model.believe(picture(30, 40, seed=int(Path(one["source"]).stem)))
        assert belief is not None
        assert one["belief"] == {"kind": belief.kind, "share": round(belief.share, 4)}
