"""Frames of GIF, APNG and WebP (AVIF: test_animation_avif.py): composed as the formats say, whole or with a note."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from restore.errors import ImageError
from restore.imaging.animation.frames import Animation
from restore.imaging.animation.read_gif import is_animated
from restore.imaging.decode import decode_frames
from restore.imaging.picture import FIRST_PAGE, Picture
from tests.imaging.animation_files import (
    apng,
    assert_alike,
    by_opencv,
    by_pillow,
    joined,
    png_frame,
    saved,
    scene,
    webp,
    webp_chunk,
    webp_frame,
)
from tests.imaging.gif_files import COLORS, control, extension, frame, gif, loops
from tests.imaging.samples import exif_block

PATH = Path("x")


def opened(data: bytes, limit: int = 10**6) -> tuple[Picture, Animation]:
    picture = decode_frames(data, PATH, limit)
    assert picture.animation is not None
    return picture, picture.animation


def rgba(animation: Animation) -> list[np.ndarray]:
    found = []
    for one in animation.frames():
        color = np.broadcast_to(one.pixels, (*one.pixels.shape[:2], 3))
        alpha = np.full(color.shape[:2], 255, np.uint8) if one.alpha is None else one.alpha
        found.append(np.dstack([color, alpha]))
    return found


def canvas(size: tuple[int, int], *areas: tuple[int, int, int, int, object]) -> np.ndarray:
    """RGBA: transparent, and rectangles (left, top, width, height, color)."""
    found = np.zeros((*size, 4), np.uint8)
    for left, top, width, height, color in areas:
        found[top : top + height, left : left + width] = color
    return found


RED, GREEN, BLUE, GRAY = ((*map(int, color), 255) for color in COLORS)


@pytest.mark.parametrize("disposal", [0, 1, 2, 3, 4])
def test_gif_disposal(disposal: int) -> None:
    """What the second frame leaves behind is seen in the third."""
    data = gif(
        control(1),
        frame([0] * 24, (0, 0, 4, 6)),
        control(disposal),
        frame([1] * 4, (1, 1, 2, 2)),
        control(1),
        frame([2], (3, 5, 1, 1)),
    )
    left = {0: GREEN, 1: GREEN, 2: 0, 3: RED, 4: RED}[disposal]
    first, corner = (0, 0, 4, 6, RED), (3, 5, 1, 1, BLUE)
    wanted = [
        canvas((6, 4), first),
        canvas((6, 4), first, (1, 1, 2, 2, GREEN)),
        canvas((6, 4), first, (1, 1, 2, 2, left), corner),
    ]
    _, animation = opened(data)
    assert_alike(rgba(animation), wanted)
    if disposal in (0, 1, 3):  # OpenCV clears to the background color, browsers to nothing
        assert_alike(by_opencv(data), wanted)


def test_gif_first_frame_that_is_removed_leaves_nothing() -> None:
    """Browsers show it so; Pillow and OpenCV do not."""
    data = gif(control(3), frame([0] * 24, (0, 0, 4, 6)), frame([1] * 4, (1, 1, 2, 2)))
    wanted = [canvas((6, 4), (0, 0, 4, 6, RED)), canvas((6, 4), (1, 1, 2, 2, GREEN))]
    assert_alike(rgba(opened(data)[1]), wanted)


def test_gif_transparent_pixels_keep_what_is_there() -> None:
    data = gif(frame([0, 1] * 12, (0, 0, 4, 6)), control(hole=3), frame([3, 2, 2, 3], (1, 1, 2, 2)))
    first = COLORS[np.arange(24).reshape(6, 4) % 2]
    second = first.copy()
    second[1, 2] = second[2, 1] = COLORS[2]
    np.testing.assert_array_equal([f.pixels for f in opened(data)[1].frames()], [first, second])


def test_gif_frames_smaller_and_larger_than_the_canvas() -> None:
    data = gif(frame([0] * 4, (1, 2, 2, 2)), frame([1] * 25, (2, 3, 5, 5)))
    first = (1, 2, 2, 2, RED)
    wanted = [canvas((6, 4), first), canvas((6, 4), first, (2, 3, 2, 3, GREEN))]
    assert_alike(rgba(opened(data)[1]), wanted)


def test_gif_local_palettes_and_interlacing() -> None:
    """Rows 0, 4, 2, 1, 3 in the file."""
    order = [0, 4, 2, 1, 3]
    place = struct.pack("<HHHHB", 0, 0, 1, 5, 0xC1)
    own = bytes(range(100, 112))
    second = b"," + place + own + frame([order[n] % 4 for n in range(5)], (0, 0, 1, 5))[10:]
    data = gif(frame([0] * 24, (0, 0, 4, 6)), second)
    found = list(opened(data)[1].frames())[1].pixels
    np.testing.assert_array_equal(found[:5, 0], np.frombuffer(own, np.uint8).reshape(4, 3)[[0, 1, 2, 3, 0]])
    np.testing.assert_array_equal(found, by_pillow(data)[1][..., :3])


def test_gif_timing() -> None:
    one = frame([1] * 24, (0, 0, 4, 6))
    for blocks, plays in (((), 1), ((loops(0),), 0), ((loops(2),), 3)):
        _, animation = opened(gif(*blocks, control(delay=7), one, one, control(delay=65_535), one))
        assert [f.duration for f in animation.frames()] == [Fraction(7, 100), 0, Fraction(65_535, 100)]
        assert animation.stored.plays == plays


@pytest.mark.parametrize("dispose", [0, 1, 2])
@pytest.mark.parametrize("blend", [0, 1])
def test_apng_disposal_and_blending(dispose: int, blend: int) -> None:
    rng = np.random.default_rng(dispose * 2 + blend)
    full = rng.integers(0, 256, (5, 6, 4), np.uint8)
    part = rng.integers(0, 256, (3, 2, 4), np.uint8)
    part[0, 0, 3], part[0, 1, 3], full[1, 2, 3] = 0, 255, 0
    last = rng.integers(0, 256, (2, 2, 4), np.uint8)
    frames = [png_frame(full), png_frame(part, 2, 1, dispose=dispose, blend=blend), png_frame(last, 2, 1)]
    data = joined(apng((5, 6), frames))
    drawn = part.astype(float)
    if blend:
        top, under = part / 255.0, full[1:4, 2:4] / 255.0
        alpha = top[..., 3:] + under[..., 3:] * (1 - top[..., 3:])
        color = top[..., :3] * top[..., 3:] + under[..., :3] * under[..., 3:] * (1 - top[..., 3:])
        drawn = 255 * np.dstack([color / np.maximum(alpha, 1e-9), alpha])
    second = full.copy()
    second[1:4, 2:4] = np.rint(drawn)
    third = [second, canvas((5, 6)), full][dispose].copy()
    if dispose == 1:
        third = full.copy()
        third[1:4, 2:4] = 0
    third[1:3, 2:4] = last
    found = rgba(opened(data)[1])
    assert_alike(found, [full, second, third], tolerance=1)
    assert_alike(found[:1], by_opencv(data)[:1])
    if not blend:
        assert_alike(by_opencv(data), found)


def test_apng_first_frame_that_is_to_be_restored_is_cleared() -> None:
    red, blue = np.full((4, 4, 4), RED, np.uint8), np.full((2, 2, 4), BLUE, np.uint8)
    data = joined(apng((4, 4), [png_frame(red, dispose=2), png_frame(blue, 1, 1)]))
    wanted = [red, canvas((4, 4), (1, 1, 2, 2, BLUE))]
    assert_alike(rgba(opened(data)[1]), wanted)
    assert_alike(by_opencv(data), wanted)


def test_apng_default_image_that_is_no_frame() -> None:
    frames = scene(3)
    _, still = png_frame(np.full((24, 30, 4), RED, np.uint8))
    data = joined(apng((24, 30), [png_frame(f) for f in frames], still=still))
    picture, animation = opened(data)
    assert_alike(rgba(animation), frames)
    assert (picture.pixels == RED[:3]).all()
    (apart,) = animation.still(picture)
    assert apart.duration is None
    assert (apart.pixels == RED[:3]).all()
    assert FIRST_PAGE not in picture.notes


def test_apng_with_one_frame_beside_its_default_image_is_an_animation() -> None:
    _, still = png_frame(np.full((24, 30, 4), RED, np.uint8))
    data = joined(apng((24, 30), [png_frame(scene(1)[0])], still=still))
    assert_alike(rgba(opened(data)[1]), scene(1))


def test_apng_timing() -> None:
    delays = [(0, 0), (3, 0), (0, 7), (1, 30), (65_535, 1)]
    data = joined(apng((24, 30), [png_frame(f, delay=d) for f, d in zip(scene(), delays, strict=True)], plays=7))
    _, animation = opened(data)
    wanted = [0, Fraction(3, 100), 0, Fraction(1, 30), 65_535]
    assert [f.duration for f in animation.frames()] == wanted
    assert animation.stored.plays == 7


@pytest.mark.parametrize("color", [0, 3])
def test_apng_of_gray_and_palettes(color: int) -> None:
    values = [np.arange(12, dtype=np.uint8).reshape(3, 4) % 4, np.full((2, 2), 3, np.uint8)]
    before = [(b"PLTE", COLORS.tobytes())] if color == 3 else []
    frames = [png_frame(values[0][..., None]), png_frame(values[1][..., None], 1, 1)]
    picture, animation = opened(joined(apng((3, 4), frames, color=color, before=before)))
    second = values[0].copy()
    second[1:3, 1:3] = 3
    wanted = [v[..., None] if color == 0 else COLORS[v] for v in (values[0], second)]
    for one, other in zip(animation.frames(), wanted, strict=True):
        np.testing.assert_array_equal(one.pixels, other)
    assert picture.pixels.shape[2] == wanted[0].shape[2]


def test_apng_of_16_bits_is_read_as_8() -> None:
    deep = np.array([[0, 128, 0x7FFF, 65_535]], ">u2")
    rows = zlib.compress(b"\0" + deep.tobytes())
    chunks = apng((1, 4), [(png_frame(np.zeros((1, 4, 1), np.uint8))[0], rows)] * 2, color=0)
    chunks[0] = (b"IHDR", struct.pack(">IIBBBBB", 4, 1, 16, 0, 0, 0, 0))
    picture, animation = opened(joined(chunks))
    assert [f.pixels.ravel().tolist() for f in animation.frames()] == [[0, 0, 127, 255]] * 2
    assert "more than 8 bits per channel; read as 8" in picture.notes


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("over", [False, True])
def test_webp_disposal_and_blending(clear: bool, over: bool) -> None:
    base = np.full((8, 10, 4), RED, np.uint8)
    part = np.full((4, 4, 4), GREEN, np.uint8)
    part[:2, :, 3] = 0
    last = np.full((2, 2, 4), BLUE, np.uint8)
    data = webp(
        (8, 10), [webp_frame(base), webp_frame(part, 2, 2, clear=clear, over=over), webp_frame(last, 8, 6, over=False)]
    )
    second = base.copy()
    second[2:6, 2:6] = part
    if over:
        second[2:4, 2:6] = RED
    third = second.copy()
    if clear:
        third[2:6, 2:6] = 0
    third[6:8, 8:10] = BLUE
    assert_alike(rgba(opened(data)[1]), [base, second, third])
    assert_alike(by_pillow(data), [base, second, third])
    assert_alike(by_opencv(data), [base, second, third])


def test_webp_blends_like_libwebp() -> None:
    rng = np.random.default_rng(5)
    frames = [rng.integers(0, 256, (16, 16, 4), np.uint8) for _ in range(4)]
    data = webp((16, 16), [webp_frame(f) for f in frames])
    assert_alike(rgba(opened(data)[1]), by_pillow(data), tolerance=3)


def test_webp_lossy_with_alpha_timing_and_background() -> None:
    frames = scene(3, clear=True)
    data = saved(frames, "WEBP", lossless=False, duration=[40, 0, 70], loop=4, background=(1, 2, 3, 4))
    _, animation = opened(data)
    assert_alike(rgba(animation), by_pillow(data))
    assert [f.duration for f in animation.frames()] == [Fraction(40, 1000), 0, Fraction(70, 1000)]
    assert (animation.stored.plays, animation.stored.background) == (4, bytes([3, 2, 1, 4]))


def test_repeated_frames_are_found() -> None:
    one, other = scene(2)
    _, animation = opened(saved([one, other], "WEBP"))
    assert [f.repeats for f in animation.frames()] == [False, False]
    data = webp((24, 30), [webp_frame(one), webp_frame(one), webp_frame(other[:2, :2]), webp_frame(other)])
    assert [f.repeats for f in opened(data)[1].frames()] == [False, True, True, False]


@pytest.mark.parametrize("turn", [3, 6])
def test_frames_are_turned_upright(turn: int) -> None:
    frames = scene(3)
    exif = webp_chunk(b"EXIF", exif_block(turn))
    picture, animation = opened(webp((24, 30), [webp_frame(f) for f in frames], flags=0x1A, after=exif))
    assert_alike(rgba(animation), [np.rot90(f, -1 if turn == 6 else 2) for f in frames])
    assert picture.size == ((30, 24) if turn == 6 else (24, 30))


def files() -> dict[str, bytes]:
    return {
        "GIF": gif(loops(0), *(control(delay=4) + frame([n] * 24, (0, 0, 4, 6)) for n in range(4))),
        "PNG": joined(apng((24, 30), [png_frame(f) for f in scene(4)])),
        "WEBP": webp((24, 30), [webp_frame(f) for f in scene(4)]),
    }


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_what_breaks_off_keeps_its_whole_frames_with_a_note(kind: str) -> None:
    data = files()[kind]
    whole = rgba(opened(data)[1])
    counts = []
    for stop in range(0, len(data), 2):
        try:
            picture = decode_frames(data[:stop], PATH, 10**6)
        except ImageError:
            counts.append(0)
            continue
        if picture.animation is None:
            # One whole frame is a still picture; whether others began is in the note.
            counts.append(1)
            continue
        found = rgba(picture.animation)
        assert_alike(found, whole[: len(found)])
        count = "first frame is" if len(found) == 1 else f"first {len(found)} frames are"
        assert picture.animation.notes == [f"damaged: the file breaks off; only its {count} used"]
        counts.append(len(found))
    assert counts == sorted(counts)
    assert {0, 2, 3} <= set(counts)
    assert opened(data)[1].notes == []


def test_a_damaged_frame_ends_an_apng_with_a_note() -> None:
    chunks = apng((24, 30), [png_frame(f) for f in scene(5)])
    controls = [n for n, (name, _) in enumerate(chunks) if name == b"fcTL"]
    for number in (controls[3], controls[3] + 1):
        _, animation = opened(joined(chunks, damaged=number))
        assert_alike(rgba(animation), scene(5)[:3])
        assert animation.notes == ["damaged: frame 4 of 5 cannot be decoded; only its first 3 frames are used"]


def test_an_apng_with_fewer_frames_than_it_claims() -> None:
    chunks = apng((24, 30), [png_frame(f) for f in scene(3)])
    chunks[1] = (b"acTL", struct.pack(">II", 9, 0))
    _, animation = opened(joined(chunks))
    assert_alike(rgba(animation), scene(3))
    assert animation.notes == ["damaged: frame 4 of 9 cannot be decoded; only its first 3 frames are used"]


@pytest.mark.parametrize("place", [(30, 0), (0, 24), (2, 0), (2**31, 0)])
def test_apng_frames_outside_the_picture_are_damage(place: tuple[int, int]) -> None:
    frames = [png_frame(scene(1)[0]), png_frame(scene(1)[0]), png_frame(scene(1)[0], *place)]
    _, animation = opened(joined(apng((24, 30), frames)))
    assert len(rgba(animation)) == 2
    assert animation.notes == ["damaged: frame 3 of 3 cannot be decoded; only its first 2 frames are used"]


def test_webp_frames_with_wrong_sizes_are_damage() -> None:
    good, small = webp_frame(scene(1)[0]), bytearray(webp_frame(scene(1)[0]))
    small[8 + 6 : 8 + 9] = (10).to_bytes(3, "little")  # its width, not that of its pixels
    _, animation = opened(webp((24, 30), [good, good, bytes(small), good]))
    assert len(rgba(animation)) == 2
    assert animation.notes == ["damaged: frame 3 of 4 cannot be decoded; only its first 2 frames are used"]
    outside = webp_frame(scene(1)[0], left=2)
    _, animation = opened(webp((24, 30), [good, good, outside]))
    assert len(rgba(animation)) == 2
    assert animation.notes == ["damaged: frame 3 of 3 cannot be decoded; only its first 2 frames are used"]


def test_the_sum_of_the_frames_counts_against_the_limit() -> None:
    data = saved(scene(5, 100, 100), "WEBP")
    assert opened(data, 50_000)[1].count == 5
    with pytest.raises(ImageError, match=r"^x: its 5 frames .* --max-pixels 1, or use --frames first$"):
        decode_frames(data, PATH, 49_999)


def test_many_tiny_frames_and_huge_parts_count_too() -> None:
    tiny = frame([1], (0, 0, 1, 1))
    with pytest.raises(ImageError, match=r"its 1,000 frames have 4.1 million pixels"):
        decode_frames(gif(frame([1] * 24, (0, 0, 4, 6)), *[tiny] * 999), PATH, 10**6)
    huge = frame([1], (0, 0, 60_000, 60_000))
    with pytest.raises(ImageError, match=r"--max-pixels 3601, or use --frames first"):
        decode_frames(gif(frame([1] * 24, (0, 0, 4, 6)), huge), PATH, 10**8)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_a_single_frame_is_no_animation(kind: str, tmp_path: Path) -> None:
    data = {
        "GIF": gif(frame([1] * 24, (0, 0, 4, 6))),
        "PNG": joined(apng((24, 30), [png_frame(scene(1)[0])])),
        "WEBP": webp((24, 30), [webp_frame(scene(1)[0])]),
    }[kind]
    assert decode_frames(data, PATH, 10**6).animation is None
    (tmp_path / "x.gif").write_bytes(data)
    assert not is_animated(tmp_path / "x.gif")
    (tmp_path / "x.gif").write_bytes(files()[kind])
    assert is_animated(tmp_path / "x.gif") == (kind == "GIF")


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"GIF89a" + bytes(7), gif(extension(0xFE, b"no frame"))])
def test_a_gif_without_frames_is_not_animated(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.gif").write_bytes(data)
    assert not is_animated(tmp_path / "x.gif")
    assert not is_animated(tmp_path / "missing.gif")


def test_mutated_animations_are_read_or_refused() -> None:
    rng = np.random.default_rng(1)
    read = refused = 0
    for data in files().values():
        for _ in range(150):
            broken = bytearray(data)
            for _ in range(int(rng.integers(1, 4))):
                broken[rng.integers(len(broken))] = rng.integers(256)
            try:
                picture = decode_frames(bytes(broken), PATH, 10**6)
                count = 1 if picture.animation is None else len(rgba(picture.animation))
                assert count > 0
                read += 1
            except ImageError:
                refused += 1
    assert read > 20
    assert refused > 20
