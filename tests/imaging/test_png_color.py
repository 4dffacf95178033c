"""Color spaces that PNG files declare by gAMA, cHRM, sRGB and cICP; profiles are judged by LittleCMS."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from restore.imaging.color.matrix_profile import rgb_profile
from restore.imaging.color.profiles import pixels_to_srgb
from restore.imaging.decode import read_picture
from restore.imaging.encode import encode, lost
from tests.imaging.png_files import Chunk, gray, pixels, rgb, written
from tests.imaging.samples import GRAY, SRGB, read_png

SRGB_CHUNK = (b"sRGB", b"\0")
ICCP = (b"iCCP", b"x\0\0" + zlib.compress(SRGB))
D65 = (31_270, 32_900)
SRGB_POINTS = (*D65, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
P3_POINTS = (*D65, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000)


def gama(value: int) -> Chunk:
    return b"gAMA", struct.pack(">I", value)


def chrm(*values: int) -> Chunk:
    return b"cHRM", struct.pack(">8I", *values)


def cicp(*values: int) -> Chunk:
    return b"cICP", bytes(values)


def to_xyz(points: tuple[int, ...]) -> np.ndarray:
    """Linear RGB to XYZ (SMPTE RP 177)."""
    xy = np.array(points).reshape(4, 2) / 1e5
    xyz = np.array([xy[:, 0], xy[:, 1], 1 - xy.sum(1)])
    white = xyz[:, 0] / xy[0, 1]
    return xyz[:, 1:] * (np.linalg.inv(xyz[:, 1:]) @ white)


def in_srgb(linear: np.ndarray, points: tuple[int, ...]) -> np.ndarray:
    """Linear RGB of these primaries, with the white of sRGB, as 8-bit sRGB."""
    light = np.clip(linear @ to_xyz(points).T @ np.linalg.inv(to_xyz(SRGB_POINTS)).T, 0, 1)
    return np.rint(255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


def srgb_light(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def bt709_light(values: np.ndarray) -> np.ndarray:
    return np.where(values < 0.081, values / 4.5, ((values + 0.099) / 1.099) ** (1 / 0.45))


BT2020_POINTS = (*D65, 70_800, 29_200, 17_000, 79_700, 13_100, 4_600)
DECLARED = {
    "linear": ([gama(100_000)], lambda v: v, SRGB_POINTS),
    "gamma 1.8": ([gama(55_556)], lambda v: v**1.8, SRGB_POINTS),
    "P3 primaries": ([chrm(*P3_POINTS)], srgb_light, P3_POINTS),
    "gamma 2.2 and P3": ([gama(45_455), chrm(*P3_POINTS)], srgb_light, P3_POINTS),
    "gamma 1 and BT.2020": ([gama(100_000), chrm(*BT2020_POINTS)], lambda v: v, BT2020_POINTS),
    "cICP Display P3": ([cicp(12, 13, 0, 1)], srgb_light, P3_POINTS),
    "cICP BT.709": ([cicp(1, 1, 0, 1)], bt709_light, SRGB_POINTS),
    "cICP BT.2020": ([cicp(9, 14, 0, 1)], bt709_light, BT2020_POINTS),
    "cICP linear": ([cicp(1, 8, 0, 1)], lambda v: v, SRGB_POINTS),
    "cICP before iCCP": ([cicp(12, 13, 0, 1), ICCP], srgb_light, P3_POINTS),
    "cICP before sRGB": ([cicp(12, 13, 0, 1), SRGB_CHUNK], srgb_light, P3_POINTS),
}


@pytest.mark.parametrize(("chunks", "light", "points"), DECLARED.values(), ids=DECLARED)
def test_a_declared_color_space_is_kept_or_becomes_a_profile(
    tmp_path: Path, chunks: list[Chunk], light: object, points: tuple[int, ...]
) -> None:
    read = read_picture(written(tmp_path, rgb(chunks)))
    assert read.notes == ()
    _, kept = read_png(encode(read, ".png"))
    assert {name: kept[name] for name, _ in chunks} == dict(chunks)
    assert (b"iCCP" in kept) == (ICCP in chunks)

    wanted = in_srgb(light(pixels() / 255), points)
    for suffix in (".tif", ".webp", ".jpg"):
        assert lost(read, suffix) == ()
        with Image.open(io.BytesIO(encode(read, suffix))) as image:
            got = pixels_to_srgb(pixels(), image.info["icc_profile"])
        assert np.abs(got - wanted).max() <= 2
    assert np.abs(wanted - pixels()).max() > 5


@pytest.mark.parametrize(
    "chunks",
    [
        [SRGB_CHUNK],
        [gama(45_455)],
        [gama(45_000)],
        [gama(45_455), chrm(*SRGB_POINTS)],
        [chrm(31_269, 32_899, 63_999, 33_001, 30_000, 60_000, 15_000, 5_999)],
        [SRGB_CHUNK, gama(100_000)],
        [cicp(1, 13, 0, 1)],
        [cicp(1, 13, 0, 1), ICCP],
        [cicp(2, 2, 0, 1)],
    ],
)
def test_srgb_needs_no_profile(tmp_path: Path, chunks: list[Chunk]) -> None:
    read = read_picture(written(tmp_path, rgb(chunks)))
    assert (read.icc, read.notes, lost(read, ".jpg")) == (None, (), ())
    _, kept = read_png(encode(read, ".png"))
    assert {name: kept[name] for name, _ in chunks} == dict(chunks)


@pytest.mark.parametrize("chunks", [[ICCP, gama(100_000)], [chrm(*P3_POINTS), SRGB_CHUNK, ICCP]])
def test_a_profile_counts_before_older_chunks(tmp_path: Path, chunks: list[Chunk]) -> None:
    read = read_picture(written(tmp_path, rgb(chunks)))
    assert read.icc == SRGB
    _, kept = read_png(encode(read, ".png"))
    assert not {b"gAMA", b"cHRM", b"sRGB"} & set(kept)
    assert zlib.decompress(kept[b"iCCP"].partition(b"\0")[2][1:]) == SRGB


@pytest.mark.parametrize(
    "broken", [b"x\0\0junk", b"x\0\0" + zlib.compress(SRGB)[:-9], b"x", b"x\0\0" + zlib.compress(GRAY)]
)
def test_older_chunks_count_where_the_profile_is_broken(tmp_path: Path, broken: bytes) -> None:
    read = read_picture(written(tmp_path, rgb([(b"iCCP", broken), gama(100_000)])))
    (note,) = read.notes
    assert note.startswith("color profile dropped: ")
    assert read.icc is not None
    _, kept = read_png(encode(read, ".png"))
    assert b"gAMA" in kept
    assert b"iCCP" not in kept


@pytest.mark.parametrize("codes", [(9, 16, 0, 1), (9, 18, 0, 1), (1, 1, 0, 0), (3, 13, 0, 1)])
def test_what_no_profile_says_is_kept_in_png_alone(tmp_path: Path, codes: tuple[int, ...]) -> None:
    light = (b"cLLI", bytes(8))
    read = read_picture(written(tmp_path, rgb([cicp(*codes), light])))
    assert (read.icc, read.notes) == (None, ())
    assert lost(read, ".png") == ()
    assert lost(read, ".jpg") == ("the color space that its cICP chunk declares",)
    _, kept = read_png(encode(read, ".png"))
    assert (kept[b"cICP"], kept[b"cLLI"]) == (bytes(codes), bytes(8))


def test_hdr_with_a_profile_for_others(tmp_path: Path) -> None:
    read = read_picture(written(tmp_path, rgb([cicp(9, 16, 0, 1), ICCP])))
    assert read.icc == SRGB
    _, kept = read_png(encode(read, ".png"))
    assert (kept[b"cICP"], kept[b"iCCP"]) == (bytes([9, 16, 0, 1]), ICCP[1])
    assert lost(read, ".jpg") == ("the color space that its cICP chunk declares",)


@pytest.mark.parametrize(
    ("chunks", "note"),
    [
        ([gama(0)], "gamma of 0 ignored"),
        ([gama(2**32 - 1)], "gamma of 42949.7 ignored"),
        ([chrm(*[0] * 8)], "implausible primaries ignored"),
        ([chrm(*D65, *D65, *D65, *D65)], "implausible primaries ignored"),
        ([chrm(*[2**32 - 1] * 8)], "implausible primaries ignored"),
        ([chrm(31_270, 0, *P3_POINTS[2:])], "implausible primaries ignored"),
        ([cicp(1, 13, 1, 1)], "invalid cICP chunk ignored"),
        ([cicp(1, 13, 0, 2)], "invalid cICP chunk ignored"),
    ],
)
def test_nonsense_is_ignored(tmp_path: Path, chunks: list[Chunk], note: str) -> None:
    read = read_picture(written(tmp_path, rgb(chunks)))
    assert (read.icc, read.png_color, read.notes) == (None, None, (note,))


@pytest.mark.parametrize("chunks", [[gama(100_000)], [cicp(1, 8, 0, 1)], [gama(100_000), chrm(*P3_POINTS)]])
def test_gray_levels_have_a_gray_profile(tmp_path: Path, chunks: list[Chunk]) -> None:
    read = read_picture(written(tmp_path, gray(chunks)))
    wanted = in_srgb(np.repeat(pixels()[..., :1] / 255, 3, 2), SRGB_POINTS)
    bright = pixels()[..., 0] >= 20  # LittleCMS interpolates the steep curve below
    assert np.abs(pixels_to_srgb(read.pixels, read.icc) - wanted)[bright].max() <= 2
    _, kept = read_png(encode(read, ".png"))
    assert {name: kept[name] for name, _ in chunks} == dict(chunks)


def test_a_profile_set_later_overrules_the_declaration(tmp_path: Path) -> None:
    read = read_picture(written(tmp_path, rgb([gama(100_000)])))
    for icc in (None, SRGB):
        _, kept = read_png(encode(replace(read, icc=icc), ".png"))
        assert b"gAMA" not in kept
        assert (b"iCCP" in kept) == (icc is not None)


def test_profiles_are_well_formed() -> None:
    profile = rgb_profile("A name", [(0.3127, 0.329), (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)], 1.8)
    assert len(profile) == struct.unpack_from(">I", profile)[0]
    assert len(profile) % 4 == 0
    found = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
    assert found.profile_description == "A name"
    assert (found.version, found.device_class, found.xcolor_space) == (2.4, "mntr", "RGB ")
    np.testing.assert_allclose(found.red_primary[0], (0.515, 0.241, -0.001), atol=0.001)  # Display P3 under D50
    np.testing.assert_allclose(found.blue_primary[0], (0.157, 0.067, 0.784), atol=0.001)
