"""Convert between picture files and the arrays that the network takes and returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from restore import __version__
from restore.errors import ImageError
from restore.imaging.alpha import clamp_alpha, fill_color
from restore.imaging.damage import check_whole
from restore.imaging.decode import decode_frames, decode_picture
from restore.imaging.encode import EncodeOptions, encode, lost
from restore.imaging.mask import within
from restore.imaging.metadata.exif import strip, strip_place
from restore.imaging.metadata.xmp_history import with_event
from restore.imaging.opencv_errors import opencv_errors
from restore.imaging.picture import Picture, Samples
from restore.imaging.read_file import read_file
from restore.imaging.resample import resample
from restore.jobs.options import PictureOptions
from restore.jobs.sizing import Size, Sizing

# At most about so many frames of an animation are in memory at once.
_FRAMES_IN_FLIGHT = 16


def decode(path: Path, options: PictureOptions, data: bytes | None = None) -> Picture:
    """Read a picture and fill the color under transparent pixels for the network.

    Args:
        path: the file.
        options: how it is read.
        data: its content, if that was read before.

    Raises:
        ImageError: the file cannot be read or is too large; or it is damaged, which without ``options.strict`` counts
            only if it leaves no picture.
    """
    if data is None:
        data = read_file(path, options.pixel_limit)
    picture = (decode_frames if options.frames == "all" else decode_picture)(data, path, options.pixel_limit)
    if options.strict:
        check_whole(picture.notes)
    if picture.animation is not None:
        return picture
    if options.masks is not None and options.masks.from_alpha and picture.alpha is None:
        raise ImageError(f"{path}: it has no alpha channel to take as its mask: give a folder with --mask")
    return prepared(picture, options)


def prepared(picture: Picture, options: PictureOptions) -> Picture:
    """A picture as the network takes it: where transparency is no mask, the color under it is filled."""
    return picture if options.masks is not None and options.masks.from_alpha else filled(picture)


def filled(picture: Picture) -> Picture:
    """A picture with the color under transparent pixels filled for the network."""
    if picture.alpha is None:
        return picture
    with opencv_errors("its transparency cannot be filled"):
        return replace(picture, pixels=fill_color(picture.pixels, picture.alpha))


def held_bytes(picture: Picture) -> int:
    """Memory that a decoded picture takes; of an animation, the frames in flight."""
    frames = 1 if picture.animation is None else min(picture.animation.count, _FRAMES_IN_FLIGHT)
    return frames * (picture.pixels.nbytes + (0 if picture.alpha is None else picture.alpha.nbytes))


def to_arrays(picture: Picture, scale: int) -> list[Samples]:
    """The network's inputs for a picture, each RGB (H, W, 3), the only layout that networks accept.

    Args:
        picture: the decoded picture.
        scale: the network's scale. If above 1, alpha is enlarged too, as a gray picture.
    """
    return [_rgb(picture.pixels), *(_rgb(alpha[..., None]) for alpha in _passing(picture, scale))]


def from_arrays(picture: Picture, results: list[Samples], scale: int) -> Picture:
    """Assemble the enhanced picture from the network's results for :func:`to_arrays`, in the same order.

    Gray pictures stay gray, and transparent pixels stay transparent. Without results the picture is returned unchanged.
    """
    if not results:
        return picture
    pixels, *passed = results
    if picture.pixels.shape[2] == 1:
        pixels = _gray(pixels)
    alpha = picture.alpha
    if alpha is not None and passed:
        with opencv_errors("its transparency cannot be enlarged"):
            alpha = clamp_alpha(_gray(passed[0])[..., 0], alpha, scale)
    elif alpha is not None:
        alpha = alpha if scale == 1 else np.full(pixels.shape[:2], alpha.flat[0], alpha.dtype)
    return replace(picture, pixels=pixels, alpha=alpha)


def masked(result: Picture, source: Picture, options: PictureOptions, mask: Samples | None) -> Picture:
    """A result that differs from its source only inside its mask, if the options ask for one.

    Args:
        result: from :func:`from_arrays`, of the source's size.
        source: as the network took it.
        options: of the job.
        mask: (H, W); None for the source's alpha channel, and a source without one changes everywhere.
    """
    mask = source.alpha if mask is None else mask
    if options.masks is None or mask is None:
        return result
    return replace(result, pixels=within(mask, result.pixels, source.pixels))


def sized(result: Picture, sizing: Sizing, source: Size) -> Picture:
    """Resize an enhanced picture to the size that the user asked for.

    Args:
        result: from :func:`from_arrays`.
        sizing: of the job.
        source: height and width of the source.
    """
    if sizing.target is None:
        return result
    alpha = result.alpha
    height, width = sizing.result(*source)
    if result.size == (height, width):
        return result
    return replace(
        result,
        pixels=resample(result.pixels, height, width),
        alpha=None if alpha is None else resample(alpha, height, width),
    )


def to_file(picture: Picture, suffix: str, options: PictureOptions) -> bytes:
    """Encode a picture, with its history if the options say so.

    Raises:
        ImageError: the format cannot hold the picture.
    """
    return encode(described(picture, options), suffix, encode_options(options))


def described(picture: Picture, options: PictureOptions) -> Picture:
    """A picture with the metadata of its file: what the options keep of them, and its history if they say so."""
    if options.metadata != "keep":
        picture = strip(picture) if options.metadata == "none" else strip_place(picture)
    if options.history:
        picture = replace(picture, xmp=with_event(picture.xmp, f"restore {__version__}", options.history))
    return picture


def encode_options(options: PictureOptions) -> EncodeOptions:
    """The settings of encoders."""
    return EncodeOptions(options.quality, options.png_level)


def note(picture: Picture, suffix: str, lost_frames: Sequence[str] = ()) -> str:
    """A note for the user on what was changed when reading and what the result cannot hold; empty if nothing.

    Args:
        picture: as read.
        suffix: of the result.
        lost_frames: what the result cannot hold of an animation's frames.
    """
    gone = [*lost(picture, suffix), *lost_frames]
    return "; ".join([*picture.notes, *([f"{suffix[1:]} cannot hold: {', '.join(gone)}"] if gone else [])])


def _passing(picture: Picture, scale: int) -> list[Samples]:
    """Alpha, if the network must enlarge it."""
    alpha = picture.alpha
    return [] if alpha is None or scale == 1 or alpha.min() == alpha.max() else [alpha]


def _rgb(pixels: Samples) -> Samples:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def _gray(pixels: Samples) -> Samples:
    """The mean of the channels (H, W, 3), rounded, as (H, W, 1)."""
    gray = np.empty((*pixels.shape[:2], 1), pixels.dtype)
    for row in range(0, len(gray), 256):  # in blocks, because sums need 32 bits and pictures may be large
        sums = pixels[row : row + 256].sum(axis=2, keepdims=True, dtype=np.uint32)
        gray[row : row + 256] = (sums + 1) // 3
    return gray
