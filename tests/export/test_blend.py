"""A blend is A at 0, B at 1, and between them between; two architectures are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner, Result
from onnx import numpy_helper

from restore.cli.main import main
from restore.errors import ModelError
from restore.export.blend import blend
from restore.export.blend_onnx import DifferentError, between, blend_onnx
from restore.networks.third_party_checkpoint import load_published, read_weights
from restore.runtime.model import file_spec, open_model
from restore.runtime.stream import enhance_pixels
from restore.verify.graphs import weights_digest
from restore.zoo.find import find
from tests.conftest import picture
from tests.export.published import build, save


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def shown(file: Path) -> np.ndarray:
    model = open_model(file, "cpu", threads=1)
    return enhance_pixels(picture(24, 30), model, model.spec)


def other_of(file: Path, path: Path, **facts: object) -> Path:
    """A model of the same graph with other weights, names and metadata."""
    model = onnx.load(file)
    draw = np.random.default_rng(5)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > 1:
            values = values + draw.normal(0, 0.02, values.shape).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    from restore.export.to_onnx import describe

    describe(model, file_spec(file).but(name=path.stem, weights=weights_digest(model), **facts))
    for node in model.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name not in ("input", "output", ""):
                    names[i] = f"other_{name}"
    for tensor in model.graph.initializer:
        tensor.name = f"other_{tensor.name}"
    del model.graph.value_info[:]
    onnx.save(model, path)
    return path


@pytest.fixture
def pair(small_model: Path, tmp_path: Path) -> tuple[Path, Path]:
    return small_model, other_of(small_model, tmp_path / "b.onnx", licence="CC-BY-NC-4.0", author="b", halo=7)


def test_the_ends_are_the_models(pair: tuple[Path, Path], tmp_path: Path) -> None:
    a, b = pair
    for alpha, end in ((0, a), (1, b)):
        target = tmp_path / f"{alpha}.onnx"
        done = run("blend", a, b, "--alpha", alpha, "-o", target)
        assert done.exit_code == 0, done.output
        assert weights_digest(onnx.load(target)) == weights_digest(onnx.load(end))
        np.testing.assert_array_equal(shown(target), shown(end))
    assert np.abs(shown(a).astype(int) - shown(b)).max() > 3


def test_between_them_it_is_between(pair: tuple[Path, Path], tmp_path: Path) -> None:
    a, b = pair
    done = run("blend", a, b, "--alpha", 0.3, "-o", tmp_path / "c.onnx", "--spec", "task=taming")
    assert done.exit_code == 0, done.output
    assert "licence: unknown AND CC-BY-NC-4.0" in done.output
    models = [[numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer] for path in (a, b)]
    blended = onnx.load(tmp_path / "c.onnx")
    for mine, theirs, tensor in zip(*models, blended.graph.initializer, strict=True):
        wanted = 0.7 * mine.astype(np.float64) + 0.3 * theirs if mine.dtype == np.float32 else mine
        np.testing.assert_allclose(numpy_helper.to_array(tensor), wanted, rtol=1e-6, atol=1e-9)
    spec = file_spec(tmp_path / "c.onnx")
    assert (spec.name, spec.task, spec.author) == ("c", "taming", "b")
    assert spec.halo == max(file_spec(a).halo, 7)
    assert spec.origin.startswith("0.7 x small (weights ")
    assert "+ 0.3 x b (weights " in spec.origin
    assert spec.weights == weights_digest(blended)
    again = run("blend", a, b, "--alpha", 0.3, "-o", tmp_path / "c.onnx")
    assert again.exit_code == 1
    assert "already exists: add --overwrite" in again.output


def test_weights_that_one_model_shares_are_told_apart(pair: tuple[Path, Path]) -> None:
    """A file may hold equal weights of several layers once."""
    a, b = map(onnx.load, pair)
    twice = onnx.ModelProto()
    twice.CopyFrom(a)
    convolutions = [node for node in twice.graph.node if node.op_type == "Conv"]
    shapes = [_shape(twice, node.input[1]) for node in convolutions]
    same = [node for node, shape in zip(convolutions, shapes, strict=True) if shapes.count(shape) == 2]
    assert len(same) == 2
    same[1].input[1] = same[0].input[1]
    made = blend_onnx(twice, b, 0.5)
    onnx.checker.check_model(made)
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    one, other = (next(node for node in made.graph.node if node.name == same[i].name).input[1] for i in (0, 1))
    assert one != other
    assert not np.array_equal(held[one], held[other])


def _shape(model: onnx.ModelProto, name: str) -> tuple[int, ...]:
    return next(tuple(tensor.dims) for tensor in model.graph.initializer if tensor.name == name)


def test_different_architectures_are_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    a, _ = pair
    for other, says in (
        ("sr-x4", "are of different architectures: their scale is 2 and 4"),
        ("sr-x2", "are of different architectures: "),
    ):
        refused = run("blend", a, other, "--alpha", 0.5, "-o", tmp_path / "c.onnx")
        assert refused.exit_code == 2
        assert says in refused.output
    assert (
        "of different architectures: their "
        in run("blend", a, "backlit", "--alpha", 0, "-o", tmp_path / "c.onnx").output
    )
    int8 = find("sr-x2").with_suffix(".int8.onnx")
    assert "blend the fp32 files" in run("blend", "sr-x2", int8, "--alpha", 0.5, "-o", tmp_path / "c.onnx").output
    assert "an .onnx file: name it so" in run("blend", a, a, "--alpha", 0.5, "-o", tmp_path / "c.pth").output
    assert not list(tmp_path.glob("c.*"))


def test_where_graphs_differ_is_said(pair: tuple[Path, Path]) -> None:
    a, b = map(onnx.load, pair)

    def refused(change: Callable[[onnx.ModelProto], object]) -> str:
        changed = onnx.ModelProto()
        changed.CopyFrom(b)
        change(changed)
        with pytest.raises(DifferentError) as error:
            blend_onnx(a, changed, 0.5)
        return str(error.value)

    first = a.graph.node[0].op_type
    assert "operator 1 is" in refused(lambda m: setattr(m.graph.node[0], "op_type", "Relu"))
    assert "operators and the other" in refused(lambda m: m.graph.node.pop())
    assert f"operator 1 ({first}) has another" in refused(lambda m: m.graph.node[0].attribute[0].ints.append(1))
    assert "takes something else" in refused(lambda m: m.graph.node[-1].input.__setitem__(0, "input"))
    assert "versions of ONNX's operators" in refused(lambda m: setattr(m.opset_import[0], "version", 17))


def test_numbers_between_are_exact_where_both_agree() -> None:
    a = np.float32([0.1, 1e-30, 3, np.float32(1) / 3])
    assert between(a, a.copy(), 0.3).tobytes() == a.tobytes()
    b = -a
    assert between(a, b, 0.0).tobytes() == a.tobytes()
    assert between(a, b, 1.0).tobytes() == b.tobytes()
    np.testing.assert_allclose(between(a, b, 0.5), 0, atol=1e-38)


@pytest.fixture
def checkpoints(tmp_path: Path) -> tuple[Path, Path]:
    return save(build("compact"), tmp_path / "a.pth"), save(build("compact", 1), tmp_path / "b.safetensors")


def test_checkpoints(checkpoints: tuple[Path, Path], tmp_path: Path) -> None:
    a, b = checkpoints
    x = torch.rand(1, 3, 9, 12)
    for alpha, end in ((0, a), (1, b)):
        blend(str(a), str(b), alpha, tmp_path / f"{alpha}.safetensors")
        torch.testing.assert_close(
            load_published(tmp_path / f"{alpha}.safetensors").network(x), load_published(end).network(x), rtol=0, atol=0
        )
    blend(str(a), str(b), 0.25, tmp_path / "c.safetensors")
    mine, theirs, mixed = (read_weights(p) for p in (a, b, tmp_path / "c.safetensors"))
    mine = mine["params_ema"]
    for key, value in mixed.items():
        torch.testing.assert_close(value, 0.75 * mine[key] + 0.25 * theirs[key])


def test_checkpoints_become_a_model(checkpoints: tuple[Path, Path], tmp_path: Path) -> None:
    done = run("blend", *checkpoints, "--alpha", 0.25, "-o", tmp_path / "c.onnx", "--spec", "licence=MIT")
    assert done.exit_code == 0, done.output
    spec = file_spec(tmp_path / "c.onnx")
    assert (spec.name, spec.licence, spec.origin) == ("c", "MIT", "0.75 x a.pth + 0.25 x b.safetensors")
    blend(*map(str, checkpoints), 0.25, tmp_path / "c.safetensors")
    batch = np.random.default_rng(0).random((1, 3, 16, 20), dtype=np.float32)
    with torch.no_grad():
        wanted = load_published(tmp_path / "c.safetensors").network(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(open_model(tmp_path / "c.onnx", "cpu")(batch), wanted, atol=1e-5)


def test_checkpoints_of_different_networks_are_refused(checkpoints: tuple[Path, Path], tmp_path: Path) -> None:
    a, _ = checkpoints
    span = save(build("span"), tmp_path / "span.pth")
    from spandrel.architectures.Compact import Compact

    wide = save(Compact(num_feat=12, num_conv=2, upscale=2), tmp_path / "wide.pth")
    deep = save(Compact(num_feat=8, num_conv=3, upscale=2), tmp_path / "deep.pth")
    for other, says in (
        (span, "a.pth is .*Compact and span.pth is SPAN"),
        (wide, "is 8x.* in one"),
        (deep, "only one has"),
    ):
        with pytest.raises(ModelError, match=f"are of different architectures: .*{says}"):
            blend(str(a), str(other), 0.5, tmp_path / "c.safetensors")
    with pytest.raises(ModelError, match="blend two .onnx models or two checkpoints"):
        blend(str(a), "sr-x2", 0.5, tmp_path / "c.onnx")
    assert not list(tmp_path.glob("c.*"))
