"""The literature's own files, where they are at hand: RESTORE_TESTSETS names the folder with Set5 and Set14 in it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from restore.imaging.decode import read_picture
from restore.metrics.sr_protocol import bicubic, reduce, score

ROOT = Path(os.environ.get("RESTORE_TESTSETS", "/nonexistent"))
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="RESTORE_TESTSETS does not name a folder")

# PSNR and SSIM of bicubic, as VDSR (Kim, Lee and Lee, CVPR 2016) has them in its comparison with other methods.
PUBLISHED = {
    ("Set5", 2): (33.66, 0.9299),
    ("Set5", 3): (30.39, 0.8682),
    ("Set5", 4): (28.42, 0.8104),
    ("Set14", 2): (30.24, 0.8688),
    ("Set14", 3): (27.55, 0.7742),
    ("Set14", 4): (26.00, 0.7027),
}


@pytest.mark.parametrize(("name", "scale"), [one for one in PUBLISHED if one[1] != 3])
def test_low_resolution_files_come_out_to_the_last_bit(name: str, scale: int) -> None:
    """Away from the border, where the given files were made from pictures not yet cropped."""
    for path in sorted((ROOT / name / f"x{scale}").glob("*_HR.png")):
        low, _ = reduce(read_picture(path).pixels, scale)
        given = read_picture(path.with_name(path.name.replace("_HR", "_LR"))).pixels
        np.testing.assert_array_equal(low[4:-4, 4:-4], given[4:-4, 4:-4], err_msg=path.name)


@pytest.mark.parametrize(("name", "scale"), PUBLISHED)
def test_bicubic_gives_the_published_figures(name: str, scale: int) -> None:
    """For x3 there are no files of its own: those for x2 have lost a row or a column at most."""
    found = []
    for path in sorted((ROOT / name / f"x{2 if scale == 3 else scale}").glob("*_HR.png")):
        low, high = reduce(read_picture(path).pixels, scale)
        found.append(score(bicubic(low, scale), high, scale))
    psnr, ssim = PUBLISHED[name, scale]
    assert np.mean([one.psnr for one in found]) == pytest.approx(psnr, abs=0.02)
    assert np.mean([one.ssim for one in found]) == pytest.approx(ssim, abs=0.001)
