"""GIF: frames smaller than their canvas, comments and profiles."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restore.imaging.decode import read_picture
from restore.imaging.encode import encode, lost
from tests.imaging.gif_files import COLORS, extension, frame, gif, transparent
from tests.imaging.samples import SRGB, XMP


def written(folder: Path, data: bytes) -> Path:
    path = folder / "x.gif"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("box", [(0, 0, 2, 3), (1, 2, 2, 3), (2, 3, 2, 3), (0, 5, 4, 1), (3, 0, 1, 6)])
@pytest.mark.parametrize("clear", [None, 0, 1])
def test_what_the_frame_does_not_cover_is_transparent(
    tmp_path: Path, box: tuple[int, int, int, int], clear: int | None
) -> None:
    left, top, width, height = box
    indices = np.arange(width * height) % 3
    before = b"" if clear is None else transparent(clear)
    read = read_picture(written(tmp_path, gif(before, frame(indices.tolist(), box))))
    inside = np.s_[top : top + height, left : left + width]
    wanted = np.zeros((6, 4), np.uint8)
    wanted[inside] = np.where(indices == clear, 0, 255).reshape(height, width)
    np.testing.assert_array_equal(read.alpha, wanted)
    shown = COLORS[indices].reshape(height, width, 3)
    np.testing.assert_array_equal(read.pixels[inside][wanted[inside] > 0], shown[wanted[inside] > 0])
    assert read.notes == ()


@pytest.mark.parametrize("box", [(0, 0, 4, 6), (0, 0, 5, 7)])
def test_a_frame_that_covers_the_canvas_needs_no_alpha(tmp_path: Path, box: tuple[int, int, int, int]) -> None:
    read = read_picture(written(tmp_path, gif(frame([0] * (box[2] * box[3]), box))))
    assert read.alpha is None
    assert read.size == (box[3], box[2])


@pytest.mark.parametrize("after", [b"", b",", b"!", b"!\xf9", b",\0\0\0\0\4\0\6\0", b"!\xfe\xff", b"garbage"])
def test_a_damaged_second_frame_costs_only_itself(tmp_path: Path, after: bytes) -> None:
    read = read_picture(written(tmp_path, gif(frame([1] * 24, (0, 0, 4, 6)), after)[:-1]))
    assert (read.pixels == COLORS[1]).all()


def test_stray_bytes_before_the_frame(tmp_path: Path) -> None:
    read = read_picture(written(tmp_path, gif(b"\0\x99\0", frame([1] * 6, (0, 0, 2, 3)))))
    np.testing.assert_array_equal(np.argwhere(read.alpha), [(y, x) for y in range(3) for x in range(2)])


def test_several_frames_are_noted(tmp_path: Path) -> None:
    one = frame([1] * 24, (0, 0, 4, 6))
    assert read_picture(written(tmp_path, gif(one))).notes == ()
    read = read_picture(written(tmp_path, gif(one, transparent(2), one)))
    assert read.notes == ("the file contains several pictures; only the first is used",)


def test_metadata(tmp_path: Path) -> None:
    trailer = bytes([1, *range(255, -1, -1)])
    blocks = [SRGB[i : i + 255] for i in range(0, len(SRGB), 255)]
    read = read_picture(
        written(
            tmp_path,
            gif(
                extension(0xFE, b"by ", "Jürgen".encode()),
                extension(0xFF, b"XMP DataXMP")[:-1] + XMP + trailer + b"\0",
                extension(0xFF, b"ICCRGBG1012", *blocks),
                frame([1] * 24, (0, 0, 4, 6)),
                extension(0xFE, b"caf\xe9"),
            ),
        )
    )
    assert [(one.keyword, one.value) for one in read.png_text] == [("Comment", "by Jürgen"), ("Comment", "café")]
    assert read.icc == SRGB
    assert read.xmp is not None
    assert b"<dc:creator>Somebody</dc:creator>" in read.xmp
    assert read.size == (4, 6)  # turned by the XMP
    assert lost(read, ".png") == ()
    with Image.open(io.BytesIO(encode(read, ".png"))) as image:
        image.load()
        assert (image.text["Comment"], image.info["icc_profile"]) == ("café", SRGB)


def test_a_long_comment_is_read_in_a_moment(tmp_path: Path) -> None:
    blocks = [b"x" * 255] * 4000
    read = read_picture(written(tmp_path, gif(extension(0xFE, *blocks), frame([1] * 24, (0, 0, 4, 6)))))
    assert len(read.png_text[0].value) == 255 * 4000
