"""Animations made by hand, and how other programs see them."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.imaging.png_files import chunk

RGBA = np.ndarray


def scene(count: int = 5, height: int = 24, width: int = 30, clear: bool = False) -> list[RGBA]:
    """RGBA frames of few colors: a square moves over a background, which may be transparent."""
    frames = []
    for number in range(count):
        frame = np.zeros((height, width, 4), np.uint8)
        if not clear:
            frame[...] = (40, 90, 160, 255)
            frame[: height // 2, ::3, :3] = (250, 240, 10)
        frame[4 + number : 12 + number, 2 + 3 * number : 10 + 3 * number] = (220, 10 * number, 30, 255)
        frames.append(frame)
    return frames


def saved(frames: Sequence[RGBA], kind: str, **options: object) -> bytes:
    """A lossless file of full frames, by Pillow."""
    images = [Image.fromarray(frame) for frame in frames]
    if all((frame[..., 3] == 255).all() for frame in frames):
        images = [image.convert("RGB") for image in images]
    buffer = io.BytesIO()
    more = {"lossless": True} if kind == "WEBP" else {}
    images[0].save(buffer, kind, save_all=True, append_images=images[1:], **{"duration": 80, **more, **options})
    return buffer.getvalue()


def png_frame(
    pixels: RGBA, left: int = 0, top: int = 0, delay: tuple[int, int] = (1, 10), dispose: int = 0, blend: int = 0
) -> tuple[bytes, bytes]:
    """Content of fcTL without its sequence number, and compressed rows."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return struct.pack(">IIIIHHBB", width, height, left, top, *delay, dispose, blend), zlib.compress(rows)


def apng(
    size: tuple[int, int],
    frames: Sequence[tuple[bytes, bytes]],
    plays: int = 0,
    still: bytes | None = None,
    color: int = 6,
    before: Sequence[tuple[bytes, bytes]] = (),
) -> list[tuple[bytes, bytes]]:
    """Chunks of an APNG file; ``still`` are the compressed rows of a default image that is not a frame."""
    height, width = size
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)), *before]
    chunks.append((b"acTL", struct.pack(">II", len(frames), plays)))
    if still is not None:
        chunks.append((b"IDAT", still))
    sequence = 0
    for number, (control, data) in enumerate(frames):
        chunks.append((b"fcTL", struct.pack(">I", sequence) + control))
        sequence += 1
        if number == 0 and still is None:
            chunks.append((b"IDAT", data))
            continue
        for half in (data[:20], data[20:]):
            chunks.append((b"fdAT", struct.pack(">I", sequence) + half))
            sequence += 1
    return [*chunks, (b"IEND", b"")]


def joined(chunks: Sequence[tuple[bytes, bytes]], damaged: int | None = None) -> bytes:
    """A PNG file; the checksum of one chunk may be wrong."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one, n == damaged) for n, one in enumerate(chunks))


def webp_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def webp_frame(
    pixels: RGBA, left: int = 0, top: int = 0, duration: int = 100, clear: bool = False, over: bool = True
) -> bytes:
    """An ANMF chunk with lossless pixels."""
    height, width = pixels.shape[:2]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, exact=True)
    data = buffer.getvalue()
    vp8l = data[data.index(b"VP8L") :]
    numbers = (left // 2, top // 2, width - 1, height - 1, duration)
    place = b"".join(n.to_bytes(3, "little") for n in numbers)
    return webp_chunk(b"ANMF", place + bytes([clear | (not over) << 1]) + vp8l)


def webp(
    size: tuple[int, int],
    frames: Sequence[bytes],
    plays: int = 0,
    background: bytes = bytes(4),
    flags: int = 0x12,
    after: bytes = b"",
) -> bytes:
    sides = b"".join((side - 1).to_bytes(3, "little") for side in size[::-1])
    content = b"WEBP" + webp_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides)
    content += webp_chunk(b"ANIM", background + struct.pack("<H", plays)) + b"".join(frames) + after
    return b"RIFF" + struct.pack("<I", len(content)) + content


def by_pillow(data: bytes) -> list[RGBA]:
    """RGBA frames as Pillow sees them."""
    with Image.open(io.BytesIO(data)) as image:
        found = []
        for number in range(image.n_frames):
            image.seek(number)
            found.append(np.asarray(image.convert("RGBA")))
        return found


def read_by_opencv(data: bytes) -> cv2.Animation:
    """An animation as OpenCV sees it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "animation"
        file.write_bytes(data)  # OpenCV 4 reads animated WebP from files only
        whole, animation = cv2.imreadanimation(str(file))
    assert whole
    return animation


def by_opencv(data: bytes) -> list[RGBA]:
    """RGBA frames as OpenCV sees them."""
    animation = read_by_opencv(data)
    frames = [cv2.cvtColor(f, cv2.COLOR_BGR2BGRA) if f.shape[2] == 3 else f for f in animation.frames]
    return [cv2.cvtColor(f, cv2.COLOR_BGRA2RGBA) for f in frames]


def assert_alike(found: Sequence[RGBA], wanted: Sequence[RGBA], tolerance: int = 0) -> None:
    """The same frames; colors under transparent pixels do not count."""
    assert len(found) == len(wanted)
    for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
        np.testing.assert_allclose(one[..., 3].astype(int), other[..., 3], atol=tolerance, err_msg=f"alpha {number}")
        seen = other[..., 3] > 0
        np.testing.assert_allclose(
            one[seen][:, :3].astype(int), other[seen][:, :3], atol=tolerance, err_msg=f"frame {number}"
        )
