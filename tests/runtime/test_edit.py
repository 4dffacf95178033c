"""A model that tells its edit: from file to table, preset and report; the table gives the model's result."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from PIL import Image

import restore
from restore.cli.main import main
from restore.data.filters.cube import cube_grid, read_cube, write_cube
from restore.edits import CUBE_ERROR, CUBE_SIZES, edit_cube, edit_preset
from restore.errors import FilterError, ModelError
from restore.export.to_onnx import to_onnx
from restore.imaging.metadata import xmp
from restore.imaging.metadata.xmp import RDF
from restore.networks.edits import Edits
from restore.runtime.edit import Edit
from restore.runtime.model import open_model
from restore.runtime.stream import enhance_pixels
from restore.spec import EDIT_CURVE, ModelSpec
from restore.verify.run import verify_file
from tests.cli.test_enhance import inside
from tests.conftest import picture, save

CRS = "http://ns.adobe.com/camera-raw-settings/1.0/"
FACTS = {"name": "looks", "network": "edits", "parameters": 1, "licence": "MIT", "data": "none", "made_with": "a test"}
Levels = NDArray[np.uint8]


def network() -> Edits:
    torch.manual_seed(1)
    made = Edits(thumbnail=32, width=8, code=6, hidden=8)
    with torch.no_grad():
        for parameter in made.estimate[2].parameters():
            parameter.mul_(20)
    return made.eval()


def spec(**more: object) -> ModelSpec:
    return ModelSpec(scale=1, halo=0, context=32, thumbnail="middle", strength=True, edit=9, **FACTS, **more)


@pytest.fixture(scope="module")
def exported() -> bytes:
    return to_onnx(network(), spec()).SerializeToString()


@pytest.fixture
def file(exported: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "looks.onnx"
    path.write_bytes(exported)
    return path


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def edit(**changed: object) -> Edit:
    line = tuple(np.linspace(0, 1, 9).tolist())
    said = {"balance": (1.0, 1.0, 1.0), "exposure": 0.0, "saturation": 1.0, "curves": (line, line, line)}
    return Edit(**{**said, **changed})


def trilinear(pixels: Levels, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """A lookup table (blue, green, red) written down once more: the eight corners around a color, by their shares."""
    places = pixels / 255 * (len(table) - 1)
    below = np.minimum(places.astype(int), len(table) - 2)
    share = places - below
    made = np.zeros(pixels.shape)
    for corner in np.ndindex(2, 2, 2):
        red, green, blue = (below[..., i] + corner[i] for i in range(3))
        weight = np.prod([share[..., i] if corner[i] else 1 - share[..., i] for i in range(3)], axis=0)
        made += weight[..., None] * table[blue, green, red]
    return made


def entries(cube: bytes) -> NDArray[np.float64]:
    """The numbers in a .cube file, as an array by blue, green and red."""
    lines = [line.split() for line in cube.decode("ascii").splitlines()]
    (size,) = (int(words[1]) for words in lines if words[0] == "LUT_3D_SIZE")
    rows = [list(map(float, words)) for words in lines if words[0] not in ("LUT_3D_SIZE", "TITLE")]
    return np.array(rows).reshape(size, size, size, 3)


def colors() -> Levels:
    """A picture with all kinds of colors: a photograph-like one above noise."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    return np.concatenate([picture(40, 60), noise])


def test_the_table_applied_by_others_gives_the_models_result(file: Path, tmp_path: Path) -> None:
    save(tmp_path / "in/a.png", colors())
    code, told = run("edits", tmp_path / "in", tmp_path / "looks", "--model", file)
    assert code == 0, told
    model = open_model(file, "cpu")
    wanted = enhance_pixels(colors(), model, model.spec).astype(int)
    assert np.abs(wanted - colors()).mean() > 4, "it does something"
    cube = tmp_path / "looks/a.cube"
    made = np.round(255 * trilinear(colors(), entries(cube.read_bytes())).clip(0, 1))
    assert np.abs(made - wanted).max() <= 2
    assert np.abs(read_cube(cube)(colors()) - wanted).max() <= 2  # Pillow's
    assert "exposure" in told


# Curves of 9 points; the bends of the second are sharp, and its toe is steep.
GENTLE = tuple((np.linspace(0, 1, 9) ** 1.2).tolist())
STEEP = tuple(np.cumsum([-0.02, 0.26, 0.12, 0.15, 0.1, 0.12, 0.1, 0.09, 0.08]).tolist())


@pytest.mark.parametrize(
    ("changed", "size"),
    [
        ({"curves": (GENTLE,) * 3, "saturation": 1.2, "exposure": -0.3}, 33),
        ({"curves": (GENTLE,) * 3, "saturation": 2.1, "exposure": 0.4}, 33),
        ({"curves": (STEEP,) * 3, "exposure": 0.6, "balance": (1.2, 1.0, 1 / 1.2)}, 65),
    ],
)
def test_a_table_is_as_large_as_its_edit_needs(changed: dict[str, object], size: int) -> None:
    """By interpolation written down here, of every level of each channel and of random colors."""
    known = edit(**changed)
    ramps = np.concatenate([np.arange(256)[:, None] * np.array(axis) for axis in np.ndindex(2, 2, 2)]).astype(np.uint8)
    pixels = np.concatenate([ramps, colors().reshape(-1, 3)])
    cube, most = edit_cube(known, "a")
    assert len(entries(cube)) == size
    wanted = 255 * known.apply(pixels / 255)
    error = np.abs(255 * trilinear(pixels, entries(cube)) - wanted).max()
    assert error <= most + 1e-3 <= CUBE_ERROR + 1e-3
    assert error > 0.3 * most, "what is said is not far from what is"


def test_a_table_that_cannot_follow_its_edit_says_so(
    monkeypatch: pytest.MonkeyPatch, file: Path, tmp_path: Path
) -> None:
    steep = edit(curves=(STEEP,) * 3, saturation=3.0, exposure=3.0)
    cube, most = edit_cube(steep, "a")
    assert len(entries(cube)) == CUBE_SIZES[-1]
    assert most > 2
    monkeypatch.setattr("restore.runtime.model.Model.edit_of", lambda *_: steep)
    save(tmp_path / "a.png", colors())
    code, told = run("edits", tmp_path / "a.png", tmp_path / "looks", "--model", file)
    assert code == 0, told
    assert f"a.png: the edit is so steep that its table can be {most:.1f} levels off" in " ".join(told.split())


def ffmpeg() -> str:
    """That of the package, which has all filters; a system's own may be built without some."""
    return pytest.importorskip("imageio_ffmpeg", reason="no imageio-ffmpeg: pip install '.[dev]'").get_ffmpeg_exe()


PAGE = (Path(__file__).parents[2] / "docs/methods/edits.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("filters", re.findall(r"^    ffmpeg .* -vf (\S+) ", PAGE, re.MULTILINE))
def test_ffmpeg_gives_it_too_by_the_commands_on_the_page(filters: str, file: Path, tmp_path: Path) -> None:
    save(tmp_path / "photo.png", colors())
    assert run("edits", tmp_path / "photo.png", tmp_path / "looks", "--model", file)[0] == 0
    command = [ffmpeg(), "-v", "error", "-i", "photo.png", "-vf", filters, "out.png"]
    subprocess.run(command, check=True, cwd=tmp_path)
    model = open_model(file, "cpu")
    wanted = enhance_pixels(colors(), model, model.spec).astype(int)
    most = 1 if "zscale" in filters else 2
    assert np.abs(np.asarray(Image.open(tmp_path / "out.png")) - wanted).max() <= most


def test_no_edit_is_the_identity_in_every_form() -> None:
    assert np.array_equal(read_cube_bytes(edit_cube(edit(), "none")[0])(colors()), colors())
    preset = xmp.parse(edit_preset(edit(), "none"))
    assert preset.values((CRS, "Saturation")) == ["0"]
    for channel in ("", "Red", "Green", "Blue"):
        points = curve(preset, channel)
        assert [after for _, after in points] == [before for before, _ in points]


def read_cube_bytes(data: bytes) -> object:
    table = entries(data)
    return lambda pixels: np.round(255 * trilinear(pixels, table)).astype(np.uint8)


def curve(preset: xmp.Packet, channel: str) -> list[tuple[int, int]]:
    (found,) = (element for element in preset if element.name == (CRS, f"ToneCurvePV2012{channel}"))
    (listed,) = found.elements
    assert listed.name == (RDF, "Seq")
    return [tuple(map(int, point.text.split(", "))) for point in listed.elements]


def test_a_preset_says_by_curves_what_happens_to_grays() -> None:
    bent = tuple((1.1 * np.linspace(0, 1, EDIT_CURVE) ** 0.8 - 0.1).tolist())  # clips at both ends
    known = edit(balance=(1.1, 1.0, 1 / 1.1), exposure=0.3, saturation=1.25, curves=(bent, bent, bent))
    preset = xmp.parse(edit_preset(known, "a & <b>"))
    assert preset.values((CRS, "Saturation")) == ["+25"]
    assert preset.values((CRS, "ProcessVersion")) == ["11.0"]
    assert preset.values((RDF, "li"))[0] == "a & <b>"
    grays = np.arange(256)[:, None].repeat(3, 1) / 255
    plain = replace(known, saturation=1.0)
    wanted = 255 * plain.apply(grays).clip(0, 1)
    for i, channel in enumerate(("Red", "Green", "Blue")):
        points = curve(preset, channel)
        assert (points[0][0], points[-1][0]) == (0, 255)
        assert len(points) <= 16
        made = np.interp(np.arange(256), *zip(*points, strict=True))
        assert np.abs(made - wanted[:, i]).max() <= 1.5
    assert edit_preset(known, "x") == edit_preset(known, "x")
    assert xmp.parse(edit_preset(edit(saturation=3.0), "x")).values((CRS, "Saturation")) == ["+100"]


def test_the_numbers_in_all_reports(file: Path, tmp_path: Path) -> None:
    for seed in range(2):
        save(tmp_path / f"in/{seed}.png", picture(30, 40, seed=seed))
    model = restore.load(file, device="cpu")
    wanted = [model.edit(picture(30, 40, seed=seed), strength=0.5) for seed in range(2)]
    assert wanted[0] != wanted[1]
    assert wanted[0] != model.edit(picture(30, 40))
    at_half = ("--model", file, "--strength", 0.5)
    code, told = run("edits", tmp_path / "in", tmp_path / "looks", *at_half, "--json")
    assert code == 0, told
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert lines == [{"source": f"{seed}.png", **one} for seed, one in enumerate(wanted)]
    for form in ("json", "csv", "html"):
        report = tmp_path / f"r.{form}"
        code, _, said = inside(tmp_path / "in", tmp_path / f"out-{form}", "--report", report, *at_half)
        assert code == 0, said
    rows = [json.loads(row["edit"]) for row in csv.DictReader((tmp_path / "r.csv").open(encoding="utf-8"))]
    assert rows == [one["edit"] for one in json.loads((tmp_path / "r.json").read_text())["pictures"]] == wanted
    assert "gain of the white balance" in (tmp_path / "r.html").read_text()


def test_what_is_wrong_is_said_and_nothing_is_written(file: Path, tmp_path: Path) -> None:
    save(tmp_path / "in/a.png", picture(30, 40))
    out = tmp_path / "looks"
    assert "its change is no edit in numbers" in refused(tmp_path / "in", out, "--model", "backlit")
    assert "give a folder" in refused(tmp_path / "in/a.png", tmp_path / "a.cube", "--model", file)
    assert not out.exists()
    assert run("edits", tmp_path / "in", out, "--model", file)[0] == 0
    assert "already exists" in refused(tmp_path / "in", out, "--model", file)
    (tmp_path / "in/b.png").write_bytes(b"no picture")
    code, told = run("edits", tmp_path / "in", tmp_path / "again", "--model", file)
    assert code == 1
    assert "failed" in told
    assert [path.name for path in sorted((tmp_path / "again").iterdir())] == ["a.cube", "a.xmp"]


def refused(*arguments: object) -> str:
    code, told = run("edits", *arguments)
    assert code == 2, told
    return told


def test_a_file_whose_edit_is_not_its_output_is_refused(file: Path) -> None:
    wrong = onnx.load(file)
    del wrong.metadata_props[:]
    for key, value in spec().but(edit=8).metadata().items():
        wrong.metadata_props.add(key=key, value=value)
    onnx.save(wrong, file)
    with pytest.raises(ModelError, match="an edit by curves of 8 points, which does not match its outputs"):
        open_model(file, "cpu")


def test_an_edit_that_is_not_what_the_model_does_is_caught(file: Path) -> None:
    assert {check.name: check.passed for check in verify_file(file)}["edit"]
    wrong = onnx.load(file)
    for node in wrong.graph.node:
        node.output[:] = ["was" if name == "edit" else name for name in node.output]
    wrong.graph.initializer.append(numpy_helper.from_array(np.array(1.01, np.float32), "more"))
    wrong.graph.node.append(helper.make_node("Mul", ["was", "more"], ["edit"]))
    onnx.save(wrong, file)
    (check,) = [one for one in verify_file(file) if one.name == "edit"]
    assert not check.passed


def test_an_edit_needs_what_makes_it_one() -> None:
    for facts in ({"context": 0}, {"scale": 2, "context": 32}, {"low": -1.0, "context": 32}):
        with pytest.raises(ValueError, match="edit needs a thumbnail"):
            ModelSpec(**{"scale": 1, "halo": 0, "edit": 9, **facts})
    with pytest.raises(ValueError, match="at least 2 points"):
        ModelSpec(scale=1, halo=0, context=32, edit=1)


def test_tables_are_read_as_they_were_written(tmp_path: Path) -> None:
    grid = cube_grid(CUBE_SIZES[0])
    assert np.array_equal(grid[0, 0, -1], [1, 0, 0])  # red varies fastest
    path = tmp_path / "a.cube"
    path.write_bytes(write_cube(grid[..., ::-1], 'a "look"\nLUT_3D_SIZE 2 é'))
    assert path.read_text().splitlines()[0] == 'TITLE "a _look__LUT_3D_SIZE 2 _"'
    assert np.abs(read_cube(path)(colors()).astype(int) - colors()[..., ::-1]).max() <= 1
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(FilterError, match="35936 entries"):
        read_cube(path)
