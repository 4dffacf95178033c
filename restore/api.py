"""The Python API: a model that takes arrays, and folder jobs in one call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from restore.imaging.alpha import fill_color
from restore.imaging.mask import within
from restore.imaging.picture import Picture, Samples
from restore.jobs.codec import from_arrays, to_arrays
from restore.runtime.stream import enhance_pixels
from restore.spec import ModelSpec
from restore.utils.json_types import JsonObject

if TYPE_CHECKING:
    from restore.jobs.options import Metadata
    from restore.jobs.report import FileRecord, SummaryRecord
    from restore.runtime.model import Model as Opened

Precision = Literal["auto", "fp32", "bf16", "fp16", "int8"]


class Model:
    """An opened model that enhances pictures given as arrays.

    Opening is slow: keep the model and call it for each picture. Thread-safe.
    Use :func:`restore.load` to open one by name.

    Attributes:
        spec: the file's metadata: task, scale, parameters, license and more.
        file: the file.
        device: device it runs on: ``cpu``, ``cuda:0``, ...
        note: a sentence for the user if the device or precision is not the expected one; else empty.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.spec: ModelSpec = opened.spec
        self.file: Path = opened.file
        self.device: str = opened.device
        self.note: str = opened.note

    def __repr__(self) -> str:
        return f"<restore.Model {self.spec.name}, {self._opened.precision} on {self.device}>"

    def __call__(
        self, pixels: Samples, *, strength: float = 1.0, tile: int | None = None, mask: Samples | None = None
    ) -> Samples:
        """Enhance a picture of any size.

        Args:
            pixels: uint8 or uint16; RGB (H, W, 3), RGBA (H, W, 4) or gray (H, W) or (H, W, 1). Convert PIL pictures of
                mode RGB, RGBA or L by ``numpy.asarray(picture)``.
            strength: strength of the change, 0..1, for models with adjustable strength (``spec.strength``).
            tile: largest side of a tile, in input pixels; None chooses by available memory.
            mask: where the picture changes, for models that keep its size: uint8 or uint16 (H, W), from 0 for not at
                all to the largest value; None for everywhere. Of RGBA, ``pixels[..., 3]`` is its own.

        Returns:
            An array of the same dtype, number of axes and channels, ``spec.scale`` times as high and wide.

        Raises:
            ValueError: ``pixels`` is not such a picture, the model does not support ``strength`` or a mask, or the mask
                is not of the picture's size.
            ModelError: the model failed, or returned NaN or infinite values.
            MemoryError: not enough memory for the result.
        """
        self._check_strength(strength)
        picture = _picture(pixels)
        if mask is not None:
            self._check_mask(mask, picture.size)
        results = [
            enhance_pixels(one, self._opened, self.spec, tile, strength) for one in to_arrays(picture, self.spec.scale)
        ]
        made = from_arrays(picture, results, self.spec.scale)
        if mask is not None:
            original = pixels.reshape(*made.size, -1)[..., : made.pixels.shape[2]]
            made = replace(made, pixels=within(mask, made.pixels, original))
        return _like(pixels, made)

    def believe(self, pixels: Samples) -> tuple[str, float] | None:
        """Classify a picture: its kind and probability, 0..1; None for models that do not classify.

        Args:
            pixels: as for a call.

        Raises:
            ValueError: ``pixels`` is not such a picture.
            ModelError: the model failed.
        """
        belief = self._opened.believe(to_arrays(_picture(pixels), 1)[0])
        return None if belief is None else (belief.kind, belief.share)

    def edit(self, pixels: Samples, *, strength: float = 1.0) -> JsonObject | None:
        """The edit that the model makes of a picture, in numbers; None for models whose change is no such edit.

        Args:
            pixels: as for a call.
            strength: as for a call.

        Returns:
            ``balance``, the gains of red, green and blue; ``exposure`` in stops; ``saturation``, 1 for none; and
            ``curves``, by channel, values at evenly spaced inputs from 0 to 1.

        Raises:
            ValueError: ``pixels`` is not such a picture, or the model does not support ``strength``.
            ModelError: the model failed.
        """
        self._check_strength(strength)
        edit = self._opened.edit_of(to_arrays(_picture(pixels), 1)[0], strength)
        return None if edit is None else edit.record()

    def _check_mask(self, mask: Samples, size: tuple[int, int]) -> None:
        if self.spec.scale > 1:
            raise ValueError(f"mask: {self.spec.name} enlarges, and only what keeps its size can change inside a mask")
        if mask.shape != size or mask.dtype not in (np.uint8, np.uint16):
            raise ValueError(
                f"mask {mask.dtype} of shape {mask.shape}: it must be uint8 or uint16, of the picture's shape {size}"
            )

    def _check_strength(self, strength: float) -> None:
        if not 0 <= strength <= 1:
            raise ValueError(f"strength {strength}: must be within 0..1")
        if strength != 1 and not self.spec.strength:
            raise ValueError(f"strength {strength}: {self.spec.name} has no adjustable strength; remove it")


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
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``tensorrt``, ``coreml``, ``directml``, ``openvino``,
            ``webgpu``, ``tensorrt-rtx`` or ``mlx``; a named device fails instead of falling back to the CPU.
        precision: ``auto`` chooses by device; only :func:`enhance` measures, and only it may choose ``bf16``.
        threads: CPU threads; None for all cores available to the process.
        spec: metadata that a third-party file lacks, for example ``{"scale": "4"}``, or another ``seed`` of the noise
            that a model takes.

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
    mask: str | os.PathLike[str] | None = None,
    format: Literal["png", "jpg", "webp", "tif", "bmp", "gif"] | None = None,
    frames: Literal["first", "all"] = "first",
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
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    cpus_per_worker: float | None = None,
    gpus_per_worker: float | None = None,
    max_workers: int | None = None,
) -> list[FileRecord | SummaryRecord]:
    """Enhance a picture file or a folder (recursively), like ``restore enhance``.

    Formats, bit depth, transparency, color profiles, EXIF and XMP are kept, as by the command. A picture that fails is
    reported in its record and does not stop the rest.

    Args:
        source: a file or a folder, or an address of either in a store, such as ``s3://bucket/photos``.
        target: a file, or a folder for the results, or an address of either.
        model: see :func:`load`, also for ``device``, ``precision``, ``threads`` and ``spec``.
        strength: 0..1, for models with adjustable strength.
        mask: change pictures only inside masks, for models that keep their size: a folder of gray pictures under the
            pictures' names, a file for all of them, or ``"alpha"`` for each picture's alpha channel.
        format: of the results; None keeps each picture's own if it can be written. ``gif`` needs all frames.
        frames: which frames of animated GIF, PNG, WebP and AVIF to enhance; with ``all``, the results are animated too.
        name: of the results, with ``{stem}``, ``{ext}``, ``{model}`` and ``{scale}``.
        quality: JPEG and WebP quality, 1..100.
        png_level: PNG compression effort, 0..9.
        metadata: ``keep``; ``no-place`` removes where the picture was taken; ``none`` keeps only the color profile.
        max_pixels: pictures with more megapixels are rejected.
        existing: what to do about existing results: refuse the job, skip the pictures, or overwrite the results.
        resume: continue an interrupted job.
        workers: threads for reading, and as many for writing; None for half the cores, 2..8.
        tile: largest side of a tile, in input pixels; None chooses by available memory.
        engine: what runs the job: this process, or the workers of a Ray cluster (extra ``ray``). The source and the
            target are then in stores, or on a file system that all machines share. The options below are for ``ray``.
        address: of a cluster; ``auto`` for the one that this machine belongs to. None for the cluster that this program
            is connected to by ``ray.init``, or else for one on this machine that ends with the job.
        cpus_per_worker: CPUs of each worker, above 0; its ``threads``, too. None for 2, or 1 if there is only 1.
        gpus_per_worker: GPUs of each worker; with 0.25, four share one. None for 1 if the cluster has some.
        max_workers: number of workers at most; None for as many as have room, also later.

    Returns:
        A :class:`~restore.jobs.report.FileRecord` for each picture, followed by a
        :class:`~restore.jobs.report.SummaryRecord`: dictionaries distinguished by ``type``, as printed by
        ``restore enhance --json``.

    Raises:
        RestoreError: wrong usage (nothing was written), the disk is full, or the cluster cannot be used.
        KeyboardInterrupt: Ctrl-C; written results are complete.
    """
    from rich.console import Console

    from restore.jobs.enhance import INTERRUPTED, start
    from restore.jobs.masks import Masks
    from restore.jobs.request import Request, default_workers
    from restore.jobs.sizing import TargetSize
    from restore.stores.address import Address, parse

    records: list[FileRecord | SummaryRecord] = []
    ends = parse(os.fspath(source)), parse(os.fspath(target))
    request = Request(
        ends[:1],
        ends[1],
        os.fspath(model),
        size=TargetSize(),
        strength=strength,
        format_=format,
        name=name,
        quality=quality,
        png_level=png_level,
        metadata=metadata,
        keep_times=False,
        history=False,
        max_pixels=max_pixels,
        tile=tile,
        device=device,
        precision=precision,
        threads=threads,
        workers=workers or default_workers(any(isinstance(end, Address) for end in ends), shared=engine != "local"),
        existing=None if existing == "refuse" else existing,
        resume=resume,
        shard=(1, 1),
        dry_run=False,
        report=None,
        watch=False,
        spec=spec or {},
        frames=frames,
        engine=engine,
        address=address,
        cpus_per_worker=cpus_per_worker,
        gpus_per_worker=gpus_per_worker,
        max_workers=max_workers,
        masks=None if mask is None else Masks.parse(os.fspath(mask)),
    )
    if start(request, Console(quiet=True), lambda _: None, give=records.append) == INTERRUPTED:
        raise KeyboardInterrupt
    return records


def _picture(pixels: Samples) -> Picture:
    """Convert an array to a picture, with the color under transparent pixels filled for the network.

    Raises:
        ValueError: the array is not a picture.
    """
    channels = 1 if pixels.ndim == 2 else pixels.shape[-1]
    if pixels.ndim not in (2, 3) or channels not in (1, 3, 4) or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"{pixels.dtype} of shape {pixels.shape}: a picture is uint8 or uint16, (H, W), (H, W, 1), (H, W, 3) or "
            "(H, W, 4); convert floats in 0..1 by (255 * values).round().astype('uint8')"
        )
    if 0 in pixels.shape:
        raise ValueError(f"a picture of shape {pixels.shape} has no pixels")
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    if channels < 4:
        return Picture(planes, None, None, None, "")
    alpha = planes[..., 3]
    return Picture(fill_color(planes[..., :3], alpha), alpha, None, None, "")


def _like(pixels: Samples, made: Picture) -> Samples:
    """Convert a result to the axes and channels of its input."""
    if pixels.ndim == 2:
        return made.pixels[..., 0]
    return made.pixels if made.alpha is None else np.concatenate((made.pixels, made.alpha[..., None]), axis=2)
