"""What programs import: its names and signatures are a promise, and it does what the command does."""

from __future__ import annotations

import inspect
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

import restore
from restore.cli.enhance import enhance as command
from restore.imaging.decode import read_rgb8
from tests.conftest import picture, save

SIGNATURES = {
    "load": "(model: 'str | os.PathLike[str]' = 'sr-x2', *, device: 'str' = 'auto', precision: 'Precision' = 'auto', "
    "threads: 'int | None' = None, spec: 'Mapping[str, str] | None' = None) -> 'Model'",
    "enhance": "(source: 'str | os.PathLike[str]', target: 'str | os.PathLike[str]', "
    "model: 'str | os.PathLike[str]' = 'sr-x2', *, strength: 'float | None' = None, "
    "mask: 'str | os.PathLike[str] | None' = None, "
    "format: \"Literal['png', 'jpg', 'webp', 'tif', 'bmp', 'gif'] | None\" = None, "
    "frames: \"Literal['first', 'all']\" = 'first', name: 'str' = '{stem}', "
    "quality: 'int' = 95, png_level: 'int' = 1, metadata: 'Metadata' = 'keep', max_pixels: 'float' = 256, "
    "existing: \"Literal['refuse', 'skip', 'overwrite']\" = 'refuse', resume: 'bool' = False, device: 'str' = 'auto', "
    "precision: 'Precision' = 'auto', threads: 'int | None' = None, workers: 'int | None' = None, "
    "tile: 'int | None' = None, spec: 'Mapping[str, str] | None' = None, "
    "engine: \"Literal['local', 'ray']\" = 'local', address: 'str | None' = None, "
    "cpus_per_worker: 'float | None' = None, gpus_per_worker: 'float | None' = None, "
    "max_workers: 'int | None' = None) -> 'list[FileRecord | SummaryRecord]'",
    "Model.__call__": "(self, pixels: 'Samples', *, strength: 'float' = 1.0, tile: 'int | None' = None, "
    "mask: 'Samples | None' = None) -> 'Samples'",
    "Model.believe": "(self, pixels: 'Samples') -> 'tuple[str, float] | None'",
    "Model.edit": "(self, pixels: 'Samples', *, strength: 'float' = 1.0) -> 'JsonObject | None'",
}


@pytest.fixture(scope="module")
def model() -> restore.Model:
    return restore.load("sr-x2", device="cpu", precision="fp32")


def test_the_names_and_signatures() -> None:
    """A change here breaks programs: it belongs in the changelog, and in a new major version."""
    assert restore.__all__ == ["Model", "ModelSpec", "RestoreError", "__version__", "enhance", "load"]
    for name, expected in SIGNATURES.items():
        found: object = restore
        for part in name.split("."):
            found = getattr(found, part)
        assert str(inspect.signature(found)) == expected, name
    fields = {name for name in vars(restore.load("sr-x2", device="cpu")) if not name.startswith("_")}
    assert fields == {"spec", "file", "device", "note"}
    assert set(restore.__all__) <= set(dir(restore))
    with pytest.raises(AttributeError, match="enhanse"):
        _ = restore.enhanse


def test_importing_it_imports_nothing_heavy() -> None:
    script = "import restore, sys; print({'numpy', 'onnxruntime', 'torch', 'cv2', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_defaults_are_those_of_the_command() -> None:
    context = click.Context(command)
    of_command = {option.name: option.get_default(context) for option in command.params}
    for name, parameter in inspect.signature(restore.enhance).parameters.items():
        if name in ("source", "target", "model", "metadata", "existing", "spec"):
            continue  # required, or there the absence of a flag
        theirs = of_command[{"format": "format_"}.get(name, name)]
        assert parameter.default == (theirs if isinstance(theirs, str | int | float) else None), name


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(20, 31), (20, 31, 1), (20, 31, 3), (20, 31, 4)])
def test_what_comes_out_is_what_went_in_but_larger(model: restore.Model, shape: tuple[int, ...], dtype: type) -> None:
    top = np.iinfo(dtype).max
    pixels = (np.random.default_rng(0).random(shape) * top).astype(dtype)
    made = model(pixels)
    assert made.dtype == dtype
    assert made.shape == (40, 62, *shape[2:])
    reduced = made.reshape(20, 2, 31, 2, *shape[2:]).mean(axis=(1, 3))
    assert np.corrcoef(reduced[..., :3].ravel(), pixels[..., :3].ravel())[0, 1] > 0.95


def test_it_is_what_the_command_writes(model: restore.Model, tmp_path: Path) -> None:
    for number, channels in enumerate((3, 4)):
        pixels = np.concatenate([picture(40, 50, seed=number), picture(40, 50, seed=9)], axis=2)[..., :channels]
        save(tmp_path / "in" / f"{number}.png", pixels)
    records = restore.enhance(tmp_path / "in", tmp_path / "out", device="cpu", precision="fp32")
    assert [record.get("status") for record in records[:-1]] == ["enhanced", "enhanced"]
    assert records[-1]["model"] == "sr-x2"
    for number in range(2):
        written = np.asarray(Image.open(tmp_path / "out" / f"{number}.png"))
        np.testing.assert_array_equal(written, model(np.asarray(Image.open(tmp_path / "in" / f"{number}.png"))))


def test_a_broken_file_is_told_and_a_wrong_use_raised(tmp_path: Path) -> None:
    save(tmp_path / "in" / "good.png", picture(16, 16))
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    records = restore.enhance(tmp_path / "in", tmp_path / "out")
    assert {Path(record["source"]).name: record["status"] for record in records[:-1]} == {
        "bad.png": "failed",
        "good.png": "enhanced",
    }
    with pytest.raises(restore.RestoreError, match="exist"):
        restore.enhance(tmp_path / "in", tmp_path / "out")
    assert restore.enhance(tmp_path / "in", tmp_path / "out", existing="skip")[-1]["skipped"] == 1
    with pytest.raises(restore.RestoreError, match="did you mean 'sr-x2'"):
        restore.enhance(tmp_path / "in", tmp_path / "elsewhere", model="sr-x22")


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((4, 4, 3)), "convert floats in 0..1 by"),
        (np.zeros((4, 4, 2), np.uint8), "a picture is uint8 or uint16"),
        (np.zeros((1, 4, 4, 3), np.uint8), "a picture is uint8 or uint16"),
        (np.zeros((0, 4, 3), np.uint8), "has no pixels"),
        (np.zeros(4, np.uint8), "a picture is uint8 or uint16"),
    ],
)
def test_no_picture(model: restore.Model, pixels: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model(pixels)


def test_strength_where_there_is_one(model: restore.Model) -> None:
    light = restore.load("backlit", device="cpu", precision="fp32")
    dark = picture(40, 60) // 4
    np.testing.assert_array_equal(light(dark, strength=0), dark)
    assert light(dark).mean() > light(dark, strength=0.5).mean() > dark.mean()
    with pytest.raises(ValueError, match="within 0..1"):
        light(dark, strength=2)
    with pytest.raises(ValueError, match="sr-x2 has no adjustable strength"):
        model(dark, strength=0.5)
    assert model.believe(dark) is None
    assert model.edit(dark) is None
    with pytest.raises(ValueError, match="within 0..1"):
        light.edit(dark, strength=-1)
    assert repr(model) == "<restore.Model sr-x2, fp32 on cpu>"


def test_tiles_and_the_whole_are_the_same(model: restore.Model) -> None:
    pixels = read_rgb8(sorted(Path("samples").rglob("*.jpg"))[0])[:150, :200]
    assert np.abs(model(pixels, tile=64).astype(int) - model(pixels)).max() <= 1


def test_one_model_serves_many_threads() -> None:
    """Each gets what it would have got alone: nothing of another's picture."""
    model = restore.load("sr-x2", device="cpu", precision="fp32", threads=1)
    pictures = [picture(40 + 8 * (i % 3), 60, seed=i) for i in range(12)]
    alone = [model(one) for one in pictures]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for made, wanted in zip(pool.map(model, pictures), alone, strict=True):
                np.testing.assert_array_equal(made, wanted)
