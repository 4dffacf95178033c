"""A picture through standard input and output; only the picture goes to standard output."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from restore.cli.main import main
from tests.conftest import picture, save


def run(*arguments: object, given: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["enhance", *map(str, arguments), "--device", "cpu"], input=given)


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture(20, 30)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "wanted"), [("PNG", "PNG"), ("JPEG", "JPEG"), ("TIFF", "TIFF"), ("GIF", "PNG")])
def test_through_both_streams_in_its_own_format(kind: str, wanted: str) -> None:
    result = run("-", "-", given=encoded(kind))
    assert result.exit_code == 0, result.stderr
    after = Image.open(io.BytesIO(result.stdout_bytes))
    assert (after.format, after.size) == (wanted, (60, 40))


def test_a_pipe_gives_what_files_give(tmp_path: Path) -> None:
    """In a process of its own, where standard input is no object of the test."""
    source = save(tmp_path / "a.png", picture(20, 30))
    command = [sys.executable, "-m", "restore", "enhance", "-", "-", "--device", "cpu", "--format", "webp"]
    piped = subprocess.run(command, input=source.read_bytes(), capture_output=True, check=True)
    assert run(source, tmp_path / "b.webp").exit_code == 0
    assert piped.stdout == (tmp_path / "b.webp").read_bytes()


def test_one_end_is_a_file(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png", picture(20, 30))
    out = run(source, "-", "--scale", 3)
    assert Image.open(io.BytesIO(out.stdout_bytes)).size == (90, 60)
    assert run("-", tmp_path / "b.png", given=source.read_bytes()).exit_code == 0
    assert np.asarray(Image.open(tmp_path / "b.png")).shape == (40, 60, 3)
    assert run("-", tmp_path / "b.png", given=source.read_bytes()).exit_code == 2, "it exists"


@pytest.mark.parametrize("given", [b"", b"no picture", encoded("PNG")[:200]])
def test_what_is_no_picture_fails_and_nothing_goes_out(given: bytes) -> None:
    result = run("-", "-", given=given)
    assert result.exit_code == 1
    assert result.stdout_bytes == b""
    assert "standard-input" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{d}", "-"], "give a folder for several"),
        (["{d}/a.png", "{d}/b.png", "-"], "give a folder for several"),
        (["-", "{d}/c.png", "--resume"], "--resume, --watch and --dry-run work with files"),
        (["-", "-", "--json"], "remove --json or name a file"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], says: str, tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / f"{name}.png", picture(20, 30))
    result = run(*(one.replace("{d}", str(tmp_path)) for one in arguments), given=encoded("PNG"))
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_a_terminal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True)
    result = run("-", "-")
    assert result.exit_code == 2
    assert "standard input is a terminal" in result.stderr


@pytest.mark.parametrize(("options", "wanted"), [((), "GIF"), (("--format", "webp"), "WEBP")])
def test_an_animation_through_both_streams(options: tuple[str, ...], wanted: str) -> None:
    file = io.BytesIO()
    frames = [Image.fromarray(picture(12, 16, seed=n)) for n in range(3)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    result = run("-", "-", "--frames", "all", *options, given=file.getvalue())
    assert result.exit_code == 0, result.stderr
    after = Image.open(io.BytesIO(result.stdout_bytes))
    assert (after.format, after.n_frames, after.size) == (wanted, 3, (32, 24))
