"""``restore degrade``: what is written, what is refused, and that a result depends on its picture alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image, ImageCms

from restore.cli.degrade import degrade
from restore.cli.main import main
from restore.data.degradations.presets import Preset
from restore.data.pairs import match_photos
from restore.data.sources.paired import FolderPairs
from tests.conftest import SAMPLES, picture, save

NOTHING = (
    *("--set", "first={blur: {probability: 0}, resize: {up: 0, down: 0}, noise: {probability: 0}, jpeg: {probability: 0}}"),
    *("--set", "second={blur: {probability: 0}, resize: {up: 0, down: 0, filters: [area]}, noise: {probability: 0}, jpeg: {probability: 0}}"),
    *("--set", "final={probability: 0}"),
)  # fmt: skip


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["degrade", *map(str, arguments)], prog_name="restore")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files(folder)}


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_folder_keeps_its_tree(tmp_path: Path) -> None:
    result = run(SAMPLES, tmp_path / "out", "--scale", 4)
    assert result.exit_code == 0, result.output
    assert "3 degraded; results in" in result.output
    assert files(tmp_path / "out") == {"otters.png", "holiday/casa-mila.png", "holiday/osprey.png"}
    with Image.open(SAMPLES / "otters.jpg") as before, Image.open(tmp_path / "out/otters.png") as after:
        assert (after.size, after.mode, after.format) == ((before.width // 4, before.height // 4), "RGB", "PNG")


def test_the_presets_are_those_of_the_options() -> None:
    choice = next(p for p in degrade.params if p.name == "preset").type
    assert isinstance(choice, click.Choice)
    assert tuple(choice.choices) == get_args(Preset)


def test_degrading_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from restore.cli.main import main\n"
        f"try: main(['degrade', {str(SAMPLES / 'otters.jpg')!r}, {str(tmp_path / 'x.png')!r}])\nexcept SystemExit as e: assert e.code == 0\n"
        "print(sorted({'torch', 'basicsr', 'scipy', 'onnxruntime'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_result_depends_on_seed_name_and_picture_alone(tmp_path: Path) -> None:
    save(tmp_path / "in/b.png", picture(40, 50))
    run(tmp_path / "in", tmp_path / "one")
    save(tmp_path / "in/a.png", picture(40, 50))
    run(tmp_path / "in", tmp_path / "two")
    run(tmp_path / "in", tmp_path / "three", "--seed", 1)
    one, two, three = (contents(tmp_path / name) for name in ("one", "two", "three"))
    assert two["b.png"] == one["b.png"]
    assert two["a.png"] != two["b.png"], "the same pixels under another name are degraded otherwise"
    assert not set(three.values()) & set(two.values())


def test_several_versions_are_trees_to_train_on(tmp_path: Path) -> None:
    save(tmp_path / "in/sub/a.png", picture(41, 51))
    assert run(tmp_path / "in", tmp_path / "out", "--count", 3, "--preset", "light").exit_code == 0
    made = contents(tmp_path / "out")
    assert set(made) == {f"{n}/sub/a.png" for n in (1, 2, 3)}
    assert len(set(made.values())) == 3
    pairs = FolderPairs(match_photos(tmp_path / "out/2", tmp_path / "in"), patch=8, seed=0)
    assert pairs.scale == 2


def test_options_and_their_order(tmp_path: Path) -> None:
    """A change beats the file, the file its preset; with everything off, what is left is the mean of 2 x 2 pixels."""
    high = picture(40, 50)
    source = save(tmp_path / "a.png", high)
    (tmp_path / "d.yaml").write_text("preset: light\nfinal: {probability: 1, filters: [area]}\n")
    result = run(
        source, tmp_path / "b.png", "--recipe", tmp_path / "d.yaml", *NOTHING[:4], "--set", "final.probability=0"
    )
    assert result.exit_code == 0, result.output
    wanted = high.reshape(20, 2, 25, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(read(tmp_path / "b.png"), wanted, atol=0.51)
    assert run(source, tmp_path / "c.png", "--recipe", tmp_path / "d.yaml").exit_code == 0
    assert run(source, tmp_path / "d.png", "--preset", "light").exit_code == 0
    assert not np.array_equal(read(tmp_path / "c.png"), read(tmp_path / "d.png"))


def test_a_sheet_of_patches(tmp_path: Path) -> None:
    """Low, enlarged by nearest neighbor, on the left of high: with nothing done, the means of its pixels."""
    source = save(tmp_path / "a.png", picture(100, 120))
    result = run(source, tmp_path / "b.png", "--patches", 5, "--patch", 16, *NOTHING, "--set", "final.filters=[area]")
    assert result.exit_code == 0, result.output
    sheet = read(tmp_path / "b.png")
    side, gap = 32, 8
    assert sheet.shape == (gap + 3 * (side + gap), gap + 4 * (side + gap), 3)
    for number in range(5):
        top, left = gap + number // 2 * (side + gap), gap + number % 2 * 2 * (side + gap)
        low = sheet[top : top + side, left : left + side]
        high = sheet[top : top + side, left + side + gap : left + 2 * side + gap]
        np.testing.assert_array_equal(low, low[::2, ::2].repeat(2, axis=0).repeat(2, axis=1))
        np.testing.assert_allclose(low[::2, ::2], high.reshape(16, 2, 16, 2, 3).mean(axis=(1, 3)), atol=0.51)
        assert high.std() > 5
    assert (sheet[-side - gap :, -side - gap :] == 255).all(), "the sixth place is empty"


def test_gray_deep_clear_and_profiled_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    save(folder / "gray.png", picture(20, 30, channels=1))
    save(folder / "clear.png", picture(20, 30, channels=4))
    Image.fromarray(picture(20, 30, channels=1)[..., 0].astype(np.uint16) * 257).save(folder / "deep.png")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(20, 30)).save(folder / "turned.jpg", icc_profile=profile, exif=exif)
    assert run(folder, tmp_path / "out", *NOTHING, "--set", "final.filters=[area]").exit_code == 0
    for name in ("gray", "clear", "deep"):
        assert read(tmp_path / f"out/{name}.png").shape == (10, 15, 3)
    with Image.open(tmp_path / "out/turned.png") as turned:
        assert turned.size == (10, 15)
        assert turned.info["icc_profile"] == profile
        assert not turned.getexif()
    wanted = picture(20, 30, channels=1).reshape(10, 2, 15, 2).mean(axis=(1, 3))
    for name in ("gray", "deep"):
        np.testing.assert_allclose(read(tmp_path / f"out/{name}.png")[..., 1], wanted, atol=0.51)


def test_bad_pictures_are_named_and_the_rest_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    save(folder / "good.png", picture(40, 50))
    save(folder / "tiny.png", picture(3, 50))
    (folder / "broken.png").write_bytes(b"\x89PNG no")
    result = run(folder, tmp_path / "out", "--scale", 4, "--count", 2)
    assert result.exit_code == 1
    assert result.output.count(f"failed: {folder / 'broken.png'}: ") == 1
    assert f"failed: {folder / 'tiny.png'}: 50 x 3 pixels are too few for --scale 4" in result.output
    assert "1 degraded, 2 failed" in result.output
    assert files(tmp_path / "out") == {"1/good.png", "2/good.png"}
    result = run(folder / "good.png", tmp_path / "x.png", "--patches", 2)
    assert result.exit_code == 1
    assert "50 x 40 pixels are smaller than one patch (96 x 96): choose a smaller --patch" in result.output
    result = run(folder / "good.png", tmp_path / "x.png", "--max-pixels", 0.001)
    assert result.exit_code == 1
    assert "--max-pixels" in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{d}/none", "{d}/out"], "no such file or folder"),
        (["{d}/in", "{d}/in/out"], "inside the input folder"),
        (["{d}/in", "{d}/in"], "is the input folder"),
        (["{d}/in", "{d}/in", "--count", "2"], "inside the input folder"),
        (["{d}/in/a.png", "{d}/in/a.png"], "originals are never overwritten"),
        (["{d}/in", "{d}/there"], "there/a.png already exists and is not overwritten: choose another output"),
        (["{d}/in/a.png", "{d}/there/a.png"], "already exists"),
        (["{d}/in/a.png", "{d}/b.png", "--count", "2"], "--count 2 makes several pictures, but {d}/b.png is a single file"),
        (["{d}/in/a.png", "{d}/b.gif"], "cannot write '.gif'"),
        (["{d}/in", "{d}/out", "--name", "{{model}}"], "remove {{model}}"),
        (["{d}/in", "{d}/out", "--preset", "light", "--recipe", "{d}/bad.yaml"], "exclude each other"),
        (["{d}/in", "{d}/out", "--preset", "strong"], "'realesrgan', 'light', 'web'"),
        (["{d}/in", "{d}/out", "--recipe", "{d}/none.yaml"], "none.yaml: cannot read the recipe"),
        (["{d}/in", "{d}/out", "--recipe", "{d}/bad.yaml"], "bad.yaml, line 3: unknown option 'first.jpge'; did you mean 'jpeg'?"),
        (["{d}/in", "{d}/out", "--set", "first.blur.sigm=[1,2]"], "--set first.blur.sigm=[1,2]: unknown option 'first.blur.sigm'; did you mean 'sigma'?"),
        (["{d}/in", "{d}/out", "--set", "first.blur.sigma=[2,1]"], "'first.blur.sigma': a range goes from the smaller"),
        (["{d}/in", "{d}/out", "--set", "first"], "for example --set second.jpeg.quality=[40,90]"),
    ],
)  # fmt: skip
def test_wrong_use_exits_with_2_and_writes_nothing(tmp_path: Path, arguments: list[str], says: str) -> None:
    save(tmp_path / "in/a.png", picture(20, 20))
    save(tmp_path / "there/a.png", picture(9, 9))
    (tmp_path / "bad.yaml").write_text("preset: light\nfirst:\n  jpge: {quality: [50, 60]}\n")
    before = contents(tmp_path)
    result = run(*[a.format(d=tmp_path) for a in arguments])
    assert result.exit_code == 2, result.output
    assert says.format(d=tmp_path) in result.output
    assert contents(tmp_path) == before


def test_a_name_for_pictures_that_would_clash(tmp_path: Path) -> None:
    save(tmp_path / "in/a.png", picture(20, 20))
    save(tmp_path / "in/a.jpg", picture(20, 20))
    result = run(tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 2
    assert "--name '{stem}-{ext}'" in result.output
    assert run(tmp_path / "in", tmp_path / "out", "--name", "{stem}-{ext}-x{scale}").exit_code == 0
    assert files(tmp_path / "out") == {"a-png-x2.png", "a-jpg-x2.png"}
