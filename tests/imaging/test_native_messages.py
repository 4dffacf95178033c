"""Lines that C libraries print about a damaged file come as notes on that file, and nothing else is held back."""

from __future__ import annotations

import ctypes
import io
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restore.imaging import damage, native_messages
from restore.imaging.decode import read_picture
from restore.imaging.native_messages import heard
from tests.conftest import picture

pytestmark = pytest.mark.skipif(native_messages._log() is None, reason="C's stderr is a constant on this system")
SAMPLES = picture(120, 160)


def _jpeg(damaged: bool = False, stray: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(SAMPLES).save(buffer, "JPEG", quality=95)
    data = bytearray(buffer.getvalue())
    if damaged:
        data[len(data) // 2 : len(data) // 2 + 2] = b"\xff\xd5"  # a restart marker where none can be
    return bytes(data[:-2]) + stray + b"\xff\xd9"


def _c_prints(line: bytes) -> None:
    libc = ctypes.CDLL(None)
    name = "stderr" if sys.platform == "linux" else "__stderrp"
    libc.fputs(line, ctypes.c_void_p.in_dll(libc, name))


def test_a_damaged_jpeg_is_told_of_and_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.jpg").write_bytes(_jpeg(damaged=True))
    read = read_picture(tmp_path / "x.jpg")
    assert read.size == (120, 160)
    (note,) = read.notes
    assert note.startswith("damaged: ")
    assert "JPEG data" in note
    assert capfd.readouterr().err == ""


def test_bytes_behind_the_last_row_are_no_damage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Some phones write them; libjpeg complains."""
    (tmp_path / "x.jpg").write_bytes(_jpeg(stray=bytes(40)))
    read = read_picture(tmp_path / "x.jpg")
    assert read.notes == ()
    assert np.abs(read.pixels.astype(int) - SAMPLES).mean() < 10
    assert capfd.readouterr().err == ""


def test_notes_belong_to_their_file_whichever_thread_decodes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    paths = []
    for n in range(48):
        path = tmp_path / f"{n}.jpg"
        path.write_bytes(_jpeg(damaged=n % 3 == 0))
        paths.append(path)
    with ThreadPoolExecutor(6) as pool:
        read = list(pool.map(read_picture, paths))
    assert [len(picture.notes) for picture in read] == [int(n % 3 == 0) for n in range(48)]
    assert capfd.readouterr().err == ""


def test_what_others_print_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        _c_prints(b"some driver: hello\n")
        _c_prints(b"Corrupt JPEG data: bad Huffman code\n")
        return 7

    assert heard(work, damage.is_known) == (7, ["Corrupt JPEG data: bad Huffman code"])
    assert "some driver: hello" in capfd.readouterr().err
    _c_prints(b"after\n")
    assert capfd.readouterr().err == "after\n"
    assert heard(lambda: _c_prints(b"Corrupt JPEG data: bad Huffman code\n"), damage.is_known)[1]
    assert capfd.readouterr().err == "", "what was passed on is not passed on again"


def test_pythons_own_error_output_is_not_touched(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        sys.stderr.write("progress\n")
        os.write(2, b"crash\n")

    assert heard(work, damage.is_known) == (None, [])
    assert capfd.readouterr().err == "progress\ncrash\n"


def test_an_error_ends_the_listening(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        _c_prints(b"Fax4Decode: Bad code word at line 1 of strip 0 (x 8).\n")
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        heard(work, damage.is_known)
    _c_prints(b"after\n")
    assert capfd.readouterr().err == "after\n"
    assert heard(lambda: 3, damage.is_known) == (3, [])


def test_without_the_variable_the_work_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_messages, "_log", lambda: None)
    assert heard(lambda: 3, damage.is_known) == (3, [])


def test_silent_work_is_done_once_and_at_the_same_time() -> None:
    """Two threads wait for each other inside."""
    both = threading.Barrier(2, timeout=5)
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        both.wait()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(heard, work, damage.is_known) for _ in range(2)]:
            done.result()
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Corrupt JPEG data: premature end of data segment", "a part of the picture is missing"),
        ("Premature end of JPEG file", "a part of the picture is missing"),
        ("Corrupt JPEG data: 12 extraneous bytes before marker 0xd5", "parts of the picture may be wrong"),
        ("Corrupt JPEG data: 30 extraneous bytes before marker 0xbd", "parts of the picture may be wrong"),
        ("Corrupt JPEG data: bad Huffman code", "parts of the picture may be wrong"),
        ("Corrupt JPEG data: 12 extraneous bytes before marker 0xd9", None),
        ("Corrupt JPEG data: 12 extraneous bytes before marker 0xdb", None),
        ("Warning: unknown JFIF revision number 7.20", None),
        ("libpng warning: iCCP: known incorrect sRGB profile", None),
        ("libpng warning: IDAT: Too much image data", "do not have the length"),
        ("Fax3Decode1D: Bad code word at line 5 of strip 0 (x 0).", "wrong codes in its TIFF data"),
        ("TIFFReadEncodedStrip: Read error at scanline 3", "wrong codes in its TIFF data"),
    ],
)
def test_each_line_has_a_sentence(line: str, says: str | None) -> None:
    assert damage.is_known(line)
    notes = damage.notes_on([line, line])
    assert len(notes) == (says is not None)
    assert all(note.startswith("damaged: ") and says in note for note in notes)


def test_other_lines_are_not_known() -> None:
    assert not damage.is_known("onnxruntime: warning")
    assert not damage.is_known("TensorRT 10")
