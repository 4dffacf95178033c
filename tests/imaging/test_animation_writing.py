"""Animations that are written: frame by frame as other programs see them, with timing and metadata."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from restore.imaging.animation.palette import indexed
from restore.imaging.animation.timing import Clock, as_ratio
from restore.imaging.animation.write import Whole, open_writer
from restore.imaging.animation.write_gif import _compressed
from restore.imaging.encode import EncodeOptions, encode, lost
from restore.imaging.picture import Picture
from restore.imaging.png.text import make
from tests.conftest import picture
from tests.imaging.animation_files import assert_alike, by_opencv, by_pillow, read_by_opencv, scene
from tests.imaging.samples import SRGB, XMP, exif_block

FORMATS = (".png", ".webp", ".gif")
Durations = Sequence["Fraction | None"]


def of(frame: np.ndarray) -> Picture:
    alpha = None if (frame[..., 3] == 255).all() else np.ascontiguousarray(frame[..., 3])
    return Picture(np.ascontiguousarray(frame[..., :3]), alpha, None, None, "PNG")


def written(
    frames: Sequence[np.ndarray],
    suffix: str,
    durations: Durations | None = None,
    plays: int = 0,
    metadata: Picture | None = None,
    options: EncodeOptions | None = None,
) -> tuple[bytes, list[str]]:
    """A file of RGBA frames, and what it cannot hold."""
    head = replace(metadata or of(frames[0]), pixels=np.zeros((*frames[0].shape[:2], 3), np.uint8), alpha=None)
    whole = Whole(head, plays, any((f[..., 3] < 255).any() for f in frames), None)
    writer = open_writer(whole, suffix, options or EncodeOptions(quality=100))
    for frame, duration in zip(frames, durations or [Fraction(1, 10)] * len(frames), strict=True):
        for packing in writer.add(of(frame), duration):
            writer.write(packing())
    for packing in writer.finish():
        writer.write(packing())
    return bytes(writer.close()), writer.lost()


def random_frames(seed: int, count: int = 7) -> list[np.ndarray]:
    """Few colors, hard transparency; each frame changes a rectangle, which may be empty or all, or become clear."""
    rng = np.random.default_rng(seed)
    colors = rng.integers(0, 256, (9, 3), np.uint8)
    frame = np.zeros((13, 17, 4), np.uint8)
    frames = []
    for _ in range(count):
        frame = frame.copy()
        top, bottom = sorted(rng.integers(0, 14, 2))
        left, right = sorted(rng.integers(0, 18, 2))
        area = frame[top:bottom, left:right]
        area[..., :3] = colors[rng.integers(0, 9, area.shape[:2])]
        area[..., 3] = 255 * rng.integers(0, 2, area.shape[:2]) if rng.random() < 0.6 else 255 * rng.integers(2)
        area[area[..., 3] == 0] = 0
        frames.append(frame)
    return frames


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("seed", range(12))
def test_frames_are_read_back_as_they_were(suffix: str, seed: int) -> None:
    frames = random_frames(seed)
    data, gone = written(frames, suffix)
    assert_alike(by_pillow(data), frames)
    assert gone == []
    if suffix != ".gif":  # OpenCV clears GIF frames to the background color
        assert_alike(by_opencv(data), frames)


@pytest.mark.parametrize("suffix", FORMATS)
def test_opaque_frames_are_read_back_by_others(suffix: str) -> None:
    data, _ = written(scene(), suffix)
    assert_alike(by_pillow(data), scene())
    assert_alike(by_opencv(data), scene())
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode in ("RGB", "P")


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("plays", [0, 1, 5])
def test_timing_and_loops(suffix: str, plays: int) -> None:
    durations = [Fraction(n, 100) for n in (4, 0, 250, 1, 10)]
    data, gone = written(scene(), suffix, durations, plays)
    assert gone == []
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 5
        # In GIF the number counts repetitions, and a file without it is shown once.
        wanted = {0: 0, 1: None, 5: 4}[plays] if suffix == ".gif" else plays
        assert image.info.get("loop") == wanted
        found = []
        for number in range(5):
            image.seek(number)
            image.load()
            found.append(image.info["duration"])
    assert found == [40, 0, 2500, 10, 100]
    if suffix != ".gif":
        animation = read_by_opencv(data)
        assert animation.loop_count == plays
        assert list(animation.durations) == found


@pytest.mark.parametrize("suffix", FORMATS)
def test_repeated_frames_stay_frames_and_take_little(suffix: str) -> None:
    one = picture(60, 80)
    frame = np.dstack([one, np.full((60, 80), 255, np.uint8)])
    once, _ = written([frame], suffix)
    data, _ = written([frame] * 10, suffix)
    assert len(by_pillow(data)) == 10 if suffix == ".png" else Image.open(io.BytesIO(data)).n_frames == 10
    assert len(data) < len(once) + 9 * 120


def test_only_what_changed_is_written() -> None:
    frames = [np.dstack([picture(60, 80), np.full((60, 80), 255, np.uint8)])] * 2
    frames[1] = frames[1].copy()
    frames[1][10:15, 21:30, :3] ^= 255
    for suffix in FORMATS:
        data, _ = written(frames, suffix)
        assert len(data) < 1.25 * len(written(frames[:1], suffix)[0])


def test_a_default_image_that_is_no_frame() -> None:
    red = np.full((24, 30, 4), (255, 0, 0, 255), np.uint8)
    data, _ = written([red, *scene(3)], ".png", [None, *[Fraction(1, 10)] * 3])
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["default_image"]
        assert image.n_frames == 4  # Pillow counts the default image
    assert_alike(by_pillow(data), [red, *scene(3)])


def test_gray_frames_stay_gray_in_png() -> None:
    frames = [Picture(picture(9, 8, 1, seed), None, None, None, "PNG") for seed in range(3)]
    clear = np.full((9, 8), 128, np.uint8)
    for transparent in (False, True):
        head = replace(frames[0], pixels=np.zeros((9, 8, 1), np.uint8))
        writer = open_writer(Whole(head, 0, transparent, None), ".png", EncodeOptions())
        for one in frames:
            for packing in writer.add(replace(one, alpha=clear if transparent else None), Fraction(1, 10)):
                writer.write(packing())
        data = bytes(writer.close())
        assert data[25] == (4 if transparent else 0)  # the color type
        found = by_pillow(data)
        np.testing.assert_array_equal([f[..., :1] for f in found], [one.pixels for one in frames])
        assert {f[0, 0, 3] for f in found} == {128 if transparent else 255}


@pytest.mark.parametrize("suffix", FORMATS)
def test_metadata(suffix: str) -> None:
    comment = make("Comment", b"hello")
    head = replace(of(scene()[0]), icc=SRGB, exif=exif_block(1), xmp=XMP, png_text=(comment,))
    data, _ = written(scene(), suffix, metadata=head)
    assert_alike(by_pillow(data), scene())
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.info["icc_profile" if suffix != ".gif" else "comment"] == (SRGB if suffix != ".gif" else b"hello")
        xmp = image.info["xmp"] if suffix != ".gif" else data
        assert b"<dc:creator>Somebody</dc:creator>" in xmp
        assert b'tiff:ImageWidth="30"' in xmp
        if suffix != ".gif":
            assert image.getexif()[0x010F] == "Maker"
    gone = lost(head, suffix)
    assert gone == {".png": (), ".webp": ("PNG text Comment",), ".gif": ("EXIF data",)}[suffix] or suffix == ".webp"


def test_quality_and_level_count() -> None:
    frames = [np.dstack([picture(60, 80, seed=n), np.full((60, 80), 255, np.uint8)]) for n in range(2)]
    for suffix, less, more in (
        (".webp", {"quality": 50}, {"quality": 95}),
        (".png", {"png_level": 1}, {"png_level": 0}),
    ):
        small, large = (written(frames, suffix, options=EncodeOptions(**one))[0] for one in (less, more))
        assert len(small) < 0.8 * len(large)


def test_gif_of_many_colors_is_close_and_says_so() -> None:
    y, x = np.mgrid[:90, :120]
    smooth = np.stack([2 * x, 2 * y, 255 - x - y, np.full_like(x, 255)], axis=-1).clip(0, 255).astype(np.uint8)
    data, gone = written([smooth, smooth[::-1]], ".gif")
    assert gone == ["more than 256 colors per frame"]
    for found, wanted in zip(by_pillow(data), [smooth, smooth[::-1]], strict=True):
        error = np.mean((found[..., :3].astype(float) - wanted[..., :3]) ** 2)
        assert 10 * np.log10(255**2 / error) > 33


def test_gif_frames_that_do_not_use_their_whole_palette() -> None:
    """Most of a drawing is of few colors, and smooth edges have many: some of the palette is nearest to none of them."""
    y, x = np.mgrid[:120, :120]
    frames = []
    for left in (30, 50):
        ring = np.clip(3 - abs(np.hypot(x - left, y - 60) - 20), 0, 1)[..., None]
        line = np.clip(2 - abs(y - 0.7 * x - 10), 0, 1)[..., None]
        page = np.where(y[..., None] < 100, (240, 235, 220), (60, 120, 70)) * (1 - ring) + ring * (200, 40, 50)
        page = page * (1 - line) + line * np.stack([x, 255 - x, y], axis=-1)
        frames.append(np.dstack([np.rint(page), np.full((120, 120), 255)]).astype(np.uint8))
    data, gone = written(frames, ".gif")
    assert gone == ["more than 256 colors per frame"]
    for read in (by_pillow, by_opencv):
        for found, wanted in zip(read(data), frames, strict=True):
            assert np.abs(found.astype(int) - wanted).max() < 40


@pytest.mark.parametrize("used", [[236, 100, 9], [0, 255], [255], [7, 8]])
def test_gif_indices_stay_as_they_are(used: list[int]) -> None:
    indices = np.random.default_rng(0).choice(used, (20, 30)).astype(np.uint8)
    header = b"GIF89a" + struct.pack("<HHBBB", 30, 20, 0xF7, 0, 0) + bytes(n for n in range(256) for _ in range(3))
    data = header + b"," + struct.pack("<HHHHB", 0, 0, 30, 20, 0) + _compressed(indices) + b";"
    np.testing.assert_array_equal(by_pillow(data)[0][..., 0], indices)


def test_gif_has_hard_transparency_and_says_so() -> None:
    frame = scene(1, clear=True)[0]
    frame[4:8, 2:10, 3], frame[8:12, 2:10, 3] = 127, 128
    data, gone = written([frame], ".gif")
    found = by_pillow(data)[0]
    assert set(found[4:8, 2:10, 3].ravel()) == {0}
    assert set(found[8:12, 2:10, 3].ravel()) == {255}
    assert gone == ["soft transparency (made hard)"]


def test_gif_durations_below_a_hundredth_are_rounded_as_a_whole() -> None:
    _, gone = written(scene(), ".gif", [Fraction(1, 30)] * 5)
    assert gone == ["the exact timing (rounded to hundredths of a second)"]
    clock = Clock(Fraction(1, 100), least=2)
    assert sum(clock.units(Fraction(1, 30)) for _ in range(300)) == 1000
    assert clock.inexact


def test_gif_frames_are_never_rounded_to_what_viewers_slow_down() -> None:
    clock = Clock(Fraction(1, 100), least=2)
    assert [clock.units(Fraction(1, 60)) for _ in range(20)] == [2] * 20
    assert clock.units(Fraction(0)) == 0
    exact = Clock(Fraction(1, 100), least=2)
    assert [exact.units(Fraction(n, 100)) for n in (1, 0, 3, 70_000)] == [1, 0, 3, 65_535]


@pytest.mark.parametrize("value", ["0", "1/30", "1001/30000", "65535", "65536.5", "1000.333", "0.0000001", "1/65535"])
def test_durations_as_ratios(value: str) -> None:
    number, unit = as_ratio(Fraction(value))
    assert 0 <= number < 65_536
    assert 0 < unit < 65_536
    assert abs(Fraction(number, unit) - min(Fraction(value), 65_535)) < Fraction(1, 100)


def test_palettes_of_few_colors_are_exact() -> None:
    pixels = picture(16, 16).reshape(-1, 3)[:256]
    places, colors, exact = indexed(pixels, 256)
    assert exact
    np.testing.assert_array_equal(colors[places], pixels)
    assert not indexed(picture(40, 40).reshape(-1, 3), 255)[2]
    places, colors, exact = indexed(np.zeros((0, 3), np.uint8), 255)
    assert (len(places), len(colors), exact) == (0, 0, True)


@pytest.mark.parametrize("clear", [False, True])
def test_a_still_picture_as_gif(clear: bool) -> None:
    frame = scene(1, clear=clear)[0]
    data = encode(of(frame), ".gif")
    assert_alike(by_pillow(data), [frame])
    assert lost(of(frame), ".gif") == ()
    many = Picture(picture(50, 50), None, None, None, "PNG")
    assert lost(many, ".gif") == ("more than 256 colors per frame",)


@pytest.mark.parametrize("side", [1, 2])
def test_the_smallest_animations(side: int) -> None:
    frames = [np.full((side, side, 4), (n, n, n, 255), np.uint8) for n in range(3)]
    for suffix in FORMATS:
        assert_alike(by_pillow(written(frames, suffix)[0]), frames)
