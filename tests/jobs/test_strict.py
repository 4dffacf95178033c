"""With --strict, a picture that is damaged gives no result, however much of it can be read."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from restore.errors import ImageError
from restore.jobs import codec
from restore.jobs.options import PictureOptions
from restore.jobs.sizing import TargetSize
from tests.imaging.animation_files import saved, scene
from tests.imaging.png_files import png
from tests.jobs.test_animation import ALL, work

STRICT = PictureOptions(strict=True)
# A TGA file of 4 x 2 pixels whose second run is too long.
DAMAGED = struct.pack("<BBBHHBHHHHBB", 0, 0, 10, 0, 0, 0, 0, 0, 4, 2, 24, 0) + b"\x83\1\2\3\x8f\4\5\6"


def test_a_damaged_picture_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "x.tga").write_bytes(DAMAGED)
    assert codec.decode(tmp_path / "x.tga", PictureOptions()).notes[0].startswith("damaged: its last run")
    with pytest.raises(ImageError, match=r"^damaged: its last run .* source again, or leave out --strict"):
        codec.decode(tmp_path / "x.tga", STRICT)
    (outcome,) = work(tmp_path / "x.tga", tmp_path / "out", options=STRICT)
    assert outcome.status == "failed"
    assert not list((tmp_path / "out").rglob("*.png"))


def test_sound_pictures_with_other_notes_are_not(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(
        png([bytes(6)] * 2, 2, chunks=[(b"gAMA", b"\0\0\xb1\x8f")], damaged=frozenset({b"gAMA"}))
    )
    picture = codec.decode(tmp_path / "x.png", STRICT)
    assert picture.notes == ("damaged gAMA chunk dropped",)


@pytest.mark.parametrize("side", [48, 10])
def test_an_animation_that_breaks_off_is_rejected(tmp_path: Path, side: int) -> None:
    """Also where nothing has to be enhanced."""
    data = saved(scene(), "WEBP")
    (tmp_path / "x.webp").write_bytes(data[: len(data) * 3 // 4])
    size = TargetSize(min_side=side)
    (outcome,) = work(tmp_path / "x.webp", tmp_path / "out", options=replace(ALL, strict=True), size=size)
    assert outcome.status == "failed"
    assert outcome.error.startswith("damaged: ")
    (outcome,) = work(tmp_path / "x.webp", tmp_path / "out", options=ALL, size=size)
    assert outcome.status == "enhanced"
    assert "; damaged: " in outcome.note
