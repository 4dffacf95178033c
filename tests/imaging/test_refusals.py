"""Why a file is refused: in our words, with what the user can do."""

from __future__ import annotations

import errno
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restore.errors import ImageError
from restore.imaging import refusals
from restore.imaging.decode import read_picture
from restore.imaging.header import read_size
from scripts.audit.mutations import MUTATIONS, damaged
from scripts.audit.whole_files import whole_files
from tests.conftest import picture

THEIRS = re.compile(
    r"0x[0-9a-f]{4}|<_io|Errno|\wError\b|decoder error|index out of range|La to L|b'|Traceback|literal for int|"
    r"object at|lib(jxl|heif|tiff|png|jpeg|webp|avif)"
)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError("decoder error -2"), "its pixel data cannot be decoded"),
        (OSError("broken data stream when reading image file"), "its pixel data cannot be decoded"),
        (OSError("image file is truncated (12 bytes not processed)"), "the file ends before the picture does"),
        (EOFError("no more images in GIF file: not enough data"), "the file ends before the picture does"),
        (ValueError("Failed to decode frame 0: Truncated data"), "the file ends before the picture does"),
        (IndexError("index out of range"), "its header is wrong"),
        (OSError("codec configuration error when reading image file"), "its pixel data cannot be decoded"),
        (RuntimeError("Generic Error. Please build `libjxl` from source"), "its pixel data cannot be decoded"),
        (ValueError("Decoder plugin generated an error: Unspecified: no"), "its pixel data cannot be decoded"),
        (ValueError("maxval must be greater than 0 and less than 65536"), "its header is wrong"),
        (ValueError("invalid literal for int() with base 10: b'1x^'"), "its header is wrong"),
        (ValueError("wrong checksum in its IDAT chunk"), "wrong checksum in its IDAT chunk"),
        (ValueError("its image data end before its last row"), "its image data end before its last row"),
    ],
)
def test_what_decoders_say_is_translated(error: Exception, says: str) -> None:
    assert refusals.damaged(error) == f"damaged picture: {says}: get the file from its source again"


def test_what_is_not_supported_is_not_called_damaged() -> None:
    said = refusals.damaged(ValueError("conversion from La to L not supported"))
    assert said == "a picture of a kind that is not supported: open it in an image editor and save it again"


def test_the_unexpected_is_not_quoted() -> None:
    said = refusals.damaged(RuntimeError("cannot frobnicate <_io.BytesIO object at 0x7f735ebdd290>\n twice"))
    assert said == "damaged picture, or one of an unusual kind: open it in an image editor and save it again"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.ENOTDIR, "a file, not a folder"),
        (errno.EACCES, "no permission"),
        (errno.EIO, "the disk reports an error"),
    ],
)
def test_what_the_system_says_is_translated(code: int, says: str) -> None:
    said = refusals.unreadable(OSError(code, "their words"))
    assert said.startswith("cannot be read: ")
    assert says in said
    assert refusals.unreadable(OSError(errno.EBUSY, "Device busy")) == "cannot be read: device busy"


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    for read in (read_picture, read_size):
        with pytest.raises(ImageError, match=r"x\.png: cannot be read: a part of its path is a file, not a folder"):
            read(tmp_path / "x" / "x.png")


def test_headers_are_refused_in_our_words(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match="not a picture in a supported format") as refused:
        read_size(tmp_path / "x.png")
    assert not THEIRS.search(str(refused.value))


@pytest.mark.parametrize(
    ("marker", "bits", "says"),
    [
        (0xC1, 12, "JPEG with 12 bits per channel is not supported: save it as PNG or TIFF"),
        (0xC0, 7, "JPEG with 7 bits per channel is not supported"),
        (0xC3, 16, "lossless JPEG is not supported: save it as PNG or TIFF"),
        (0xC0, 8, "not a picture in a supported format"),
    ],
)
def test_jpeg_that_no_decoder_reads(tmp_path: Path, marker: int, bits: int, says: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture(16, 16)).save(buffer, "JPEG")
    data = bytearray(buffer.getvalue())
    at = data.index(b"\xff\xc0")
    data[at + 1], data[at + 4] = marker, bits
    if bits == 8:  # and yet not one that can be opened
        data[at + 9] = 9
    (tmp_path / "x.jpg").write_bytes(data)
    with pytest.raises(ImageError, match=says):
        read_picture(tmp_path / "x.jpg")


def test_nothing_that_pillow_logs_is_printed() -> None:
    code = "import logging, restore.imaging.header; logging.getLogger('PIL.TiffImagePlugin').error('a line of its own')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "PPM", "TGA", "JPEG2000", "WEBP", "AVIF", "TIFF"])
def test_no_words_of_a_library(tmp_path: Path, kind: str) -> None:
    """Files cut off and overwritten at several places."""
    buffer = io.BytesIO()
    Image.fromarray(picture(30, 40)).save(buffer, kind)
    data = buffer.getvalue()
    path = tmp_path / "x.bin"
    said = []
    for at in np.linspace(20, len(data) - 20, 8).astype(int):
        for changed in (data[:at], data[:at] + b"\xff" * 12 + data[at + 12 :]):
            path.write_bytes(changed)
            try:
                read_picture(path)
            except ImageError as error:
                said.append(str(error).removeprefix(f"{path}: "))
    assert said
    assert not [sentence for sentence in said if THEIRS.search(sentence)]


def test_no_words_of_a_library_in_mutated_files(tmp_path: Path) -> None:
    whole = [one.data for one in whole_files()]
    said = []
    for number in range(0, len(MUTATIONS) * len(whole), 5):
        (tmp_path / "x.bin").write_bytes(damaged(number, whole).data)
        try:
            read_picture(tmp_path / "x.bin", 10**6)
        except ImageError as error:
            said.append(str(error))
    assert len(said) > 10
    assert not [sentence for sentence in said if THEIRS.search(sentence)]
