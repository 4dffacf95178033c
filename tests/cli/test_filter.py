"""``restore filter``: formats and metadata stay, filters are applied in order, usage errors are reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from restore.cli.main import main
from restore.data.filters.library import FILTERS, find_filter
from restore.imaging.decode import read_rgb8
from tests.conftest import SAMPLES, picture, save
from tests.imaging.samples import SRGB


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["filter", *map(str, arguments)], prog_name="restore")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_folder_keeps_its_tree_formats_and_metadata(tmp_path: Path) -> None:
    result = run(SAMPLES, tmp_path / "out", "--name", "clarendon")
    assert result.exit_code == 0, result.output
    assert "3 filtered; results in" in result.output
    names = {p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*") if p.is_file()}
    pictures = {p.relative_to(SAMPLES) for p in SAMPLES.rglob("*") if p.suffix in (".jpg", ".png")}
    assert names == pictures
    for name in names:
        with Image.open(SAMPLES / name) as before, Image.open(tmp_path / "out" / name) as after:
            assert (after.size, after.format) == (before.size, before.format)
            assert after.info.get("icc_profile") == before.info.get("icc_profile")


def test_one_after_another_with_strength_and_alpha(tmp_path: Path) -> None:
    pixels = picture(40, 50)
    alpha = np.tile(np.linspace(0, 255, 50).astype(np.uint8), (40, 1))
    save(tmp_path / "x.png", np.dstack([pixels, alpha]))
    (tmp_path / "invert.cube").write_text("LUT_1D_SIZE 2\n1 1 1\n0 0 0\n")
    assert (
        run(tmp_path / "x.png", tmp_path / "y.png", "--name", "lofi", "--cube", tmp_path / "invert.cube").exit_code == 0
    )
    with Image.open(tmp_path / "y.png") as made:
        values = np.asarray(made)
    np.testing.assert_array_equal(values[..., 3], alpha)
    np.testing.assert_array_equal(values[..., :3], 255 - find_filter("lofi")(pixels))
    assert run(tmp_path / "x.png", tmp_path / "z.png", "--name", "lofi", "--strength", 0).exit_code == 0
    np.testing.assert_array_equal(read_rgb8(tmp_path / "z.png"), read_rgb8(tmp_path / "x.png"))


def test_sixteen_bits_and_gray_become_eight_bits_of_color(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "x.png"), (picture(30, 40)[..., 0].astype(np.uint16) * 257))
    assert run(tmp_path / "x.png", tmp_path / "y.png", "--name", "kelvin").exit_code == 0
    with Image.open(tmp_path / "y.png") as made:
        assert (made.mode, made.size) == ("RGB", (40, 30))


def test_what_is_lost_is_told(tmp_path: Path) -> None:
    gray_profile = SRGB[:16] + b"GRAY" + SRGB[20:]
    gray = save(tmp_path / "in/gray.png", picture(20, 30)[..., :1], icc_profile=gray_profile)
    with Image.open(gray) as first:
        first.save(tmp_path / "in/two.tif", save_all=True, append_images=[first])
    result = run(tmp_path / "in", tmp_path / "out", "--name", "kelvin")
    assert result.exit_code == 0
    assert "gray.png: gray color profile dropped" in result.output
    assert "two.tif: the file contains several pictures; only the first is used" in result.output


def test_the_list_and_the_sheet(tmp_path: Path) -> None:
    assert run("--list").output.split() == list(FILTERS)
    assert run(SAMPLES / "otters.jpg", tmp_path / "all.png", "--sheet").exit_code == 0
    assert (
        run(SAMPLES / "otters.jpg", tmp_path / "two.png", "--sheet", "--name", "aden", "--name", "rise").exit_code == 0
    )
    sizes = [read_rgb8(tmp_path / name).shape for name in ("all.png", "two.png")]
    assert sizes[0][0] * sizes[0][1] > 8 * sizes[1][0] * sizes[1][1]
    assert run(save(tmp_path / "dot.png", picture(1, 1)), tmp_path / "dots.png", "--sheet").exit_code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "no filter given: use --name or --cube"),
        (["--name", "claredon"], "did you mean 'clarendon'"),
        (["--cube", "no.cube"], "no.cube: cannot be read"),
        (["--name", "aden", "--strength", "2"], "--strength"),
        (["--name", "aden", "--strength", "nan"], "'--strength': nan is not a finite number"),
        (["--name", "aden", "--max-pixels", "inf"], "'--max-pixels': inf is not in the range"),
    ],
)
def test_wrong_use(tmp_path: Path, options: list[str], message: str) -> None:
    result = run(SAMPLES, tmp_path / "out", *options)
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten_and_a_bad_picture_is_named(tmp_path: Path) -> None:
    save(tmp_path / "in/good.png", picture(20, 30))
    (tmp_path / "in/bad.jpg").write_bytes(b"\xff\xd8\xff no")
    result = run(tmp_path / "in", tmp_path / "out", "--name", "rise")
    assert result.exit_code == 1
    assert "bad.jpg" in result.output
    assert "1 filtered, 1 failed" in result.output
    again = run(tmp_path / "in", tmp_path / "out", "--name", "aden")
    assert again.exit_code == 2
    assert "good.png already exists and is not overwritten" in again.output
