"""The command line as a user meets it: exit codes, messages, what is imported."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from restore.cli.main import COMMANDS, main
from restore.export.to_onnx import to_onnx
from restore.networks.residual import ResidualSR
from restore.spec import ModelSpec
from restore.zoo.find import find, shipped_folder
from tests.conftest import SAMPLES, picture, save

ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments], prog_name="restore")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def files(folder: Path) -> set[str]:
    """All but the journal."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name != ".restore-journal.jsonl"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["-h"]])
def test_the_overview_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from restore.cli.main import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'onnxruntime', 'cv2', 'numpy', 'PIL', 'pydantic', 'rich', 'yaml'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout


def test_enhancing_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from restore.cli.main import main\n"
        f"try: main(['enhance', {str(SAMPLES / 'otters.jpg')!r}, {str(tmp_path / 'x.png')!r}])\nexcept SystemExit as e: assert e.code == 0\n"
        "print(sorted({'torch', 'basicsr', 'kornia', 'onnx', 'tensorboard'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_from_a_checkout() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "cli.py", "models"], capture_output=True, text=True, check=True, cwd="/"
    )
    assert "sr-x2" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert COMMANDS[command][1] in run("--help").output


def test_a_misspelt_command() -> None:
    result = run("enhence", "a", "b")
    assert result.exit_code == 2
    assert "Did you mean 'enhance'?" in result.output


def test_models_lists_what_is_there() -> None:
    assert run("models").exit_code == 0
    found = json.loads(run("models", "--json").output)
    assert {m["name"] for m in found} >= {"sr-x2", "sr-x4"}


def test_the_samples(tmp_path: Path) -> None:
    result = run("enhance", SAMPLES, tmp_path / "out")
    assert result.exit_code == 0
    assert files(tmp_path / "out") == {"otters.jpg", "holiday/casa-mila.jpg", "holiday/osprey.png"}
    for path in (tmp_path / "out").rglob("[!.]*.*"):
        before = Image.open(SAMPLES / path.relative_to(tmp_path / "out"))
        after = Image.open(path)
        assert after.size == (2 * before.width, 2 * before.height)
        small = np.asarray(after.convert("RGB").resize(before.size, Image.Resampling.BOX)).astype(int)
        assert np.abs(small - np.asarray(before.convert("RGB"))).mean() < 6
    assert "3 enhanced" in result.output
    assert "1 other file ignored" in result.output


@pytest.mark.parametrize("scale", [2, 4])
def test_scale_chooses_the_model(tmp_path: Path, scale: int) -> None:
    source = save(tmp_path / "a.png", picture(20, 30))
    assert run("enhance", source, tmp_path / "b.png", "--scale", scale).exit_code == 0
    assert Image.open(tmp_path / "b.png").size == (30 * scale, 20 * scale)


def test_fifty_mixed_files(tmp_path: Path) -> None:
    """Photographs, gray, RGBA, nested folders, odd names, and one corrupt file: 49 outputs, one error, exit 1."""
    source = tmp_path / "in"
    for i in range(49):
        channels = (3, 1, 4)[i % 3]
        suffix = ("png", "jpg", "webp", "tif")[i % 4] if channels == 3 else "png"
        name = f"{('', 'sub dir/', 'sub dir/Größe/', '写真/')[i % 4]}pic {i} é's.{suffix}"
        save(source / name, picture(12 + i, 50 - i % 20, channels, seed=i))
    whole = (source / "sub dir" / "pic 1 é's.png").read_bytes()
    (source / "sub dir/broken.png").write_bytes(whole[: len(whole) // 2])
    result = run("enhance", source, tmp_path / "out")
    assert result.exit_code == 1
    assert files(tmp_path / "out") == files(source) - {"sub dir/broken.png"}
    assert len(files(tmp_path / "out")) == 49
    assert result.output.count("failed: ") == 1
    assert "sub dir/broken.png: damaged" in result.output
    assert "49 enhanced, 1 failed" in result.output
    for path in (tmp_path / "out").rglob("[!.]*.*"):
        before, after = Image.open(source / path.relative_to(tmp_path / "out")), Image.open(path)
        assert (after.mode, after.format) == (before.mode, before.format)


@pytest.mark.parametrize(
    ("prepare", "arguments", "says"),
    [
        (None, ["{d}/none", "{d}/out"], "no such file or folder"),
        ("empty", ["{d}/in", "{d}/out"], "no pictures in this folder"),
        ("one", ["{d}/in", "{d}/in/out"], "inside the input folder"),
        ("one", ["{d}/in", "{d}/in"], "is the input folder"),
        ("clash", ["{d}/in", "{d}/out", "--format", "png"], "would both be written to"),
        ("one", ["{d}/in", "{d}/out", "--model", "sr-x3"], "no model named 'sr-x3'; did you mean 'sr-x"),
        ("one", ["{d}/in", "{d}/out", "--model", "backlit", "--scale", "4"], "--scale 4 contradicts --model backlit"),
        ("one", ["{d}/in", "{d}/out", "--scale", "1"], "--scale 1 keeps the size"),
        ("one", ["{d}/in", "{d}/out", "--scale", "nan"], "--scale"),
        ("one", ["{d}/in", "{d}/out", "--longest", "0"], "--longest"),
        ("one", ["{d}/in", "{d}/out", "--scale", "2", "--longest", "9"], "--scale and --longest contradict each other"),
        ("one", ["{d}/in", "{d}/out", "--longest", "9", "--name", "{{stem}}-{{scale}}"], "{scale} differs from"),
        ("one", ["{d}/in", "{d}/out", "--model", "{d}/none.onnx"], "no such model file"),
        ("one", ["{d}/in/a.png", "{d}/in/a.png"], "originals are never overwritten"),
        ("one", ["{d}/in/a.png", "{d}/in/a.png", "--overwrite"], "originals are never overwritten"),
        ("one", ["{d}/in", "{d}/out", "--spec", "scale"], "write it as FIELD=VALUE"),
        ("one", ["{d}/in", "{d}/out", "--tile", "3"], "--tile"),
    ],
)
def test_wrong_use_exits_with_2_and_writes_nothing(
    tmp_path: Path, prepare: str | None, arguments: list[str], says: str
) -> None:
    if prepare:
        (tmp_path / "in").mkdir()
    if prepare in ("one", "clash"):
        save(tmp_path / "in/a.png", picture(20, 20))
    if prepare == "clash":
        save(tmp_path / "in/a.jpg", picture(20, 20))
    before = {p: (tmp_path / p).read_bytes() for p in files(tmp_path)}
    result = run("enhance", *[a.format(d=tmp_path) for a in arguments])
    assert result.exit_code == 2, result.output
    assert says in result.output
    assert {p: (tmp_path / p).read_bytes() for p in files(tmp_path)} == before


@pytest.mark.parametrize("content", [b"", b"just text", b"\xff\xd8\xff\xe0broken"])
def test_one_bad_picture_exits_with_1(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    result = run("enhance", tmp_path / "a.png", tmp_path / "b.png")
    assert result.exit_code == 1
    assert f"failed: {tmp_path / 'a.png'}: " in result.output
    assert files(tmp_path) == {"a.png"}


def test_a_foreign_model(tmp_path: Path, small_model: Path) -> None:
    import onnx

    model = onnx.load(small_model)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    source = save(tmp_path / "a.png", picture(20, 30))
    result = run("enhance", source, tmp_path / "b.png", "--model", tmp_path / "foreign.onnx")
    assert result.exit_code == 2
    assert "does not say its scale and halo" in result.output
    given = ("--spec", "scale=2", "--spec", "halo=4")
    assert run("enhance", source, tmp_path / "b.png", "--model", tmp_path / "foreign.onnx", *given).exit_code == 0
    run("enhance", source, tmp_path / "c.png", "--model", small_model)
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "b.png")), np.asarray(Image.open(tmp_path / "c.png"))
    )
    wrong = ("--spec", "scale=3", "--spec", "halo=4")
    result = run("enhance", source, tmp_path / "d.png", "--model", tmp_path / "foreign.onnx", *wrong)
    assert result.exit_code == 1
    assert "its scale is different" in result.output


def test_existing_results(tmp_path: Path) -> None:
    save(tmp_path / "in/a.png", picture(20, 20))
    assert run("enhance", tmp_path / "in", tmp_path / "out").exit_code == 0
    assert "1 output already exists" in run("enhance", tmp_path / "in", tmp_path / "out").output
    assert "1 skipped" in run("enhance", tmp_path / "in", tmp_path / "out", "--skip-existing").output
    assert "1 enhanced" in run("enhance", tmp_path / "in", tmp_path / "out", "--overwrite").output


def test_ctrl_c_exits_with_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from restore.runtime.model import Model

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Model, "enlarge", interrupted)
    save(tmp_path / "in/a.png", picture(20, 20))
    result = run("enhance", tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 130
    assert "Interrupted" in result.output


def test_cuda_without_a_gpu_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("restore.runtime.model.gpus", list)
    source = save(tmp_path / "a.png", picture(20, 30))
    result = run("enhance", source, tmp_path / "b.png", "--device", "cuda")
    assert result.exit_code == 2
    assert "no NVIDIA GPU" in result.output


def test_a_missing_extra_says_what_to_install() -> None:
    """In a Python where torch cannot be imported, as after a plain install."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from restore.cli.main import main\n"
        "main(['train', 'r.yaml', '--data', '.', '--out', 'x'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'restore[train]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_train_export_enhance_evaluate(photos: Path, tmp_path: Path) -> None:
    """The whole path, as a user walks it."""
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        "name: mine\nscale: 2\nnetwork: {kind: plain, width: 16, depth: 1}\n"
        "data: {train: [photos], patch: 12, holdout: 1}\ntrain: {steps: 6, batch: 2, schedule: {warmup: 2}}\n"
    )
    assert run("train", recipe, "--data", photos.parent, "--out", tmp_path / "run", "--threads", 1).exit_code == 0
    result = run("export", tmp_path / "run", tmp_path / "mine.onnx")
    assert result.exit_code == 0, result.output
    assert "verified" in result.output
    assert run("enhance", photos, tmp_path / "out", "--model", tmp_path / "mine.onnx").exit_code == 0
    assert len(files(tmp_path / "out")) == 5
    result = run("evaluate", "--model", tmp_path / "mine.onnx", "--data", photos / "a")
    assert result.exit_code == 0, result.output
    assert "average" in result.output
    assert run("export", tmp_path / "run", tmp_path / "mine.onnx").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{d}/none.yaml", "--data", "{d}", "--out", "{d}/run"], "cannot read the recipe"),
        (["{d}/bad.yaml", "--data", "{d}", "--out", "{d}/run"], "line 1: 'scale'"),
        (["--data", "{d}", "--out", "{d}/run"], "give a RECIPE, or --resume"),
        (["{d}/good.yaml", "--data", "{d}", "--out", "{d}/run"], "no such folder"),
        (["{d}/good.yaml", "--data", "{d}", "--out", "{d}/run", "--resume"], "no such folder"),
    ],
)
def test_wrong_training(tmp_path: Path, arguments: list[str], says: str) -> None:
    good = "scale: 2\nname: x\nnetwork: {kind: plain}\ndata: {train: [photos]}\n"
    (tmp_path / "good.yaml").write_text(good)
    (tmp_path / "bad.yaml").write_text(good.replace("scale: 2", "scale: big"))
    result = run("train", *[a.format(d=tmp_path) for a in arguments])
    assert result.exit_code == 2
    assert says in result.output


def test_evaluate_json_and_given_files(tmp_path: Path) -> None:
    from restore.imaging.resize import resize

    high = picture(48, 64)
    save(tmp_path / "hr/a_HR.png", high)
    save(tmp_path / "lr/a_LR.png", resize(high, 0.5))
    own = json.loads(run("evaluate", "--model", "sr-x2", "--data", tmp_path / "hr", "--json").output)
    given = run(
        "evaluate",
        "--model",
        "sr-x2",
        "--data",
        tmp_path / "hr",
        "--json",
        "--lr",
        tmp_path / "lr",
        "--lr-name",
        "_HR=_LR",
    )
    assert json.loads(given.output)["average"] == own["average"]
    assert own["pictures"][0]["name"] == "a_HR"
    result = run("evaluate", "--model", "sr-x2", "--data", tmp_path / "hr", "--lr", tmp_path / "lr")
    assert result.exit_code == 2
    assert "a_HR.png is missing" in result.output
    assert run("evaluate", "--model", "sr-x2", "--data", tmp_path / "none").exit_code == 2
    assert (
        "no pictures match"
        in run("evaluate", "--model", "sr-x2", "--data", tmp_path / "hr", "--pattern", "*.bmp").output
    )


def test_given_files_must_be_of_the_scale_and_may_be_gray(tmp_path: Path) -> None:
    from restore.imaging.resize import resize

    high = picture(48, 64)
    save(tmp_path / "hr/a.png", high)
    save(tmp_path / "x4/a.png", resize(high, 0.25))
    command = ["evaluate", "--model", "sr-x2", "--data", tmp_path / "hr", "--json", "--lr"]
    result = run(*command, tmp_path / "x4")
    assert result.exit_code == 2
    assert "16 x 12 pixels are not 1/2 of the 64 x 48 of a.png" in result.output
    # A gray original, and the same picture as RGB: equal pictures, whatever the channels.
    gray = np.repeat(np.repeat(picture(24, 32)[..., :1], 2, axis=0), 2, axis=1)
    save(tmp_path / "gray/a.png", gray)
    for name, low in (("lr3", resize(gray, 0.5).repeat(3, axis=2)), ("lr1", resize(gray, 0.5))):
        save(tmp_path / name / "a.png", low)
    command[4] = tmp_path / "gray"
    three, one = (json.loads(run(*command, tmp_path / name).output)["average"] for name in ("lr3", "lr1"))
    # On RGB the same errors are 219/255 as large on Y, and the model's are rounded once more.
    assert three["baseline"]["psnr"] == pytest.approx(one["baseline"]["psnr"] + 20 * np.log10(255 / 219), abs=0.2)


def test_one_bad_model_does_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnx

    (tmp_path / "bad").mkdir()
    graph = onnx.load(find("sr-x2"))
    del graph.metadata_props[:]
    onnx.save(graph, tmp_path / "bad/bad.onnx")
    (tmp_path / "odd").mkdir()
    spec = ModelSpec(name="odd", scale=2, halo=13, licence="MIT [/research]")
    onnx.helper.set_model_props(graph, spec.metadata())
    onnx.save(graph, tmp_path / "odd/odd.onnx")
    monkeypatch.setenv("RESTORE_MODELS", str(tmp_path))
    result = run("models")
    assert result.exit_code == 0
    assert "bad.onnx: the file does not say its scale and halo" in result.output
    assert "[/research]" in result.output
    assert "sr-x4" in result.output


def test_a_model_that_restores_is_measured_beside_its_input(tmp_path: Path) -> None:
    """On RGB: what changes color alone would hardly show on Y."""
    torch.manual_seed(0)
    network = ResidualSR(1, width=16, blocks=1).eval()
    (tmp_path / "m.onnx").write_bytes(to_onnx(network, ModelSpec(name="m", scale=1, halo=4)).SerializeToString())
    high = picture(48, 64)
    low = high.copy()
    low[..., 0] = low[..., 0] // 2
    save(tmp_path / "good/a.png", high)
    save(tmp_path / "red/a.png", low)
    command = ["evaluate", "--model", tmp_path / "m.onnx", "--data", tmp_path / "good"]
    refused = run(*command)
    assert refused.exit_code == 2
    assert "give the folder of its inputs with --lr" in refused.output
    told = run(*command, "--lr", tmp_path / "red")
    assert "PSNR in dB on RGB" in told.output
    assert "unchanged" in told.output
    facts = json.loads(run(*command, "--lr", tmp_path / "red", "--json").output)
    assert facts["baseline"] == "unchanged"
    error = np.mean((low[1:-1, 1:-1].astype(float) - high[1:-1, 1:-1]) ** 2)
    assert facts["average"]["baseline"]["psnr"] == pytest.approx(10 * np.log10(255**2 / error))


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """As in ``restore recipes | head -1``."""
    command = [sys.executable, "-m", "restore", "recipes"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # before it has begun
    assert process.stderr.read() == b""
    process.wait(30)


def test_a_bad_picture_fails_the_measurement(tmp_path: Path) -> None:
    """An average over fewer pictures would not be the one that was asked for."""
    save(tmp_path / "a.png", picture(48, 64))
    (tmp_path / "b.png").write_text("no")
    result = run("evaluate", "--model", "sr-x2", "--data", tmp_path)
    assert result.exit_code == 2
    assert "b.png" in result.output


@pytest.mark.slow
def test_an_installed_wheel_finds_its_models(tmp_path: Path) -> None:
    """Built, unpacked elsewhere, run without the checkout."""
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True)
    shutil.unpack_archive(next(tmp_path.glob("*.whl")), tmp_path / "site", "zip")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    code = (
        "from restore.zoo.find import entries; from restore.runtime.device_pipeline import GRAPHS\n"
        "print([e.name for e in entries()], entries()[0].file, sorted(p.name for p in GRAPHS.iterdir()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert "'sr-x2', 'sr-x4'" in done.stdout, done.stderr
    assert str(tmp_path / "site") in done.stdout
    assert "'from_uint8.onnx', 'probe.onnx', 'to_uint16.onnx'" in done.stdout
    assert {p.name for p in shipped_folder().iterdir() if p.is_dir()} >= {"sr-x2", "sr-x4"}


def test_the_command_that_goes_on_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("restore.training.train.start", lambda *_: False)
    result = CliRunner().invoke(main, ["train", "sr-x2", "--data", str(tmp_path), "--out", str(tmp_path / "my runs/a")])
    assert result.exit_code == 130
    assert shlex.split(result.output.partition("Go on with: ")[2]) == [
        *("restore", "train", "--data", str(tmp_path), "--out", str(tmp_path / "my runs/a"), "--resume")
    ]
