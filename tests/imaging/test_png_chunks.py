"""Which damage of a PNG file costs the picture and which only the chunk; where the outcome is libpng's, it was tried."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restore.errors import ImageError
from restore.imaging.decode import read_picture
from restore.imaging.header import read_size
from restore.imaging.png import chunks as png_chunks
from tests.imaging.png_files import GRAY, PALETTE, RGB, Chunk, pixels, png, rgb, written
from tests.imaging.samples import exif_block

RAW = b"".join(b"\0" + row.tobytes() for row in pixels())
PACKED = zlib.compress(RAW)
ACTL = (b"acTL", struct.pack(">II", 2, 0))


def fctl(number: int, width: int = 6, height: int = 8) -> Chunk:
    return b"fcTL", struct.pack(">5IHHBB", number, width, height, 0, 0, 1, 10, 0, 0)


def fdat(number: int, content: bytes = PACKED) -> Chunk:
    return b"fdAT", struct.pack(">I", number) + content


@pytest.mark.parametrize("name", [b"sRGB", b"gAMA", b"pHYs", b"tEXt", b"tRNS", b"eXIf", b"iCCP"])
def test_a_wrong_checksum_in_an_ancillary_chunk_costs_the_chunk(tmp_path: Path, name: bytes) -> None:
    content = {b"sRGB": b"\0", b"gAMA": struct.pack(">I", 50_000), b"pHYs": struct.pack(">IIB", 3937, 3937, 1)}
    content |= {b"tEXt": b"Author\0Jane", b"tRNS": bytes([0, 5, 0, 3, 0, 255]), b"eXIf": exif_block()}
    path = written(tmp_path, rgb([(name, content.get(name, b"x\0\0"))], damaged=frozenset({name})))
    read = read_picture(path)
    np.testing.assert_array_equal(read.pixels, pixels())
    assert read.notes == (f"damaged {name.decode()} chunk dropped",)
    assert (read.alpha, read.icc, read.exif, read.density, read.png_color, read.png_text) == (*[None] * 5, ())
    assert read_size(path) == (8, 6)


@pytest.mark.parametrize("name", [b"sRGB", b"gAMA", b"cHRM", b"cICP", b"pHYs"])
def test_a_wrong_length_in_an_ancillary_chunk_costs_the_chunk(tmp_path: Path, name: bytes) -> None:
    read = read_picture(written(tmp_path, rgb([(name, b"")])))
    assert read.notes == (f"damaged {name.decode()} chunk dropped",)


def test_many_damaged_chunks_are_one_note(tmp_path: Path) -> None:
    names = [b"sRGB", b"gAMA", b"cHRM", b"cICP", b"pHYs", b"tEXt"]
    read = read_picture(written(tmp_path, rgb([(name, b"") for name in names], damaged=frozenset(names))))
    assert read.notes == ("damaged sRGB, gAMA, cHRM, cICP and 2 more chunks dropped",)


@pytest.mark.parametrize("name", [b"IHDR", b"IDAT", b"PLTE", b"IEND"])
def test_a_wrong_checksum_in_a_critical_chunk_costs_the_picture(tmp_path: Path, name: bytes) -> None:
    path = written(tmp_path, rgb([(b"PLTE", b"abc")], damaged=frozenset({name})))
    with pytest.raises(ImageError, match=f"x.png: damaged picture: wrong checksum in its {name.decode()} chunk"):
        read_picture(path)


def surplus_without_end() -> bytes:
    packer = zlib.compressobj()
    return packer.compress(RAW + b"xx") + packer.flush(zlib.Z_SYNC_FLUSH)


SPLIT = [(b"tEXt", b"a\0b"), (b"IDAT", PACKED[40:])]
NO_END = zlib.compressobj()
DAMAGE = {
    "a row missing": (rgb(data=zlib.compress(RAW[:-19])), "end before its last row"),
    "a byte missing": (rgb(data=zlib.compress(RAW[:-1])), "end before its last row"),
    "half the rows": (rgb(data=zlib.compress(RAW[: len(RAW) // 2])), "end before its last row"),
    "a gap": (rgb(data=PACKED[:40], after=SPLIT), "end before its last row"),
    "no data": (rgb(data=b""), "end before its last row"),
    "wrong sum": (rgb(data=PACKED[:-1] + bytes([PACKED[-1] ^ 1])), "image data are damaged"),
    "no sum": (rgb(data=PACKED[:-4]), "image data have no end"),
    "no end": (rgb(data=NO_END.compress(RAW) + NO_END.flush(zlib.Z_SYNC_FLUSH)), "image data have no end"),
    "surplus without an end": (rgb(data=surplus_without_end()), "image data have no end"),
    "garbage": (rgb(data=PACKED[:20] + b"\xff" * 9 + PACKED[29:]), "image data are damaged"),
    "no zlib": (rgb(data=b"\0" * 99), "image data are damaged"),
    "unknown filter": (rgb(data=zlib.compress(b"\x09" + RAW[1:])), "damaged picture"),
    "no palette": (png([b"\0"], 1, 8, PALETTE), "its palette is missing"),
    "palette of a byte": (png([b"\0"], 1, 8, PALETTE, [(b"PLTE", b"\0")]), "its palette has 1 bytes"),
    "palette too long": (png([b"\0"], 1, 8, PALETTE, [(b"PLTE", bytes(771))]), "its palette has 771 bytes"),
    "two headers": (rgb([(b"IHDR", bytes(13))]), "two IHDR chunks"),
    "5 bits": (png([b"\0" * 9], 9, 5, GRAY), "claims 5 bits of color type 0"),
    "4 bits of red": (png([b"\0" * 9], 6, 4, RGB), "claims 4 bits of color type 2"),
    "no rows": (png([], 9, 8, GRAY), "claims 9 x 0 pixels"),
    "unknown critical chunk": (rgb([(b"CgBI", b"P\0 \6")]), "needs a decoder that knows its CgBI chunk"),
    "no chunk": (rgb()[:33] + bytes(40), "no chunk where one should begin, at byte 33"),
    "an end alone": (b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\xaeB`\x82", "its IHDR chunk is missing"),
    "no pixels": (rgb()[:33] + rgb()[-12:], "it has no image data"),
}


@pytest.mark.parametrize(("data", "says"), DAMAGE.values(), ids=DAMAGE)
def test_damage_that_costs_the_picture(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        read_picture(written(tmp_path, data))


@pytest.mark.parametrize("keep", [2**27, 0])
@pytest.mark.parametrize(
    "data",
    [
        rgb(data=zlib.compress(RAW + b"xx")),
        rgb(data=zlib.compress(RAW + bytes(10**6))),
        rgb(data=PACKED + b"junk"),
        rgb(after=[(b"IDAT", b"junk")]),
        rgb(after=[(b"tEXt", b"a\0b"), (b"IDAT", b"junk")]),
    ],
    ids=["two bytes", "a megabyte", "behind the stream", "chunk", "chunk apart"],
)
def test_surplus_image_data_are_noted(tmp_path: Path, data: bytes, keep: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_chunks, "_KEPT", keep)
    read = read_picture(written(tmp_path, data))
    np.testing.assert_array_equal(read.pixels, pixels())
    assert read.notes == ("surplus image data ignored",)


@pytest.mark.parametrize("keep", [2**27, 0])
@pytest.mark.parametrize("bits", [8, 16])
def test_data_in_many_chunks(tmp_path: Path, bits: int, keep: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_chunks, "_KEPT", keep)
    monkeypatch.setattr(png_chunks, "_PIECE", 7)
    monkeypatch.setattr(png_chunks, "_BLOCK", 5)
    values = pixels().astype(f">u{bits // 8}") * (257 if bits == 16 else 1)
    raw = zlib.compress(b"".join(b"\0" + row.tobytes() for row in values))
    parts = [(b"IDAT", raw[i : i + 11]) for i in range(0, len(raw), 11)]
    data = png([b""] * 8, 6, bits, chunks=[*parts, (b"IDAT", b"")], data=b"")
    read = read_picture(written(tmp_path, data))
    np.testing.assert_array_equal(read.pixels, values)
    assert read.notes == ()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 9), (2, 2), (3, 5), (5, 3), (4, 1), (9, 8), (17, 33)])
@pytest.mark.parametrize(("bits", "color"), [(1, 0), (4, 0), (8, 2), (16, 2)])
def test_interlaced_pictures_are_complete_or_refused(
    tmp_path: Path, width: int, height: int, bits: int, color: int
) -> None:
    """The seven passes by the specification's table, of samples that are all ones."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b""
    for column, row, right, down in passes:
        columns, rows = len(range(column, width, right)), len(range(row, height, down))
        if columns:
            raw += (b"\0" + b"\xff" * -(-columns * bits * (3 if color else 1) // 8)) * rows
    options = {"height": height, "interlaced": True}
    read = read_picture(written(tmp_path, png([], width, bits, color, data=zlib.compress(raw), **options)))
    assert read.size == (height, width)
    assert (read.pixels == np.iinfo(read.pixels.dtype).max).all()
    assert read.notes == ()
    with pytest.raises(ImageError, match="end before its last row"):
        read_picture(written(tmp_path, png([], width, bits, color, data=zlib.compress(raw[:-1]), **options)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([ACTL, fctl(0)], [fctl(1), fdat(2)]),
        ([ACTL], [fctl(0), fdat(1), fctl(2), fdat(3)]),
        ([ACTL, fctl(7)], [fctl(3), fdat(3)]),
        ([ACTL, fctl(0)], [fdat(1)]),
        ([ACTL, ACTL, fctl(0, 600, 800)], [fctl(1, 600, 800), fdat(2)]),
        ([ACTL, fctl(0)], [fctl(1), fdat(2, b"junk")]),
        ([(b"acTL", b"\0"), (b"fcTL", b"\0")], [(b"fdAT", b"\0")]),
        ([], [fdat(0)]),
    ],
    ids=["first frame", "default is no frame", "order", "no control", "too large", "junk", "short", "no header"],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_an_animation_costs_only_itself(tmp_path: Path, before: list[Chunk], after: list[Chunk], bits: int) -> None:
    values = pixels().astype(f">u{bits // 8}") * (257 if bits == 16 else 1)
    path = written(tmp_path, png([row.tobytes() for row in values], 6, bits, chunks=before, after=after))
    read = read_picture(path)
    np.testing.assert_array_equal(read.pixels, values)
    assert read.pixels.dtype == (np.uint16 if bits == 16 else np.uint8)
    assert read.notes == ("the file contains several pictures; only the first is used",)
    assert read_size(path) == (8, 6)


def test_an_animation_of_one_frame_is_a_picture(tmp_path: Path) -> None:
    assert read_picture(written(tmp_path, rgb([(b"acTL", struct.pack(">II", 1, 0)), fctl(0)]))).notes == ()


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("high", [False, True])
def test_one_gray_level_is_transparent(tmp_path: Path, bits: int, high: bool) -> None:
    """The key is in the file's units; its further bits do not count."""
    digits = "".join(f"{n:0{bits}b}" for n in range(2**bits)).ljust(8, "0")
    row = int(digits, 2).to_bytes(len(digits) // 8, "big")
    for key in (0, 1, 2**bits - 1):
        stored = key | (0xFF00 if high else 0)
        data = png([row], 2**bits, bits, GRAY, [(b"tRNS", struct.pack(">H", stored))])
        read = read_picture(written(tmp_path, data))
        np.testing.assert_array_equal(read.pixels[0, :, 0], np.arange(2**bits) * 255 // (2**bits - 1))
        np.testing.assert_array_equal(read.alpha, np.where(np.arange(2**bits) == key, 0, 255)[None])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("color", [GRAY, RGB])
def test_one_color_is_transparent(tmp_path: Path, bits: int, color: int) -> None:
    values = (pixels().astype(int) * 257 + 1).astype(">u2") if bits == 16 else pixels()
    values = values[..., :1] if color == GRAY else values
    key = values[3, 2].astype(">u2").tobytes()
    data = png([row.tobytes() for row in values], 6, bits, color, [(b"tRNS", key)])
    read = read_picture(written(tmp_path, data))
    np.testing.assert_array_equal(read.pixels, values)
    wanted = np.full((8, 6), np.iinfo(read.pixels.dtype).max)
    wanted[(values == values[3, 2]).all(2)] = 0
    np.testing.assert_array_equal(read.alpha, wanted)


@pytest.mark.parametrize("opacity", [b"\0", b"\xff\x80", b"\x10\0\x20", b"\xff\0"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_palette_with_opacity(tmp_path: Path, bits: int, opacity: bytes) -> None:
    palette = np.array([[255, 0, 0], [0, 255, 0], [9, 8, 7]], np.uint8)
    row = {2: b"\x18", 4: b"\x01\x20", 8: b"\0\1\2"}[bits]
    chunks = [(b"PLTE", palette.tobytes()), (b"tRNS", opacity)]
    read = read_picture(written(tmp_path, png([row], 3, bits, PALETTE, chunks)))
    np.testing.assert_array_equal(read.pixels, palette[None])
    np.testing.assert_array_equal(read.alpha, [list(opacity.ljust(3, b"\xff"))])


@pytest.mark.parametrize(("color", "content"), [(GRAY, b"\0"), (RGB, bytes(4)), (PALETTE, bytes(3)), (6, bytes(6))])
def test_opacity_that_does_not_fit_is_dropped(tmp_path: Path, color: int, content: bytes) -> None:
    row = b"\1" * {GRAY: 1, RGB: 3, PALETTE: 1, 6: 4}[color]
    read = read_picture(written(tmp_path, png([row], 1, 8, color, [(b"PLTE", bytes(6)), (b"tRNS", content)])))
    assert read.notes == ("transparency dropped: it does not fit the pixels",)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_indices_beyond_the_palette_are_black(tmp_path: Path, bits: int) -> None:
    read = read_picture(written(tmp_path, png([b"\xff"], 1, bits, PALETTE, [(b"PLTE", b"\x09\x08\x07")])))
    assert read.pixels.tolist() == [[[0, 0, 0]]]


def test_a_palette_of_more_colors_than_the_bits_can_name(tmp_path: Path) -> None:
    chunks = [(b"PLTE", bytes(range(12))), (b"tRNS", b"\1\2")]
    read = read_picture(written(tmp_path, png([b"\x40"], 2, 1, PALETTE, chunks)))
    assert (read.pixels.tolist(), read.alpha.tolist()) == ([[[0, 1, 2], [3, 4, 5]]], [[1, 2]])


def test_a_large_claim_is_refused_before_inflating(tmp_path: Path) -> None:
    data = png([], 40_000, 8, RGB, data=zlib.compress(bytes(10**6)), height=40_000)
    with pytest.raises(ImageError, match="40000 x 40000 pixels are more than the limit"):
        read_picture(written(tmp_path, data))


def test_endless_chunks_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_chunks, "_MOST_CHUNKS", 1000)
    assert read_picture(written(tmp_path, rgb([(b"IDAT", b"")] * 900))).size == (8, 6)
    with pytest.raises(ImageError, match="more than 1,000 chunks"):
        read_picture(written(tmp_path, rgb([(b"IDAT", b"")] * 1000)))


def test_turned_by_metadata_behind_the_pixels(tmp_path: Path) -> None:
    read = read_picture(written(tmp_path, rgb(after=[(b"eXIf", exif_block(6))])))
    np.testing.assert_array_equal(read.pixels, np.rot90(pixels(), -1))


def test_random_bits_of_chunk_headers() -> None:
    """Whatever the chunks before the pixels claim, the file is parsed or refused with a ValueError."""
    draw = random.Random(1)
    whole = rgb([(b"tRNS", bytes(6)), (b"tEXt", b"a\0b"), (b"gAMA", bytes(4))])
    parsed = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(draw.randrange(1, 4)):
            data[draw.randrange(33, whole.index(b"IDAT"))] ^= 1 << draw.randrange(8)
        try:
            cleaned = png_chunks.for_decoders(png_chunks.parse(bytes(data)))
        except ValueError:
            continue
        parsed += 1
        with Image.open(io.BytesIO(cleaned)) as image:
            assert image.format == "PNG", "a decoder takes it"
    assert 10 < parsed < 290, "some of each kind"
