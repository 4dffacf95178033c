"""The frames of an AVIF image sequence, which Pillow decodes (AV1 Image File Format, clause 3; ISO/IEC 14496-12)."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, islice, repeat

import numpy as np
from PIL import Image

from restore.imaging import heif
from restore.imaging.animation.stored import Decoded, Piece, Stored, within_limit
from restore.imaging.boxes import Box, boxes, inside
from restore.imaging.picture import to8

_UNTIL_STOPPED = frozenset({2**32 - 1, 2**64 - 1})  # durations that mean an unknown one


def is_avif(data: bytes) -> bool:
    """Whether a file with this beginning is an AVIF image sequence."""
    return data[4:12] == b"ftypavis"


def read(data: bytes, pixel_limit: int) -> Stored | None:
    """The animation in an AVIF file; None if it has none, or a header that decoders refuse.

    Raises:
        ImageError: the frames have more pixels than the limit.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=["AVIF"])
    except Exception:  # decoders raise anything on a broken file; decoding the picture will report it
        return None
    count, (width, height) = getattr(image, "n_frames", 1), image.size
    track = _picture_track(data)
    if track is None or count < 2:
        return None
    crop = heif.properties(data).crop
    if crop is not None:
        width, height = crop.width, crop.height
    transparent = image.mode.endswith("A")
    pieces = (
        Piece(0, 0, width, height, duration, "keep", over=False, clear=transparent)
        for duration in islice(chain(_durations(data, track), repeat(Fraction(0))), count)
    )

    def frame(number: int) -> Decoded:
        image.seek(number)
        image.load()
        samples = np.atleast_3d(np.asarray(image))
        color, alpha = (samples[..., :-1], samples[..., -1]) if transparent else (samples, None)
        pixels, alpha = heif.cropped(data, color, alpha)
        return to8(pixels), None if alpha is None else to8(alpha)

    stored = Stored(data, width, height, _plays(data, track), gray=image.mode[0] == "L", frame=frame, declared=count)
    # What one frame costs does not depend on the crop.
    stored.pieces.extend(within_limit(pieces, lambda: image.width * image.height, pixel_limit))
    return stored


def _picture_track(data: bytes) -> Box | None:
    """The first track of pictures; transparency is in another kind of track."""
    movie = inside(data, b"moov")
    for track in boxes(data, movie.start, movie.stop) if movie else ():
        handler = _below(data, track, b"mdia", b"hdlr")
        if handler and data[handler.start + 8 : handler.start + 12] == b"pict":
            return track
    return None


def _below(data: bytes, box: Box, *path: bytes) -> Box | None:
    for kind in path:
        found = next((one for one in boxes(data, box.start, box.stop) if one.kind == kind), None)
        if found is None:
            return None
        box = found
    return box


def _durations(data: bytes, track: Box) -> Iterator[Fraction]:
    """How long each frame is shown, in seconds (time-to-sample box, clause 8.6.1.2)."""
    header, times = _below(data, track, b"mdia", b"mdhd"), _below(data, track, b"mdia", b"minf", b"stbl", b"stts")
    if header is None or times is None:
        return
    (units,) = struct.unpack_from(">I", data, header.start + (20 if data[header.start] else 12))
    (runs,) = struct.unpack_from(">I", data, times.start + 4)
    for at in range(times.start + 8, min(times.start + 8 + 8 * runs, times.stop - 7), 8):
        count, duration = struct.unpack_from(">II", data, at)
        yield from repeat(Fraction(duration, max(units, 1)), count)


def _plays(data: bytes, track: Box) -> int:
    """How often the frames are shown (edit list box, clause 8.6.6); 0 for endlessly, as without the box."""
    header, edits = _below(data, track, b"tkhd"), _below(data, track, b"edts", b"elst")
    if header is None or edits is None:
        return 0
    if not data[edits.start + 3] & 1:
        return 1
    (once,) = struct.unpack_from(">Q" if data[edits.start] else ">I", data, edits.start + 8)
    whole_at, form = (28, ">Q") if data[header.start] else (20, ">I")
    (whole,) = struct.unpack_from(form, data, header.start + whole_at)
    return 0 if whole in _UNTIL_STOPPED or not once else max(1, -(-whole // once))
