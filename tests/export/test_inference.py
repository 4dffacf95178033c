"""What a network believes is held against its file as its pictures are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner, Result

from restore.cli.main import main
from restore.errors import ExportError
from restore.export.build_model import BuildOptions, build_fp16, build_model
from restore.export.inference import Answer
from restore.export.load_source import ExportSource
from restore.export.to_onnx import to_onnx
from restore.runtime.conditioning import thumbnail
from restore.runtime.model import open_model
from restore.spec import ModelSpec
from restore.verify.pictures import scene
from restore.verify.run import verify_file
from tests.conftest import picture
from tests.runtime.test_classification import FIXED, spec
from tests.runtime.test_classification import network as sure

FACTS = {"name": "m", "network": "x", "parameters": 1, "licence": "MIT", "data": "none", "made_with": "a test"}


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def network() -> torch.nn.Module:
    """One that is not sure of itself: it believes as much in each of one picture's kinds, and not so of another's."""
    made = sure()
    seen = torch.from_numpy(thumbnail(scene(40, 56, seed=0), spec()))[None]
    with torch.no_grad():
        made.kinds.bias.sub_(made.kinds(made.codes(seen))[0])
    return made


def other_belief(by: float) -> torch.nn.Module:
    """Of the same pictures, and another mind about them."""
    made = network()
    with torch.no_grad():
        made.kinds.bias.add_(torch.tensor([by, 0.0, 0.0]))
    return made


# By what the networks here differ in, and the spec: exporting one takes seconds.
EXPORTED: dict[tuple[bytes, str], bytes] = {}


def written(path: Path, model: torch.nn.Module, described: ModelSpec) -> Path:
    key = (model.kinds.bias.detach().numpy().tobytes(), described.model_dump_json())
    if key not in EXPORTED:
        EXPORTED[key] = to_onnx(model, described).SerializeToString()
    path.write_bytes(EXPORTED[key])
    return path


def spoiled(path: Path, *nodes: onnx.NodeProto, **tensors: np.ndarray) -> Path:
    """The file with nodes between what it believed, ``was``, and what it says that it believes."""
    model = onnx.load(path)
    for node in model.graph.node:
        node.output[:] = ["was" if name == "belief" else name for name in node.output]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(onnx.numpy_helper.from_array(v, k) for k, v in tensors.items())
    onnx.save(model, path)
    return path


def failed(path: Path) -> set[str]:
    return {check.name for check in verify_file(path) if check.passed is False}


def test_a_right_belief_passes(tmp_path: Path) -> None:
    assert failed(written(tmp_path / "m.onnx", network(), spec(**FACTS))) == set()


@pytest.mark.slow
def test_one_of_a_fixed_shape_is_asked_in_that(tmp_path: Path) -> None:
    file = written(tmp_path / "m.onnx", network(), spec(**FACTS, shape=(3, 24, 40)))
    assert failed(file) == set()
    free = open_model(written(tmp_path / "free.onnx", network(), spec(**FACTS)), "cpu")
    pixels = picture(50, 70)
    belief, wanted = open_model(file, "cpu").believe(pixels), free.believe(pixels)
    assert belief is not None
    assert wanted is not None
    assert (belief.kind, belief.share) == (wanted.kind, pytest.approx(wanted.share, abs=1e-5))


SCALES = [
    (np.float32(0.5), "sum to"),
    (np.float32(3.0), "outside 0..1"),
    (np.float32("nan"), "outside 0..1"),
]


@pytest.mark.parametrize(("by", "says"), SCALES)
def test_a_belief_that_is_none_is_caught(by: np.float32, says: str, tmp_path: Path) -> None:
    file = written(tmp_path / "m.onnx", network(), spec(**FACTS))
    spoiled(file, onnx.helper.make_node("Mul", ["was", "by"], ["belief"]), by=np.asarray(by))
    (check,) = [c for c in verify_file(file) if c.name == "belief"]
    assert check.passed is False
    assert says in check.measured


def test_a_belief_by_the_company_is_caught(tmp_path: Path) -> None:
    """The mean of a batch is told of each."""
    file = written(tmp_path / "m.onnx", network(), spec(**FACTS))
    node = onnx.helper.make_node
    spoiled(
        file,
        node("ReduceMean", ["was", "first"], ["all"], keepdims=1),
        node("Shape", ["was"], ["size"]),
        node("Expand", ["all", "size"], ["belief"]),
        first=np.array([0], np.int64),
    )
    assert failed(file) == {"belief"}


@pytest.mark.slow
def test_another_belief_is_told_against_its_origin(tmp_path: Path) -> None:
    right = written(tmp_path / "right.onnx", network(), spec(**FACTS))
    wrong = written(tmp_path / "wrong.onnx", other_belief(2.0), spec(**FACTS))
    assert run("verify", right, "--against", right).exit_code == 0
    result = run("verify", wrong, "--against", right)
    assert result.exit_code == 1
    assert "FAIL network" in result.output
    assert "FAIL belief: class probabilities differ by" in result.output
    assert "FAIL pictures" not in result.output
    named = spec(**FACTS).but(kinds=("sepia", "red", "none"))
    result = run("verify", written(tmp_path / "named.onnx", network(), named), "--against", right)
    assert "kinds ('sepia', 'red', 'none'), not ('sepia', 'blue', 'none')" in result.output


@pytest.mark.slow
def test_a_file_of_another_belief_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    from restore.export import build_model as make_module

    original = make_module.to_onnx
    monkeypatch.setattr(make_module, "to_onnx", lambda _network, *rest: original(other_belief(2.0), *rest))
    with pytest.raises(ExportError, match="in class probabilities"):
        build_model(ExportSource(network(), spec(**FACTS, shape=FIXED)))


@pytest.mark.slow
def test_a_half_of_another_belief_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from restore.export import build_model as make_module

    file = written(tmp_path / "m.onnx", network(), spec(**FACTS))
    original = make_module.to_half
    assert build_fp16(file, spec(**FACTS), []).compared, "it was compared with the file at several shapes"
    other = to_onnx(other_belief(2.0), spec(**FACTS))
    monkeypatch.setattr(make_module, "to_half", lambda _model, described: original(other, described))
    with pytest.raises(ExportError, match="in class probabilities"):
        build_fp16(file, spec(**FACTS), [])
    with pytest.raises(ExportError, match="in class probabilities"):
        build_model(ExportSource(network(), spec(**FACTS)), BuildOptions("fp16"))


def test_what_is_compared() -> None:
    ones, twos = (np.full((1, 3, 2, 2), n, np.float32) for n in (1, 2))
    sure, unsure = ({"belief": np.array([one], np.float32)} for one in ([1.0, 0.0], [0.25, 0.75]))
    assert Answer(ones).apart(Answer(twos), 255) == pytest.approx(1 / 255)
    assert Answer(ones, sure).apart(Answer(twos, unsure), 255) == 0.75
    assert Answer(ones, sure).apart(Answer(ones), 1) == float("inf")
    assert Answer(ones, sure).apart(Answer(ones, {**sure, "edit": ones[0, 0]}), 1) == float("inf")
    assert Answer(ones).apart(Answer(np.ones((1, 3, 4, 4), np.float32)), 1) == float("inf")
    assert Answer(ones).apart(Answer(ones * np.float32("nan")), 1) == float("inf")
