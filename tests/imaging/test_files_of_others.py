"""The pictures in other projects' test suites: each is read or refused in our words, and no line names no file.

They come with source distributions, which the tests do not download by themselves:

    pip download --no-deps --no-build-isolation --no-binary :all: pillow==9.5.0 imagecodecs==2026.8.16 thumbor==7.8.0
    for archive in *.tar.gz; do tar xzf $archive; done
    RESTORE_FILES_OF_OTHERS=. pytest -m slow tests/imaging/test_files_of_others.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from restore.errors import ImageError
from restore.imaging.decode import read_picture
from restore.imaging.encode import encode
from restore.imaging.formats import FORMATS
from tests.imaging.test_refusals import THEIRS

FOLDER = os.environ.get("RESTORE_FILES_OF_OTHERS")
SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".dib", ".tga", ".gif", ".webp", ".avif"),
    *(".heic", ".heif", ".jp2", ".j2k", ".jxl", ".ppm", ".pgm", ".pbm", ".pnm"),
)
CURES = (
    *("save", "convert", "develop", "get the file", "raise it with", "map the tones"),
    *("not a picture in a supported format", "the file is empty"),  # there is nothing to advise
)
# How many are read and refused. What is refused is broken on purpose, or of a kind that docs/enhance.md calls so.
COUNTS = {"Pillow-9.5.0": (715, 51), "imagecodecs-2026.8.16": (60, 29), "thumbor-7.8.0": (185, 6)}
_LIMIT = 20_000_000


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER, reason="RESTORE_FILES_OF_OTHERS names no folder")
@pytest.mark.parametrize("package", COUNTS)
def test_each_is_read_or_refused_in_our_words(package: str, capfd: pytest.CaptureFixture[str]) -> None:
    root = Path(FOLDER or "", package)
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    read, refused = 0, []
    for path in paths:
        try:
            picture = read_picture(path, _LIMIT)
        except ImageError as error:
            refused.append(str(error))
            continue
        assert not [note for note in picture.notes if THEIRS.search(note)], path
        encode(picture, path.suffix.lower() if path.suffix.lower() in FORMATS else ".png")
        read += 1
    for message in refused:
        assert message.startswith(f"{root}"), message
        assert not THEIRS.search(message), message
        assert any(cure in message for cure in CURES), message
    out, err = capfd.readouterr()
    assert out + err == "", "lines of a library, which name no file"
    assert (read, len(refused)) == COUNTS[package], "\n".join(refused)
