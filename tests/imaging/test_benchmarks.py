"""The literature's own files, where they are at hand: RESTORE_TESTSETS names the folder with Set5 and Set14 in it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from restore.imaging.decode import read_picture
from restore.metrics.protocol import bicubic, reduce, score

ROOT = Path(os.environ.get("RESTORE_TESTSETS", "/nonexistent"))
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="RESTORE_TESTSETS does not name a folder")

PUBLISHED = {("Set5", 2): 33.66, ("Set5", 4): 28.42, ("Set14", 2): 30.24, ("Set14", 4): 26.00}


@pytest.mark.parametrize(("name", "scale"), PUBLISHED)
def test_low_resolution_files_come_out_to_the_last_bit(name: str, scale: int) -> None:
    """Away from the border, where the given files were made from pictures not yet cropped."""
    for path in sorted((ROOT / name / f"x{scale}").glob("*_HR.png")):
        low, _ = reduce(read_picture(path).pixels, scale)
        given = read_picture(path.with_name(path.name.replace("_HR", "_LR"))).pixels
        np.testing.assert_array_equal(low[4:-4, 4:-4], given[4:-4, 4:-4], err_msg=path.name)


@pytest.mark.parametrize(("name", "scale"), PUBLISHED)
def test_bicubic_gives_the_published_figure(name: str, scale: int) -> None:
    values = []
    for path in sorted((ROOT / name / f"x{scale}").glob("*_HR.png")):
        low, high = reduce(read_picture(path).pixels, scale)
        values.append(score(bicubic(low, scale), high, scale).psnr)
    assert np.mean(values) == pytest.approx(PUBLISHED[name, scale], abs=0.02)
