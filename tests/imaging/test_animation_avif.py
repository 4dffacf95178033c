"""Frames of AVIF image sequences: decoded one after another, with timing, repetitions and transparency."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from restore.errors import ImageError
from restore.imaging.animation.frames import Animation
from restore.imaging.decode import decode_frames, decode_picture
from restore.imaging.picture import FIRST_PAGE, Picture
from tests.imaging.animation_files import assert_alike, by_opencv, by_pillow, scene
from tests.imaging.samples import XMP

pytestmark = pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
PATH = Path("x.avif")
DURATIONS = [40, 80, 80, 120, 1000]


def sequence(clear: bool = False, **options: object) -> bytes:
    """Five frames of 24 x 30 pixels."""
    frames = [Image.fromarray(frame if clear else frame[..., :3]) for frame in scene(clear=clear)]
    buffer = io.BytesIO()
    settings = {"quality": 100, "subsampling": "4:4:4", "speed": 10, "duration": DURATIONS, **options}
    frames[0].save(buffer, "AVIF", save_all=True, append_images=frames[1:], **settings)
    return buffer.getvalue()


def opened(data: bytes, limit: int = 10**6) -> tuple[Picture, Animation]:
    picture = decode_frames(data, PATH, limit)
    assert picture.animation is not None
    return picture, picture.animation


def changed(data: bytes, box: bytes, at: int, form: str, value: int) -> bytes:
    """A file with another number in a box's content."""
    new = bytearray(data)
    struct.pack_into(form, new, data.index(box) + 4 + at, value)
    return bytes(new)


@pytest.mark.parametrize("clear", [False, True])
def test_frames_are_those_that_others_decode(clear: bool) -> None:
    data = sequence(clear)
    picture, animation = opened(data)
    assert picture.notes == ()
    found = []
    for frame in animation.frames():
        alpha = np.full(frame.pixels.shape[:2], 255, np.uint8) if frame.alpha is None else frame.alpha
        found.append(np.dstack([frame.pixels, alpha]))
    assert animation.notes == []
    assert_alike(found, by_pillow(data))
    if not clear:
        assert_alike(found, by_opencv(data), tolerance=1)
    assert_alike(found, scene(clear=clear), tolerance=4)


def test_durations_are_exact() -> None:
    data = sequence()
    assert [frame.duration for frame in opened(data)[1].frames()] == [Fraction(n, 1000) for n in DURATIONS]
    thirds = changed(data, b"mdhd", 20, ">I", 3000)
    assert [frame.duration for frame in opened(thirds)[1].frames()] == [Fraction(n, 3000) for n in DURATIONS]


@pytest.mark.parametrize("plays", [1, 2, 7])
def test_repetitions_are_counted_by_the_edit_list(plays: int) -> None:
    """The track lasts as long as its repetitions together (AV1 Image File Format, clause 3)."""
    data = changed(sequence(), b"tkhd", 28, ">Q", plays * sum(DURATIONS))
    assert opened(data)[1].stored.plays == plays


def test_endless_and_single_sequences() -> None:
    data = sequence()
    assert opened(data)[1].stored.plays == 0
    assert opened(changed(data, b"elst", 0, ">I", 0x01000000))[1].stored.plays == 1
    assert opened(data.replace(b"edts", b"free"))[1].stored.plays == 0


def test_frames_are_turned_like_the_first_one() -> None:
    data = sequence(xmp=XMP)
    picture, animation = opened(data)
    frames = list(animation.frames())
    assert picture.size == (30, 24)
    np.testing.assert_array_equal(frames[0].pixels, picture.pixels)
    np.testing.assert_array_equal(frames[3].pixels, np.rot90(by_pillow(data)[3][..., :3], -1))


def test_a_damaged_frame_ends_the_animation_with_a_note() -> None:
    data = sequence()
    sizes = data.index(b"stsz") + 16
    lengths = struct.unpack_from(">5I", data, sizes)
    start = data.index(b"mdat") + 4
    assert start + sum(lengths) == len(data)
    bad = bytearray(data)
    third = start + sum(lengths[:2])
    bad[third : third + lengths[2]] = b"\xff" * lengths[2]
    animation = opened(bytes(bad))[1]
    assert len(list(animation.frames())) == 2
    assert animation.notes == ["damaged: frame 3 of 5 cannot be decoded; only its first 2 frames are used"]


def test_the_sum_of_the_frames_counts_against_the_limit() -> None:
    with pytest.raises(ImageError, match=r"5 frames have 0\.0205 million pixels together.*--max-pixels 1"):
        decode_frames(sequence(), PATH, 20_000)


def test_without_all_frames_a_note_says_so() -> None:
    assert decode_picture(sequence(), PATH).notes == (FIRST_PAGE,)


def test_mutated_sequences_are_read_or_refused() -> None:
    data, rng = sequence(), np.random.default_rng(5)
    read = 0
    for _ in range(150):
        new = bytearray(data)
        for at in rng.integers(36, len(data) - 300, 3):
            new[at] ^= 1 << int(rng.integers(8))
        try:
            picture = decode_frames(bytes(new), PATH, 10**6)
            read += 1 if picture.animation is None else len(list(picture.animation.frames()))
        except ImageError:
            continue
    assert read > 0
