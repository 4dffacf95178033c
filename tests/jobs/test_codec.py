"""What a picture is before and after the network: its depth, its transparency, what is known of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from restore.imaging.encode import encode
from restore.imaging.picture import Picture
from restore.imaging.resize import resize
from restore.jobs.codec import decode, from_arrays, to_arrays
from restore.jobs.naming import Naming
from restore.jobs.options import PictureOptions
from restore.jobs.pipeline import run_job
from restore.jobs.plan import make_plan
from restore.jobs.settings import Settings
from tests.conftest import picture
from tests.imaging.samples import SRGB, XMP, exif_block
from tests.jobs.streams import one_by_one


def bicubic(pixels: np.ndarray) -> np.ndarray:
    """A network that rings at edges, as real ones do."""
    return resize(pixels, 2)


def through(path: Path, out: Path, suffix: str, options: PictureOptions | None = None) -> Path:
    """A file through a job that enlarges it twice."""
    plan = make_plan(path, out / f"result{suffix}", Naming())
    settings = Settings(options or PictureOptions(), scale=2)
    assert run_job(plan, one_by_one(bicubic), lambda _: None, settings).counts == {"enhanced": 1}
    return out / f"result{suffix}"


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_stay_sixteen(tmp_path: Path, suffix: str, channels: int) -> None:
    """A dark picture too: its depth is read, not guessed from its values."""
    deep = picture(12, 10, channels).astype(np.uint16) // 2
    (tmp_path / f"in{suffix}").write_bytes(encode(Picture(deep, None, None, None, "PNG"), suffix))
    result = through(tmp_path / f"in{suffix}", tmp_path, suffix)
    if suffix == ".tif":
        read = tifffile.imread(result)
    else:
        read = cv2.imread(str(result), cv2.IMREAD_UNCHANGED)
        read = read[..., ::-1] if channels == 3 else read
    assert read.dtype == np.uint16
    wanted = bicubic(deep)
    np.testing.assert_array_equal(read if channels == 3 else read[..., None], wanted)


@pytest.mark.parametrize("under", [0, 255])
def test_no_fringe_at_the_edge_of_what_is_transparent(tmp_path: Path, under: int) -> None:
    """A red disc on transparent black or white: laid over its own red, nothing but red may be seen."""
    y, x = np.mgrid[:40, :40]
    inside = (y - 19.5) ** 2 + (x - 19.5) ** 2 < 15**2
    rgba = np.full((40, 40, 4), under, np.uint8)
    rgba[inside, :3] = (200, 30, 40)
    rgba[..., 3] = inside * 255
    Image.fromarray(rgba).save(tmp_path / "disc.png")
    result = np.asarray(Image.open(through(tmp_path / "disc.png", tmp_path, ".png"))).astype(int)
    assert result.shape == (80, 80, 4)
    seen = result[..., 3] > 0
    np.testing.assert_allclose(result[seen][:, :3], np.broadcast_to((200, 30, 40), (seen.sum(), 3)), atol=1)
    assert (result[:8, :, 3] == 0).all(), "clear stays clear"
    assert (result[30:50, 30:50, 3] == 255).all(), "opaque stays opaque"
    assert 0 < (result[..., 3] % 255 > 0).sum() < 1000, "the edge is an edge of its own pass"


def test_constant_alpha_takes_no_pass_and_stays_constant() -> None:
    half = Picture(picture(6, 5), np.full((6, 5), 128, np.uint8), None, None, "PNG")
    arrays = to_arrays(half, 2)
    assert len(arrays) == 1
    assert (from_arrays(half, [bicubic(a) for a in arrays], 2).alpha == np.full((12, 10), 128)).all()
    varied = Picture(picture(6, 5), picture(6, 5, 1)[..., 0], None, None, "PNG")
    assert len(to_arrays(varied, 2)) == 2
    assert len(to_arrays(varied, 1)) == 1, "what does not enlarge leaves transparency alone"
    assert from_arrays(varied, to_arrays(varied, 1), 1).alpha is varied.alpha


@pytest.mark.parametrize(
    ("metadata", "exif", "place", "xmp"),
    [("keep", True, True, True), ("no-place", True, False, True), ("none", False, False, False)],
)
def test_metadata_are_kept_or_left_out(tmp_path: Path, metadata: str, exif: bool, place: bool, xmp: bool) -> None:
    before = Picture(picture(30, 40), None, SRGB, exif_block(), "JPEG", XMP)
    (tmp_path / "in.jpg").write_bytes(encode(before, ".jpg"))
    result = through(tmp_path / "in.jpg", tmp_path, ".jpg", PictureOptions(metadata=metadata))
    with Image.open(result) as image:
        found = image.getexif()
        assert (found.get(0x0110) is not None) == exif
        assert bool(found.get_ifd(0x8825)) == place
        assert (b"Somebody" in image.info.get("xmp", b"")) == xmp
        assert (b"GPS" in image.info.get("xmp", b"")) == place
        assert image.info["icc_profile"] == SRGB
        if exif:
            assert (found[0x0100], found.get_ifd(0x8769)[0xA003]) == (80, 60), "the size is the result's"


def test_png_level_reaches_the_encoder(tmp_path: Path) -> None:
    Image.fromarray(picture(60, 60)).save(tmp_path / "in.png")
    sizes = []
    for level in (0, 9):
        result = through(tmp_path / "in.png", tmp_path / str(level), ".png", PictureOptions(png_level=level))
        sizes.append(result.stat().st_size)
    assert sizes[1] < sizes[0]
    assert sizes[0] > 120 * 120 * 3


def test_what_the_network_sees_under_transparency(tmp_path: Path) -> None:
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[:, 10:] = (90, 160, 220, 255)
    Image.fromarray(rgba).save(tmp_path / "half.png")
    read = decode(tmp_path / "half.png", PictureOptions())
    assert (read.pixels == (90, 160, 220)).all()
