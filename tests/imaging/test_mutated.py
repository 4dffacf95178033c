"""Damaged files of every format: each decodes to a sane picture or is an error that names it. Nothing crashes or hangs.

``RESTORE_MUTATIONS=100000 pytest -m slow tests/imaging/test_mutated.py`` goes on for longer. Where the process dies, the
file that killed it is the last in pytest's temporary folder.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from restore.errors import ImageError
from restore.imaging.decode import read_picture
from restore.imaging.encode import encode
from scripts.audit.mutations import MUTATIONS, damaged
from scripts.audit.whole_files import whole_files

resource = pytest.importorskip("resource")

SECONDS, PIXELS, MEGABYTES = 20.0, 1_000_000, 500
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def _check(folder: Path, numbers: range) -> tuple[int, int]:
    """How many of the damaged files were decoded all the same, and how many refused."""
    whole = [one.data for one in whole_files()]
    decoded = refused = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in numbers:
        mutant = damaged(number, whole)
        path = folder / f"{number}{mutant.suffix}"
        path.write_bytes(mutant.data)
        began = time.process_time()
        try:
            read = read_picture(path, PIXELS)
        except ImageError as error:
            message = str(error)
            refused += 1
        else:
            message = f"{path}: "
            decoded += 1
            height, width = read.size
            assert 0 < height * width <= PIXELS
            assert read.pixels.shape in ((height, width, 1), (height, width, 3))
            assert read.pixels.dtype in (np.uint8, np.uint16)
            assert read.alpha is None or (read.alpha.shape, read.alpha.dtype) == ((height, width), read.pixels.dtype)
            for kind in (".png", ".jpg", ".tif"):  # whatever metadata came with it can be written again
                encode(read, kind)
        assert message.startswith(f"{path}: ")
        assert time.process_time() - began < SECONDS, path
        path.unlink()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * _RSS_UNIT / 2**20
    assert grown < MEGABYTES
    return decoded, refused


def test_a_few_of_each(tmp_path: Path) -> None:
    decoded, refused = _check(tmp_path, range(len(MUTATIONS) * 28))
    assert decoded > 10
    assert refused > 50


@pytest.mark.slow
def test_many(tmp_path: Path) -> None:
    decoded, refused = _check(tmp_path, range(1000, 1000 + int(os.environ.get("RESTORE_MUTATIONS", "1000"))))
    assert decoded > 50
    assert refused > 300


def test_whole_files_are_read(tmp_path: Path) -> None:
    kinds = [one.kind for one in whole_files()]
    assert len(set(kinds)) == len(kinds) > 35
    for kind, _, data in whole_files():
        path = tmp_path / f"{kind}.bin"
        path.write_bytes(data)
        assert min(read_picture(path).size) >= 8
