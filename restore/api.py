"""What programs import: a model that takes arrays, and a folder job in one call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from restore.imaging.alpha import fill_color
from restore.imaging.picture import Picture, Samples
from restore.jobs.codec import from_arrays, to_arrays
from restore.runtime.stream import enhance_pixels
from restore.spec import ModelSpec

if TYPE_CHECKING:
    from restore.jobs.options import Metadata
    from restore.jobs.report import FileRecord, SummaryRecord
    from restore.runtime.model import Model as Opened

Precision = Literal["auto", "fp32", "fp16", "int8"]


class Model:
    """An opened model, for pictures that a program holds as arrays.

    Opening takes a moment: keep one and call it for each picture, from as many threads as you like.
    :func:`restore.load` opens one by name.

    Attributes:
        spec: what its file says of it: task, scale, parameters, licence and more.
        file: the file.
        device: where it runs: ``cpu``, ``cuda:0``, ...
        note: a sentence for the user when that is not what one might expect; else empty.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.spec: ModelSpec = opened.spec
        self.file: Path = opened.file
        self.device: str = opened.device
        self.note: str = opened.note

    def __repr__(self) -> str:
        return f"<restore.Model {self.spec.name}, {self.spec.precision} on {self.device}>"

    def __call__(self, pixels: Samples, *, strength: float = 1.0, tile: int | None = None) -> Samples:
        """Enhance a picture of any size.

        Args:
            pixels: uint8 or uint16, channels in the order red, green, blue: (H, W, 3); with transparency (H, W, 4);
                grey (H, W) or (H, W, 1). A PIL picture of mode RGB, RGBA or L goes as ``numpy.asarray(picture)``.
            strength: how far the picture is changed, 0..1, by a model that lets one choose (``spec.strength``).
            tile: largest side of a tile, in input pixels; None chooses by the memory there is.

        Returns:
            The same type and number of axes and channels, ``spec.scale`` times as high and wide.

        Raises:
            ValueError: ``pixels`` is not such a picture, or ``strength`` is not one that the model has.
            ModelError: the model failed, or gave values that are not numbers.
            MemoryError: there is no room for the result.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"strength {strength}: it goes from 0 to 1")
        if strength != 1 and not self.spec.strength:
            raise ValueError(f"strength {strength}: {self.spec.name} changes pictures in one way alone; leave it out")
        picture = _picture(pixels)
        results = [
            enhance_pixels(one, self._opened, self.spec, tile, strength) for one in to_arrays(picture, self.spec.scale)
        ]
        return _like(pixels, from_arrays(picture, results, self.spec.scale))

    def believe(self, pixels: Samples) -> tuple[str, float] | None:
        """Which kind of picture it is, and how sure that is, 0..1; None for models that tell no kinds apart.

        Args:
            pixels: as for a call.

        Raises:
            ValueError: ``pixels`` is not such a picture.
            ModelError: the model failed.
        """
        belief = self._opened.believe(to_arrays(_picture(pixels), 1)[0])
        return None if belief is None else (belief.kind, belief.share)


def load(
    model: str | os.PathLike[str] = "sr-x2",
    *,
    device: str = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
    spec: Mapping[str, str] | None = None,
) -> Model:
    """Open a model.

    Args:
        model: a name (``restore models`` lists them), or the path of an ``.onnx`` file.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``tensorrt``, ``coreml``, ``directml`` or ``openvino``; one
            that is named fails rather than run on the CPU.
        precision: ``auto`` takes what suits the device.
        threads: CPU threads; None for all cores that the process may use.
        spec: what a foreign file does not say of itself, for example ``{"scale": "4"}``.

    Raises:
        ModelError: there is no such model, or it cannot be opened.
        DeviceError: the device cannot be used.
    """
    from restore.zoo.open import open_named

    return Model(open_named(os.fspath(model), device, precision, threads, spec))


def enhance(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    model: str | os.PathLike[str] = "sr-x2",
    *,
    strength: float | None = None,
    format: Literal["png", "jpg", "webp", "tif", "bmp"] | None = None,
    name: str = "{stem}",
    quality: int = 95,
    png_level: int = 1,
    metadata: Metadata = "keep",
    max_pixels: float = 256,
    existing: Literal["refuse", "skip", "overwrite"] = "refuse",
    resume: bool = False,
    device: str = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
    workers: int | None = None,
    tile: int | None = None,
    spec: Mapping[str, str] | None = None,
) -> list[FileRecord | SummaryRecord]:
    """Enhance a picture, or a folder with all below it, file to file: ``restore enhance`` as a call.

    Formats, depth, transparency, colour profiles, EXIF and XMP are kept as there. A picture that fails is told in its
    record and does not stop the rest.

    Args:
        source: a file or a folder.
        target: a file, or the folder of the results.
        model: see :func:`load`; so are ``device``, ``precision``, ``threads`` and ``spec``.
        strength: 0..1, for models that let one choose.
        format: of the results; None keeps each picture's own where it can be written.
        name: of the results, with ``{stem}``, ``{ext}``, ``{model}`` and ``{scale}``.
        quality: of JPEG and WebP, 1..100.
        png_level: effort of PNG, 0..9.
        metadata: ``keep``; ``no-place`` leaves out where the picture was taken; ``none`` keeps only the colour profile.
        max_pixels: pictures of more megapixels are refused.
        existing: what to do about results that are there: refuse the job, skip the pictures, or replace them.
        resume: go on with an interrupted job.
        workers: threads that read, and as many that write; None for half the cores, 2..8.
        tile: largest side of a tile, in input pixels; None chooses by the memory there is.

    Returns:
        A :class:`~restore.jobs.report.FileRecord` for each picture and last a
        :class:`~restore.jobs.report.SummaryRecord`: dictionaries, told apart by ``type``, as
        ``restore enhance --json`` prints them.

    Raises:
        RestoreError: wrong use, and nothing was written; or the disk is full.
        KeyboardInterrupt: Ctrl-C; what was written is whole.
    """
    from rich.console import Console

    from restore.jobs.enhance import INTERRUPTED, Request, default_workers, start

    records: list[FileRecord | SummaryRecord] = []
    request = Request(
        Path(source),
        Path(target),
        os.fspath(model),
        scale=None,
        strength=strength,
        format_=format,
        name=name,
        quality=quality,
        png_level=png_level,
        metadata=metadata,
        max_pixels=max_pixels,
        tile=tile,
        device=device,
        precision=precision,
        threads=threads,
        workers=workers or default_workers(),
        existing=None if existing == "refuse" else existing,
        resume=resume,
        shard=(1, 1),
        dry_run=False,
        report=None,
        watch=False,
        spec=spec or {},
    )
    if start(request, Console(quiet=True), lambda _: None, give=records.append) == INTERRUPTED:
        raise KeyboardInterrupt
    return records


def _picture(pixels: Samples) -> Picture:
    """An array as a picture, with what the network shall see under its transparency.

    Raises:
        ValueError: it is none.
    """
    channels = 1 if pixels.ndim == 2 else pixels.shape[-1]
    if pixels.ndim not in (2, 3) or channels not in (1, 3, 4) or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"{pixels.dtype} of shape {pixels.shape}: a picture is uint8 or uint16, (H, W), (H, W, 1), (H, W, 3) or "
            "(H, W, 4); floats on 0..1 become one by (255 * values).round().astype('uint8')"
        )
    if 0 in pixels.shape:
        raise ValueError(f"a picture of shape {pixels.shape} has no pixels")
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    if channels < 4:
        return Picture(planes, None, None, None, "")
    alpha = planes[..., 3]
    return Picture(fill_color(planes[..., :3], alpha), alpha, None, None, "")


def _like(pixels: Samples, made: Picture) -> Samples:
    """With the axes and channels of what it was made from."""
    if pixels.ndim == 2:
        return made.pixels[..., 0]
    return made.pixels if made.alpha is None else np.concatenate((made.pixels, made.alpha[..., None]), axis=2)
