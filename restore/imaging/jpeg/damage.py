"""Whether a JPEG file holds its whole picture, which decoders do not say: they paint what is missing gray.

libjpeg decodes missing data as coefficients of zero, so if the data end early, the last pixel is gray. Looking at it
costs nothing. Only where something looks wrong is the file decoded once more, by a decoder that waits for data instead
of inventing them. Not noticed: data changed or lost in the middle of a scan without restart markers, if what follows
still reaches the last row.
"""

from __future__ import annotations

import io
import re
import struct
from typing import NamedTuple

from PIL import Image

from restore.errors import ImageError
from restore.imaging import damage
from restore.imaging.jpeg import segments as jpeg_segments
from restore.imaging.picture import Samples

_DRI, _PROGRESSIVE = 0xDD, frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_ONE_SCAN = frozenset({0xC0, 0xC1})  # if it has all components
_RESTARTS = range(0xD0, 0xD8)
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_RESERVED = range(0x02, 0xC0)  # never written
# Quantization and Huffman tables, frame and scan headers: never behind the scan if it is the only one.
_HEADERS = frozenset({0xDB, 0xC4, 0xC0, 0xC1, 0xC2, 0xDA})
_LAST_PART = 1 << 16  # bytes; a marker further from the end would leave the decoder without data, which it says
_GRAY = 128
_HOLE = bytes(64)  # what a lost block of a disk reads as; the data of a flat picture may hold as many zeros
_EOI, _SOS = b"\xff\xd9", b"\xff\xda"
_TAIL = 64  # bytes that no picture can do without
_PADDING = bytes(16)  # the decoder reads ahead


class _Frame(NamedTuple):
    progressive: bool
    height: int
    width: int
    sampling: dict[int, tuple[int, int]]  # of each component, horizontal and vertical
    interval: int  # of restart markers, in MCUs; 0 if there are none


class _Scan(NamedTuple):
    components: bytes
    spectrum: range
    bits_left: int  # of each coefficient, for later scans
    restarts: list[int]
    interval: int


def end(data: bytes) -> int | None:
    """Where the first picture of a file ends, with its EOI marker; None if it has no end."""
    segments = jpeg_segments.segments(data)
    frame = _frame(data, segments)
    return _scans(data, frame, segments[-1].start)[1] if frame else None


def check(data: bytes, pixels: Samples | None, segments: list[jpeg_segments.Segment]) -> list[str]:
    """Notes, each beginning with ``damaged``, on what is missing from a picture that can be decoded.

    Args:
        data: the file.
        pixels: as decoded, RGB or gray; None for other modes, which are always decoded once more.
        segments: of the file.

    Raises:
        ImageError: the data end before the picture does.
    """
    if not segments or segments[-1].marker != jpeg_segments.SOS:
        return []
    start = segments[-1].start
    suspicious = pixels is None or bool(pixels[-1, -1, 0] == _GRAY and (pixels[-1, -1] == _GRAY).all())
    hole = data.find(_HOLE, start)
    one_scan = restarts = False
    for marker, at, _ in segments:
        one_scan |= marker in _ONE_SCAN and data[at + 5] == data[start]
        restarts |= marker == _DRI
    wrong = [damage.WRONG_JPEG] if one_scan and _goes_on(data, start) else []
    if one_scan and not suspicious and hole < 0 and not restarts:
        return wrong  # nearly every file
    frame = _frame(data, segments)
    if frame is None:
        return []
    scans, eoi = _scans(data, frame, start)
    last = eoi or len(data)
    lost = 0 <= hole < last
    notes = [*_restart_notes(frame, scans), *_scan_notes(frame, scans)] or wrong
    if frame.progressive or len(scans) > 1:
        return notes
    if (suspicious or lost) and not _decodes(data[: last - 2] + _PADDING):
        raise ImageError("damaged picture: the data end before the last row")
    if lost and not notes and _decodes(data[: last - 2 - _TAIL]):
        notes.append("damaged: some of the data is lost, and the picture is wrong from there on")
    return notes


def _goes_on(data: bytes, start: int) -> bool:
    """Whether the data of the only scan go on into a marker that is none, or into a header.

    The decoder has its last row before that.
    """
    at = max(start, len(data) - _LAST_PART)
    found = _MARKER.search(data, at)
    if found is None or not data.endswith(_EOI):
        return False
    if found[0][1] in _HEADERS:
        if at > start:  # it may be in the header of another picture, behind this one
            found = _MARKER.search(data, start)
        return found is not None and found[0][1] in _HEADERS
    return found[0][1] in _RESERVED and data.find(_SOS, at) < 0  # otherwise it may be of another picture, too


def _decodes(data: bytes) -> bool:
    """Whether the data, which lack the EOI marker, suffice for all rows. Reading an eighth of the size is fastest."""
    usual = jpeg_segments.without_odd_segments(data) or data  # Pillow refuses others
    with Image.open(io.BytesIO(usual), formats=["JPEG"]) as image:
        image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
        try:
            image.load()
        except OSError:
            return False
    return True


def _frame(data: bytes, segments: list[jpeg_segments.Segment]) -> _Frame | None:
    """The frame header; None if it or the first scan header is missing."""
    frames = [s for s in segments if s.marker in jpeg_segments.FRAMES]
    if not frames or segments[-1].marker != jpeg_segments.SOS:
        return None
    start, stop = frames[0].start, frames[0].stop
    if stop - start < 6 or stop - start < 6 + 3 * data[start + 5]:
        return None
    height, width, count = struct.unpack_from(">HHB", data, start + 1)
    parts = [data[at : at + 2] for at in range(start + 6, start + 6 + 3 * count, 3)]
    sampling = {part[0]: (part[1] >> 4 or 1, part[1] & 15 or 1) for part in parts}
    intervals = [
        struct.unpack_from(">H", data, s.start)[0] for s in segments if s.marker == _DRI and s.stop >= s.start + 2
    ]
    return _Frame(frames[0].marker in _PROGRESSIVE, height, width, sampling, intervals[-1] if intervals else 0)


def _scans(data: bytes, frame: _Frame, start: int) -> tuple[list[_Scan], int | None]:
    """The scans, and the end of the EOI marker behind them.

    Args:
        data: the file.
        frame: its frame header.
        start: where the content of the first scan header begins.
    """
    scans: list[_Scan] = []
    interval = frame.interval
    at = start
    while at < len(data):
        count = data[at]
        header = data[at : at + 4 + 2 * count]
        if len(header) < 4 + 2 * count:
            break
        first, last, bits = header[-3:]
        scans.append(_Scan(header[1:-3:2], range(first, min(last, 63) + 1), bits & 15, [], interval))
        at += len(header)
        while found := _MARKER.search(data, at):
            marker, at = found[0][1], found.end()
            if marker in _RESTARTS:
                scans[-1].restarts.append(marker)
            elif marker == jpeg_segments.EOI:
                return scans, at
            elif at + 2 <= len(data):
                if marker == jpeg_segments.SOS:
                    at += 2
                    break
                if marker == _DRI and at + 4 <= len(data):
                    (interval,) = struct.unpack_from(">H", data, at + 2)
                at += struct.unpack_from(">H", data, at)[0]
        else:
            break
    return scans, None


def _restart_notes(frame: _Frame, scans: list[_Scan]) -> list[str]:
    missing = expected = 0
    for scan in scans:
        if scan.interval:
            count = (_units(frame, scan.components) + scan.interval - 1) // scan.interval
            expected += count
            ordered = all(marker == 0xD0 + n % 8 for n, marker in enumerate(scan.restarts))
            missing += max(abs(count - 1 - len(scan.restarts)), 0 if ordered else 1)
    return [f"damaged: {missing} of its {expected} restart intervals are missing or misplaced"] if missing else []


def _scan_notes(frame: _Frame, scans: list[_Scan]) -> list[str]:
    """Whether all components have a scan, and what progressive scans began was completed."""
    if {c for scan in scans for c in scan.components} < frame.sampling.keys():
        return ["damaged: the scan of a color is missing"]
    if not frame.progressive:
        return []
    for component in frame.sampling:
        left: dict[int, int] = {}
        for scan in scans:
            if component in scan.components:
                left.update(dict.fromkeys(scan.spectrum, scan.bits_left))
        # Coefficients that are zero everywhere need not be sent: a component may have no AC scan at all.
        if 0 not in left or any(left.values()) or len(left) not in (1, 64):
            return ["damaged: its last scans are missing, and it lacks detail"]
    return []


def _units(frame: _Frame, components: bytes) -> int:
    """The number of MCUs in a scan."""
    across, down = (max(sampling[i] for sampling in frame.sampling.values()) for i in (0, 1))
    if len(components) > 1:  # interleaved
        return -(-frame.width // (8 * across)) * -(-frame.height // (8 * down))
    own_across, own_down = frame.sampling.get(components[0], (across, down)) if components else (across, down)
    width, height = -(-frame.width * own_across // across), -(-frame.height * own_down // down)
    return -(-width // 8) * -(-height // 8)
