"""Published checkpoints become models at hand that give what torch gives, or nothing is left."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from restore.cli.main import main
from restore.errors import ModelError
from restore.export import import_model as import_module
from restore.export.held_values import held_values
from restore.export.support import gradient_support
from restore.networks.plain import PlainSR
from restore.networks.third_party_checkpoint import (
    PlaneByPlane,
    Settled,
    inverse_order,
    load_published,
    make_exportable,
    oblongs_together,
    sorts,
    windows_together,
)
from restore.runtime.model import open_model
from restore.runtime.stream import enhance_pixels
from restore.spec import ModelSpec
from restore.utils.text import name_of
from restore.utils.user_folders import data_folder
from restore.verify.run import verify_file
from restore.zoo.find import SEARCH_VARIABLE, entries, find, user_folder
from restore.zoo.install import check_name
from tests.conftest import picture
from tests.conftest import save as save_picture
from tests.export.published import PUBLISHED, build, save


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(SEARCH_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


def reference(network: nn.Module, pixels: np.ndarray, kind: str) -> np.ndarray:
    """What torch makes of a picture, float (H, W, 3)."""
    x = torch.from_numpy(pixels.transpose(2, 0, 1)[None] / np.float32(255))
    network = Settled(network) if sorts(network) else network  # whose result would depend on the processor
    with torch.no_grad():
        made = (PlaneByPlane(network) if kind.startswith("gray") else network)(x)
    return made[0].permute(1, 2, 0).numpy()


ATTENTION = {"swinir", "hat", "dat", "drct", "atd", "rgt"}
SLOW = {"rrdb-x2-unshuffled", "rrdb-x4", "nafnet", "rcan", "safmn", "plksr"} | ATTENTION


@pytest.mark.parametrize("kind", [pytest.param(k, marks=pytest.mark.slow) if k in SLOW else k for k in PUBLISHED])
def test_import_and_enhance(kind: str, tmp_path: Path, models: Path) -> None:
    network = build(kind)
    file = save(network, tmp_path / f"{kind}.pth")
    result = run("import", file)
    assert result.exit_code == 0, result.output
    assert "license is unknown" in result.output
    assert find(kind) == models / kind / f"{kind}.onnx"
    model = open_model(find(kind), "cpu")
    assert (model.spec.licence, model.spec.data, model.spec.shape) == ("unknown", "unknown", None)
    # Multiples of all that these networks need: there torch pads nothing itself.
    for i, size in enumerate(((48, 64), (32, 80))):
        save_picture(tmp_path / "in" / f"{i}.png", picture(*size, seed=i))
    assert run("enhance", tmp_path / "in", tmp_path / "out", "--model", kind).exit_code == 0
    for i in range(2):
        pixels = np.asarray(Image.open(tmp_path / "in" / f"{i}.png"))
        wanted = reference(network, pixels, kind)
        batch = pixels.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)
        np.testing.assert_allclose(model(batch)[0].transpose(1, 2, 0), wanted, atol=1e-3)
        levels = np.clip(wanted, 0, 1) * 255
        assert np.abs(np.asarray(Image.open(tmp_path / "out" / f"{i}.png")) - levels).max() <= 1
        assert np.ptp(wanted) > 0.01, "a network that gives the same everywhere tests nothing"


@pytest.mark.parametrize(
    ("kind", "halo", "exact", "multiple"),
    [
        ("compact", 4, True, 1),
        ("rrdb-x4", 19, True, 1),
        ("swinir", None, True, 4),
        ("safmn", None, True, 8),
        ("dat", None, False, 8),
        ("nafnet", None, False, 4),
        ("rcan", None, False, 1),
    ],
)
def test_what_is_found_by_trying(kind: str, halo: int | None, exact: bool, multiple: int) -> None:
    """Convolutions have the halo of their kernels; windows and strides a multiple; pooling sees everything."""
    from restore.export.infer_spec import published_spec

    network = build(kind)
    found = published_spec(load_published_from(network), kind, {})
    assert (found.exact_tiles, found.multiple) == (exact, multiple)
    if halo is not None:
        assert halo <= found.halo <= halo + 1
    assert 1 <= found.halo <= 64


def load_published_from(network: nn.Module) -> object:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return load_published(save(network, Path(folder, "x.safetensors")))


def test_the_halo_is_the_gradients() -> None:
    for depth in (0, 1, 5):
        network = PlainSR(2, 16, depth, branches=False).eval()
        assert gradient_support(network, 2, 1, 1) == network.halo
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Upsample(scale_factor=8))
    assert gradient_support(Added(pooled), 1, 1, 1) is None


class Added(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.inner(x).mean((2, 3), keepdim=True)


def test_safetensors_and_training_files(tmp_path: Path) -> None:
    network = build("compact")
    inside = {"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}, "step": 7}
    torch.save(inside, tmp_path / "a.ckpt")
    save(network, tmp_path / "b.safetensors")
    x = torch.rand(1, 3, 9, 12)
    for file in (tmp_path / "a.ckpt", tmp_path / "b.safetensors"):
        torch.testing.assert_close(load_published(file).network(x), network(x))


class Harmful:
    """What a pickle can do when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return (Path.touch, (self.path,))


def test_what_a_shell_would_run_is_named(tmp_path: Path) -> None:
    class Shell:
        def __reduce__(self) -> object:
            return (os.system, (f"touch {tmp_path}/mark",))

    torch.save({"params": torch.zeros(2), "more": Shell()}, tmp_path / "x.pth")
    result = run("import", tmp_path / "x.pth")
    assert result.exit_code == 2
    assert "x.pth: contains more than weights (posix.system)" in result.output or "(nt.system)" in result.output
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle"])
def test_nothing_in_a_checkpoint_is_run(kind: str, tmp_path: Path, models: Path) -> None:
    mark = tmp_path / "was here"
    held = {"params": build("compact").state_dict(), "more": Harmful(mark)}
    if kind == "pickle":
        (tmp_path / "x.pth").write_bytes(pickle.dumps(held, protocol=2))
    else:
        torch.save(held, tmp_path / "x.pth", _use_new_zipfile_serialization=kind == "zip")
    result = run("import", tmp_path / "x.pth")
    assert result.exit_code == 2
    assert not mark.exists()
    assert not models.exists()
    assert "x.pth: contains more than weights (" in result.output
    assert "which could run code" in result.output
    torch.load(tmp_path / "x.pth", weights_only=False) if kind != "pickle" else pickle.loads(
        (tmp_path / "x.pth").read_bytes()
    )
    assert mark.exists(), "it would have been run"


@pytest.mark.parametrize("place", [b"}q", b"X\n\0", b"ctorch._utils", b"ccollections"])
def test_a_damaged_checkpoint_is_not_called_harmful(place: bytes, tmp_path: Path) -> None:
    """A byte of it, among what says how the weights lie."""
    data = bytearray(save(build("compact"), tmp_path / "x.pth").read_bytes())
    data[data.index(place, data.index(b"data.pkl"))] = 0xFF
    (tmp_path / "x.pth").write_bytes(data)
    with pytest.raises(ModelError, match="x.pth: cannot be read as weights: it is damaged"):
        load_published(tmp_path / "x.pth")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.pth", b"not a checkpoint", "x.pth: cannot be read as weights: it is damaged or was not written by"),
        ("x.pth", b"<html>404</html>", "x.pth: cannot be read as weights: it is damaged or was not written by"),
        ("x.pth", b"", "x.pth: cannot be read as weights: EOFError"),
        ("x.safetensors", b"\x08\0\0\0\0\0\0\0{}      ", "know the architecture of these weights"),
        ("x.safetensors", b"\xff" * 20, "not a readable checkpoint"),
        ("x.onnx", b"not a model", "not a readable ONNX file"),
        ("x.jpg", b"", "expected a checkpoint"),
    ],
)
def test_broken_files(name: str, content: bytes, says: str, tmp_path: Path, models: Path) -> None:
    (tmp_path / name).write_bytes(content)
    result = run("import", tmp_path / name)
    assert result.exit_code == 2
    assert says in result.output
    assert not models.exists()


def test_weights_of_nothing_known(tmp_path: Path) -> None:
    save_file({"a.weight": torch.zeros(3, 3)}, str(tmp_path / "x.safetensors"))
    with pytest.raises(ModelError, match="spandrel does not know the architecture"):
        load_published(tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="no such checkpoint"):
        load_published(tmp_path / "y.pth")


def test_a_file_cut_short(tmp_path: Path, models: Path) -> None:
    whole = save(build("compact"), tmp_path / "x.pth").read_bytes()
    (tmp_path / "x.pth").write_bytes(whole[: len(whole) // 2])
    result = run("import", tmp_path / "x.pth")
    assert result.exit_code == 2
    assert "x.pth: cannot be read as weights: " in result.output
    assert "could run code" not in result.output
    assert not models.exists()


def test_names(tmp_path: Path, models: Path) -> None:
    file = save(build("compact"), tmp_path / "a file (1).pth")
    for name, says in [
        ("../up", "begins with a letter"),
        ("a/b", "letters, digits"),
        ("a\\b", "letters, digits"),
        (".hidden", "begins with a letter"),
        ("con", "name of a device"),
        ("x.int8", "remove the suffix"),
        ("x.onnx", "remove the suffix"),
        ("sr-x2", "an included model has this name"),
        ("a" * 81, "at most 80"),
        ("a\n", "letters, digits"),
    ]:
        result = run("import", file, "--name", name)
        assert result.exit_code == 2, name
        assert says in result.output
    assert not models.exists()
    assert list(tmp_path.iterdir()) == [file]
    assert name_of(file) == check_name(name_of(file)) == "a-file-1"
    assert check_name(name_of(Path("../..onnx"))) == "imported"
    assert check_name("4x_foo-v1.5+") == "4x_foo-v1.5+"


def test_nothing_is_replaced_unasked(tmp_path: Path, models: Path) -> None:
    file = save(build("compact"), tmp_path / "m.pth")
    assert run("import", file, "--spec", "licence=MIT").exit_code == 0
    first = find("m").read_bytes()
    save(build("compact", seed=1), file)
    result = run("import", file)
    assert result.exit_code == 2
    assert "--overwrite" in result.output
    assert find("m").read_bytes() == first
    assert run("import", file, "--overwrite", "--spec", "licence=MIT").exit_code == 0
    assert find("m").read_bytes() != first
    assert open_model(find("m"), "cpu").spec.licence == "MIT"
    assert [entry.name for entry in entries() if entry.file.is_relative_to(models)] == ["m"]
    listed = run("models", "--json").output
    assert "m" in {row["name"] for row in json.loads(listed)}


@pytest.mark.slow
def test_into_another_folder(tmp_path: Path, models: Path) -> None:
    file = save(build("compact"), tmp_path / "m.pth")
    result = run("import", file, "--into", tmp_path / "else where", "--name", "n")
    assert result.exit_code == 0
    written = tmp_path / "else where/n/n.onnx"
    assert written.is_file()
    assert not models.exists()
    assert result.output.endswith(f"restore enhance IN OUT --model '{written}'\n"), "by its name it is not found"
    assert run("import", file, "--name", "n").output.endswith("restore enhance IN OUT --model n\n")
    result = run("import", file, "--into", tmp_path / "else", "--name", "n")
    assert result.output.endswith(f"--model {tmp_path / 'else/n/n.onnx'}\n"), "its name is another's"


def test_a_wrong_file_is_not_installed(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose export is another network."""
    from restore.export import build_model as make_module

    original = make_module.to_onnx

    def wrong(network: nn.Module, spec: ModelSpec, *more: object) -> onnx.ModelProto:
        return original(load_published_from(build("compact", seed=1)).network, spec, *more)

    monkeypatch.setattr(make_module, "to_onnx", wrong)
    result = run("import", save(build("compact"), tmp_path / "m.pth"))
    assert result.exit_code == 1
    assert "dB, but" in result.output
    assert not models.exists()


def test_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(SEARCH_VARIABLE, raising=False)
    assert user_folder() == data_folder() / "models"
    monkeypatch.setenv(SEARCH_VARIABLE, f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert user_folder() == tmp_path / "a"


def test_settling_changes_nothing() -> None:
    network = build("span")
    x = torch.rand(1, 3, 12, 14)
    before = network(x).detach()
    assert torch.equal(make_exportable(network)(x), before)
    assert not any(hasattr(module, "update_params") for module in network.modules())


def test_windows_together_is_spandrels() -> None:
    from spandrel.architectures.SwinIR.__arch import SwinIR

    windows = torch.rand(2 * 3 * 2, 4, 4, 5)
    back = windows_together(windows, 4, 12, 8)
    torch.testing.assert_close(SwinIR.window_partition(back, 4), windows)
    assert back.shape == (2, 12, 8, 5)


def test_oblongs_together_is_spandrels() -> None:
    from spandrel.architectures.DAT.__arch import DAT

    pictures = torch.rand(2, 5, 12, 16)
    windows = DAT.img2windows(pictures, 4, 8)
    torch.testing.assert_close(oblongs_together(windows, 4, 8, 12, 16), pictures.permute(0, 2, 3, 1))


def test_inverse_order_undoes() -> None:
    from spandrel.architectures.ATD.__arch import atd_arch

    order = torch.stack([torch.randperm(50) for _ in range(3)])
    assert (inverse_order(order) == atd_arch.index_reverse(order)).all()
    assert (order.gather(1, inverse_order(order)) == torch.arange(50)).all()


# --- ONNX files of others


def stripped(source: Path, target: Path) -> Path:
    """As another program would have written it: no metadata, other names."""
    model = onnx.load(source)
    del model.metadata_props[:]
    names = {"input": "x.1", "output": "output_", model.graph.node[0].output[0]: "input"}
    for node in model.graph.node:
        node.input[:] = [names.get(n, n) for n in node.input]
        node.output[:] = [names.get(n, n) for n in node.output]
    for value in (*model.graph.input, *model.graph.output):
        value.name = names[value.name]
    onnx.save(model, target)
    return target


@pytest.mark.parametrize("name", ["sr-x2", "sr-x4"])
def test_a_foreign_file_is_found_out(name: str, tmp_path: Path, models: Path) -> None:
    """A shipped model without what it says: what is found is what it said."""
    result = run("import", stripped(find(name), tmp_path / "foreign.onnx"))
    assert result.exit_code == 0, result.output
    ours, theirs = open_model(find(name), "cpu"), open_model(find("foreign"), "cpu")
    for field in ("scale", "low", "high", "multiple", "minimum", "exact_tiles", "shape"):
        assert getattr(theirs.spec, field) == getattr(ours.spec, field), field
    # Its outermost pixels matter less than rounding, on the pictures tried.
    assert 0.5 * ours.spec.halo <= theirs.spec.halo <= ours.spec.halo + 1
    assert theirs.spec.licence == "unknown"
    batch = picture(30, 41).transpose(2, 0, 1)[None].astype(np.float32) / 255
    np.testing.assert_array_equal(theirs(batch), ours(batch))
    save_picture(tmp_path / "a.png", picture(40, 50))
    assert run("enhance", tmp_path / "a.png", tmp_path / "b.png", "--model", "foreign").exit_code == 0


def linear(
    path: Path, *, size: tuple[object, ...] = ("n", 3, "h", "w"), count: int = 1, first: Sequence[int] = ()
) -> Path:
    """A blur of 3x3, after a reshape to ``first``: nothing in it tells a range."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    for c in range(3):
        kernel[c, c] = 1 / 9
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, size) for n in ("x", "z")[:count]]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, size)]
    nodes, weights = [node], [numpy_helper.from_array(kernel, "w")]
    if first:
        node.input[0] = "reshaped"
        nodes.insert(0, helper.make_node("Reshape", ["x", "shape"], ["reshaped"]))
        weights.append(numpy_helper.from_array(np.array(first, np.int64), "shape"))
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def test_what_cannot_be_found_is_asked_for(tmp_path: Path, models: Path) -> None:
    file = linear(tmp_path / "blur.onnx")
    result = run("import", file)
    assert result.exit_code == 2
    assert "--spec high=1 or --spec high=255" in result.output
    assert not models.exists()
    assert run("import", file, "--spec", "high=255", "--spec", "licence=CC0").exit_code == 0
    spec = open_model(find("blur"), "cpu").spec
    assert (spec.scale, spec.high, spec.halo, spec.exact_tiles, spec.licence) == (1, 255.0, 2, True, "CC0")
    pixels = picture(20, 33)
    save_picture(tmp_path / "a.png", pixels)
    assert run("enhance", tmp_path / "a.png", tmp_path / "b.png", "--model", "blur").exit_code == 0
    sums = sum(
        np.pad(pixels, ((1, 1), (1, 1), (0, 0))).astype(int)[i : i + 20, j : j + 33] for i in range(3) for j in range(3)
    )
    assert np.abs(np.asarray(Image.open(tmp_path / "b.png")) - sums / 9).max() <= 0.51
    assert run("import", file, "--spec", "hihg=255", "--overwrite").exit_code == 2


def test_a_foreign_file_of_one_shape(tmp_path: Path, models: Path) -> None:
    """It is fed windows of its size, whatever the pictures' are, smaller ones too."""
    file = linear(tmp_path / "fixed.onnx", size=(2, 3, 40, 32))
    assert run("import", file, "--spec", "high=1").exit_code == 0
    assert open_model(find("fixed"), "cpu").spec.shape == (2, 40, 32)
    linear(tmp_path / "free.onnx")
    assert run("import", tmp_path / "free.onnx", "--spec", "high=1").exit_code == 0
    for i, size in enumerate(((90, 71), (40, 32), (41, 33), (110, 32))):
        save_picture(tmp_path / "in" / f"{i}.png", picture(*size, seed=i))
    for name in ("fixed", "free"):
        assert run("enhance", tmp_path / "in", tmp_path / name, "--model", name).exit_code == 0
    for i in range(4):
        one, other = (np.asarray(Image.open(tmp_path / name / f"{i}.png")) for name in ("fixed", "free"))
        assert np.abs(one.astype(int) - other).max() <= 1, i


def test_files_that_are_no_picture_to_picture(tmp_path: Path, models: Path) -> None:
    assert "has 2 inputs" in run("import", linear(tmp_path / "two.onnx", count=2)).output
    assert "takes 1 channels" in run("import", linear(tmp_path / "gray.onnx", size=("n", 1, "h", "w"))).output
    assert not models.exists()


def test_a_foreign_file_in_16_bits(tmp_path: Path, models: Path) -> None:
    from restore.export.fp16 import to_half

    model = onnx.load(find("sr-x2"))
    half = to_half(model, open_model(find("sr-x2"), "cpu").spec)
    onnx.save(half, tmp_path / "whole.onnx")
    assert "is an fp16 twin" in run("import", tmp_path / "whole.onnx").output
    result = run("import", stripped(tmp_path / "whole.onnx", tmp_path / "f16.onnx"), "--spec", "high=1")
    assert result.exit_code == 0, result.output
    assert open_model(find("f16"), "cpu").spec.precision == "fp16"


def test_wrong_values_are_told_before_anything_is_run(tmp_path: Path, models: Path) -> None:
    file = linear(tmp_path / "blur.onnx")
    for value in ("high=white", "multiple=x", "halo=-1", "scale="):
        result = run("import", file, "--spec", value)
        assert result.exit_code == 2
        assert f"'{value.split('=')[0]}'" in result.output
    ours = run("import", find("sr-x2"), "--name", "n", "--shape", "64")
    assert "--shape is for files without it" in ours.output
    assert not models.exists()


# --- what is given, and what cannot be found


@pytest.mark.parametrize("shape", [[], ["--shape", "64"]])
def test_a_wrong_promise_is_not_passed_over_by_falling_back_to_one_shape(
    shape: list[str], tmp_path: Path, models: Path
) -> None:
    """A halo that is too short shows in tiles of any size, and in windows of one shape."""
    result = run("import", save(build("compact"), tmp_path / "m.pth"), "--spec", "halo=0", *shape)
    assert result.exit_code == 1, result.output
    assert "its metadata: tiles: " in result.output
    assert not models.exists()


def test_a_foreign_file_of_one_shape_is_held_to_its_halo(tmp_path: Path, models: Path) -> None:
    file = linear(tmp_path / "fixed.onnx", size=(1, 3, 40, 32))
    given = ["--spec", "high=1", "--spec", "exact_tiles=true"]
    result = run("import", file, *given, "--spec", "halo=0")
    assert result.exit_code == 1
    assert "windows that overlap differ" in result.output
    assert run("import", file, *given, "--spec", "halo=1").exit_code == 0
    assert run("import", file, *given, "--spec", "halo=12", "--overwrite").exit_code == 0
    assert open_model(find("fixed"), "cpu").spec.halo == 12, "what is given is not cut in silence"
    result = run("import", file, *given, "--spec", "halo=16", "--overwrite")
    assert result.exit_code == 2
    assert "takes sides of at least 33 (twice the halo" in result.output


@pytest.mark.slow
def test_an_import_over_another_leaves_its_twin_behind(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same architecture with other weights: only they tell that the twin is of the file that was replaced."""
    from restore.runtime.cpu import INT8_FEATURES
    from restore.zoo import open as open_module
    from restore.zoo.open import open_named

    monkeypatch.setattr(open_module, "cpu_features", lambda: INT8_FEATURES)
    save_picture(tmp_path / "photos" / "a.png", picture(150, 160))
    photos = tmp_path / "photos"
    assert run("import", save(build("compact"), tmp_path / "m.pth")).exit_code == 0
    twin = ["--precision", "int8", "--calibrate", photos, "--check", photos, "--max-loss", "99"]
    assert run("export", find("m"), models / "m", *twin).exit_code == 0
    describe_with_loss(models / "m/m.int8.onnx", 0.0)
    assert open_named("m", "cpu").spec.precision == "int8"
    result = run("import", save(build("compact", seed=1), tmp_path / "m.pth"), "--overwrite")
    assert result.exit_code == 0, result.output
    assert "m.int8.onnx: was made from another file and is no longer selected automatically" in result.output
    assert open_named("m", "cpu").spec.precision == "fp32"
    asked = open_named("m", "cpu", "int8")
    assert "m.int8.onnx was not made from the m.onnx next to it" in asked.note
    assert run("import", save(build("compact"), tmp_path / "m.pth"), "--overwrite").exit_code == 0
    assert open_named("m", "cpu").spec.precision == "int8", "the same weights again"


def describe_with_loss(path: Path, loss: float) -> None:
    from restore.export.to_onnx import describe

    model = onnx.load(path)
    describe(model, open_model(path, "cpu").spec.but(loss_db=loss))
    onnx.save(model, path)


def test_what_a_file_says_of_its_weights_is_not_believed(tmp_path: Path, models: Path) -> None:
    """Whoever changed them and left the metadata would have the old twin taken."""
    assert run("import", save(build("compact"), tmp_path / "m.pth")).exit_code == 0
    model, said = onnx.load(find("m")), open_model(find("m"), "cpu").spec.weights
    assert len(said) == 64
    weight = next(t for t in model.graph.initializer if len(t.dims) == 4)
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * np.float32(0.5), weight.name))
    onnx.save(model, tmp_path / "changed.onnx")
    result = run("verify", tmp_path / "changed.onnx")
    assert result.exit_code == 1
    assert "FAIL weights" in result.output
    assert run("import", tmp_path / "changed.onnx", "--name", "n").exit_code == 0
    assert open_model(find("n"), "cpu").spec.weights not in ("", said)


def test_a_batch_of_one_with_free_sides_is_freed(tmp_path: Path, models: Path) -> None:
    """As torch's older exporter leaves it when only the sides are named."""
    assert run("import", linear(tmp_path / "one.onnx", size=(1, 3, "h", "w")), "--spec", "high=1").exit_code == 0
    model = open_model(find("one"), "cpu")
    assert model.spec.shape is None
    assert model(np.zeros((2, 3, 9, 11), np.float32)).shape == (2, 3, 9, 11)


def test_a_batch_of_one_inside_asks_for_a_shape(tmp_path: Path, models: Path) -> None:
    file = linear(tmp_path / "one.onnx", size=(1, 3, "h", "w"), first=(1, 3, 0, 0))
    result = run("import", file, "--spec", "high=1")
    assert result.exit_code == 2
    assert "one picture at a time" in result.output
    assert "--shape 256" in result.output
    assert not models.exists()
    assert run("import", file, "--spec", "high=1", "--shape", "48").exit_code == 0
    assert open_model(find("one"), "cpu").spec.shape == (1, 48, 48)


def test_one_free_side_is_fixed_by_a_shape(tmp_path: Path, models: Path) -> None:
    file = linear(tmp_path / "half.onnx", size=(1, 3, 32, "w"))
    result = run("import", file, "--spec", "high=1")
    assert "only one side of its input is fixed: fix the whole shape" in result.output
    assert "takes 1x32xany, not 1x40x48" in run("import", file, "--spec", "high=1", "--shape", "1x40x48").output
    for option in (["--shape", "1x32x48"], ["--spec", "shape=1x32x48", "--overwrite"]):
        assert run("import", file, "--spec", "high=1", *option).exit_code == 0
        assert open_model(find("half"), "cpu").spec.shape == (1, 32, 48)


def constants(file: Path) -> Path:
    """The same with its weights in nodes, as some programs write them."""
    model = onnx.load(file)
    nodes = [helper.make_node("Constant", [], [t.name], value=t) for t in model.graph.initializer]
    nodes += model.graph.node
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, file)
    return file


def test_weights_in_nodes_are_counted(tmp_path: Path, models: Path) -> None:
    assert run("import", constants(linear(tmp_path / "m.onnx")), "--spec", "high=1").exit_code == 0
    assert open_model(find("m"), "cpu").spec.parameters == 81
    model = onnx.load(linear(tmp_path / "half.onnx"))
    kernel = model.graph.initializer[0]
    kernel.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(kernel).astype(np.float16), "w16"))
    model.graph.node.insert(0, helper.make_node("Cast", ["w16"], ["w"], to=TensorProto.FLOAT))
    onnx.save(model, tmp_path / "half.onnx")
    assert run("import", constants(tmp_path / "half.onnx"), "--spec", "high=1").exit_code == 0
    assert open_model(find("half"), "cpu").spec.precision == "fp16"


def test_a_network_of_no_weights_has_none(tmp_path: Path, models: Path) -> None:
    size = ("n", 3, "h", "w")
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, size) for n in ("x", "y")]
    made = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", ends[:1], ends[1:])
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "m.onnx")
    assert run("import", tmp_path / "m.onnx", "--spec", "high=1").exit_code == 0
    assert open_model(find("m"), "cpu").spec.parameters == 0


@pytest.mark.parametrize("given", [["multiple=7"], ["multiple=2.0"], ["high=1_0"], ["halo=9", "multiple=16"]])
def test_values_that_do_not_fit_are_told_without_a_traceback(given: list[str], tmp_path: Path, models: Path) -> None:
    """Not of the shape, or written as the spec's own reader takes them and Python's numbers do not."""
    file = linear(tmp_path / "fixed.onnx", size=(1, 3, 40, 32))
    pairs = [part for pair in ["high=1", *given] for part in ("--spec", pair)]
    result = run("import", file, *pairs)
    assert result.exit_code in (0, 2), result.output
    if result.exit_code:
        assert "fixed.onnx: " in result.output


def test_what_fails_on_the_way_is_told_without_a_traceback(tmp_path: Path, models: Path) -> None:
    """It opens, and then takes no size: a reshape to what is not there."""
    file = linear(tmp_path / "m.onnx", size=(1, 3, 40, 32), first=(1, 3, 7, 7))
    result = run("import", file, "--spec", "high=1")
    assert result.exit_code == 2
    assert "m.onnx: it fails on 1x3x40x32" in result.output


def test_what_is_given_wrongly_is_told_before_a_checkpoint_is_read(tmp_path: Path, models: Path) -> None:
    (tmp_path / "m.pth").write_bytes(b"not even a checkpoint")
    for command in (["import", tmp_path / "m.pth"], ["export", tmp_path / "m.pth", tmp_path / "out"]):
        result = run(*command, "--spec", "scale=two")
        assert result.exit_code == 2
        assert "'scale'" in result.output


class OneSize(nn.Module):
    """Takes 1 x 3 x 48 x 48 alone, as networks with learned places do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.places = nn.Parameter(0.1 * torch.rand(1, 3, 48, 48))
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 0.1 * self.conv(x) + self.places


def test_a_checkpoint_of_one_shape_is_had_by_giving_it(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import restore.export.load_source as source_module
    from restore.networks.third_party_checkpoint import Published

    found = Published(OneSize().eval().requires_grad_(False), "one size", 1, 1, 1, 6996)
    monkeypatch.setattr(source_module, "load_published", lambda _: found)
    result = run("import", tmp_path / "m.pth")
    assert result.exit_code == 2
    assert "fix the shape with --shape 48" in result.output
    assert run("import", tmp_path / "m.pth", "--shape", "48").exit_code == 0
    spec = open_model(find("m"), "cpu").spec
    assert (spec.shape, spec.exact_tiles) == ((1, 48, 48), False)


@pytest.mark.slow
def test_what_is_installed_passes_the_checks(tmp_path: Path, models: Path) -> None:
    assert run("import", save(build("rrdb-x2-unshuffled"), tmp_path / "m.pth")).exit_code == 0
    assert [check for check in verify_file(find("m")) if check.passed is False] == []
    nodes = onnx.load(find("m")).graph.node
    attributes = [{a.name: helper.get_attribute_value(a) for a in node.attribute} for node in nodes]
    assert [2, 2] in [a.get("strides") for a in attributes], "the unshuffle is a convolution"
    assert "Transpose" not in {node.op_type for node in nodes}
    result = run("verify", find("m"), "--against", tmp_path / "m.pth")
    assert result.exit_code == 0, result.output
    assert "all checks passed" in result.output


@pytest.fixture
def photographs(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of pictures, to calibrate on and to check."""
    for i in range(4):
        save_picture(tmp_path / ("calibrate", "check")[i % 2] / f"{i}.png", picture(144, 160, seed=i))
    return tmp_path / "calibrate", tmp_path / "check"


@pytest.mark.slow
def test_an_8_bit_twin_comes_along(tmp_path: Path, models: Path, photographs: tuple[Path, Path]) -> None:
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    file = save(Compact(num_feat=16, num_conv=4, upscale=2), tmp_path / "compact.pth")
    options = ("--calibrate", photographs[0], "--check", photographs[1])
    result = run("import", file, *options)
    assert result.exit_code == 0, result.output
    assert "8-bit twin, loses" in result.output
    twin = models / "compact/compact.int8.onnx"
    spec = open_model(twin, "cpu").spec
    assert spec.precision == "int8"
    assert 0 <= spec.loss_db <= 0.1
    assert spec.weights == open_model(models / "compact/compact.onnx", "cpu").spec.weights


def test_a_twin_that_cannot_be_is_told_and_the_model_is_there(
    tmp_path: Path, models: Path, photographs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = save(build("compact"), tmp_path / "compact.pth")
    result = run("import", file, "--shape", "64", "--calibrate", photographs[0], "--check", photographs[1])
    assert result.exit_code == 0, result.output
    assert "no 8-bit twin: " in result.output
    assert "fixed input shape" in result.output
    assert [path.name for path in (models / "compact").iterdir()] == ["compact.onnx"]


def test_photographs_for_a_twin_are_looked_at_before_anything_else(
    tmp_path: Path, models: Path, photographs: tuple[Path, Path]
) -> None:
    file = save(build("compact"), tmp_path / "compact.pth")
    (tmp_path / "empty").mkdir()
    for options, words in (
        (("--calibrate", photographs[0]), "--calibrate and --check go together"),
        (("--check", photographs[0]), "--calibrate and --check go together"),
        (("--calibrate", photographs[0], "--check", photographs[0]), "different photographs"),
        (("--calibrate", photographs[0], "--check", tmp_path / "empty"), "empty"),
        (("--calibrate", tmp_path / "none", "--check", photographs[0]), "none"),
    ):
        result = run("import", file, *options)
        assert result.exit_code != 0
        assert words in result.output
    assert not models.exists()


def test_the_file_says_how_much_memory_it_takes(tmp_path: Path, models: Path) -> None:
    """Tiles are chosen by it."""
    assert run("import", save(build("compact"), tmp_path / "compact.pth")).exit_code == 0
    spec = open_model(find("compact"), "cpu").spec
    # Of 8 channels: one before and one after an activation. At the end, the enlarged picture's 12 and the input's 3.
    assert 16 <= spec.held <= 40
    assert spec.held == held_values(onnx.load(find("compact")), spec)
    for kept in (spec.but(held=77), spec.but(held=0, shape=(1, 32, 32)), spec.but(held=0, context=64)):
        assert import_module._with_memory(b"", kept) == (b"", kept), "given, or no tiles to choose by it"


@pytest.mark.slow
def test_an_attention_network_of_published_size(tmp_path: Path, models: Path) -> None:
    """SwinIR-light, of 24 layers in windows of 8: thousands of operations, and thousands of values for a pixel."""
    from spandrel.architectures.SwinIR import SwinIR

    torch.manual_seed(0)
    sizes = {"depths": [6] * 4, "embed_dim": 60, "num_heads": [6] * 4, "mlp_ratio": 2, "window_size": 8}
    network = SwinIR(upscale=4, img_size=64, img_range=1.0, upsampler="pixelshuffledirect", **sizes)
    result = run("import", save(network, tmp_path / "light.pth", "params"))
    assert result.exit_code == 0, result.output
    model = open_model(find("light"), "cpu")
    assert (model.spec.scale, model.spec.multiple, model.spec.shape) == (4, 8, None)
    assert model.spec.held > 1000
    # A picture whose sides are no multiples of a window, in one piece and in tiles of several windows.
    pixels = picture(100, 150)
    whole, tiled = (enhance_pixels(pixels, model, model.spec, tile=tile) for tile in (512, 48))
    assert whole.shape == (400, 600, 3)
    assert np.abs(whole.astype(int) - tiled).max() <= 1
