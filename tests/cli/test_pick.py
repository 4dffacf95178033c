"""``restore pick``: the worst first, and nothing stops it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from restore.cli.main import main
from restore.evaluation import rank
from restore.imaging.decode import read_rgb8
from restore.metrics.niqe import niqe
from tests.conftest import SAMPLES, picture, save


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["pick", *(str(a) for a in arguments)], prog_name="restore")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A photograph, and the same less and less sharp, in names that do not tell."""
    photo = read_rgb8(next(SAMPLES.glob("*.jpg")))
    for name, sigma in {"b": 0, "sub/c": 1.2, "a": 2, "sub/deep/d": 3}.items():
        save(tmp_path / "in" / f"{name}.png", cv2.GaussianBlur(photo, (0, 0), sigma) if sigma else photo)
    (tmp_path / "in/notes.txt").write_text("no")
    return tmp_path / "in"


def test_the_worst_come_first(folder: Path) -> None:
    result = run(folder, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [one["picture"] for one in found["pictures"]] == ["sub/deep/d.png", "a.png", "sub/c.png", "b.png"]
    for one in found["pictures"]:
        assert one["score"] == niqe(read_rgb8(folder / one["picture"]))
    assert (found["measured"], found["failed"], found["left_out"]) == (4, [], [])
    assert found["higher_is_better"] is False


def test_as_a_table_and_the_worst_alone(folder: Path) -> None:
    lines = run(folder, "--worst", 2).stdout.splitlines()
    assert lines[0].endswith("lower is better; 2 of 4 pictures, worst first")
    assert [line.split()[1] for line in lines[1:]] == ["sub/deep/d.png", "a.png"]
    assert float(lines[1].split()[0]) == pytest.approx(niqe(read_rgb8(folder / "sub/deep/d.png")), abs=0.006)
    assert len(json.loads(run(folder, "--worst", 2, "--json").stdout)["pictures"]) == 2
    assert len(run(folder).stdout.splitlines()) == 5


def test_a_broken_file_is_named_and_does_not_stop_it(folder: Path) -> None:
    (folder / "aa.jpg").write_bytes(b"\xff\xd8\xff broken")
    save(folder / "small.png", picture(50, 60))
    result = run(folder, "--json", "--workers", 1)
    assert result.exit_code == 1
    assert "failed: aa.jpg: " in result.stderr
    assert "left out: small.png: NIQE needs two blocks of 96 x 96 pixels, but 60 x 50 has fewer" in result.stderr
    found = json.loads(result.stdout)
    assert len(found["pictures"]) == 4
    assert [one["picture"] for one in found["failed"]] == ["aa.jpg"]
    assert [one["picture"] for one in found["left_out"]] == ["small.png"]


def test_small_pictures_are_no_failure_unless_there_is_nothing_else(folder: Path, tmp_path: Path) -> None:
    save(folder / "small.png", picture(50, 60))
    assert run(folder).exit_code == 0
    save(tmp_path / "icons/small.png", picture(50, 60))
    assert run(tmp_path / "icons").exit_code == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no control characters in a name")
def test_names_of_control_characters_do_not_reach_the_terminal(folder: Path) -> None:
    (folder / "a.png").rename(folder / "a\x1b[31m.png")
    (folder / "x\x1b[31m.png").write_bytes(b"no")
    result = run(folder)
    assert "\x1b" not in result.output
    assert r"a\x1b[31m.png" in result.stdout


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "sub").chmod(0)
    try:
        result = run(folder)
    finally:
        (folder / "sub").chmod(0o755)
    assert result.exit_code == 1
    assert "sub: the folder cannot be read" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{d}/none"], "no such folder"),
        (["{d}/empty"], "no pictures in this folder"),
        (["{d}", "--metric", "psnr"], "psnr cannot rate a picture by itself; choose from niqe"),
        (["{d}", "--metric", "nique"], "Did you mean 'niqe'?"),
        (["{d}", "--worst", "0"], "Invalid value for '--worst'"),
    ],
)
def test_wrong_use(folder: Path, arguments: list[str], says: str) -> None:
    (folder / "empty").mkdir()
    result = run(*(a.format(d=folder) for a in arguments))
    assert result.exit_code == 2
    assert says in result.output


def test_too_large_a_picture_is_refused_before_it_is_decoded(folder: Path) -> None:
    result = run(folder, "--max-pixels", 0.05)
    assert result.exit_code == 1
    assert "--max-pixels" in result.stderr


def test_pictures_that_memory_does_not_hold_together_are_judged_one_by_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, lock, judge = 0, 0, threading.Lock(), rank._judge

    def counting(*arguments: object) -> object:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        found = judge(*arguments)
        with lock:
            running -= 1
        return found

    monkeypatch.setattr(rank, "_judge", counting)
    assert run(folder, "--workers", 4).exit_code == 0
    assert most > 1
    pixels = read_rgb8(folder / "b.png").size // 3
    monkeypatch.setattr(rank, "_BYTES_A_PIXEL", 2**30 // pixels)
    most = 0
    assert run(folder, "--workers", 4).exit_code == 0
    assert most == 1


def test_gray_and_16_bits_are_judged_as_8_bits(folder: Path, tmp_path: Path) -> None:
    photo = read_rgb8(folder / "b.png")
    (tmp_path / "deep").mkdir()
    cv2.imwrite(str(tmp_path / "deep/b.png"), photo[..., ::-1].astype(np.uint16) * 257)
    found = json.loads(run(tmp_path / "deep", "--json").stdout)
    assert found["pictures"][0]["score"] == niqe(photo)


def test_it_needs_no_torch(folder: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['scipy'] = None\nfrom restore.cli.main import main\n"
        f"main(['pick', {str(folder)!r}])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
