"""Run ``restore calibrate``: give a model a strength from its own results to the statistics of photographs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray

from restore import __version__
from restore.calibration.attach import attach
from restore.calibration.gaussian import Moments, Transport, transport
from restore.calibration.patches import PatchCode
from restore.data.degradations.presets import PRESETS
from restore.data.degradations.secondorder import second_order
from restore.data.sampling import generator
from restore.degrade import read_degradation
from restore.errors import DataError, ModelError
from restore.evaluation.sources import matching_pictures
from restore.export.build_model import prove
from restore.export.infer_spec import UNKNOWN
from restore.export.run import refuse_existing
from restore.export.to_onnx import describe
from restore.imaging.color.conversions import as_rgb
from restore.imaging.decode import read_picture
from restore.imaging.picture import to8
from restore.metrics.sr_protocol import reduce
from restore.runtime.model import Model, file_spec, open_model
from restore.runtime.stream import enhance_pixels
from restore.spec import ModelSpec
from restore.utils.atomic_write import write_bytes
from restore.utils.progress import progress_bar
from restore.utils.text import name_of
from restore.verify.check import Check
from restore.verify.graphs import count_weights, weights_digest
from restore.zoo.find import find

if TYPE_CHECKING:
    from rich.console import Console

BICUBIC = "bicubic"
# Patches that are counted of each picture, at most: neighbors overlap, so that more tell hardly more.
_PATCHES = 10_000

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Request:
    """The command-line options; ``restore calibrate --help`` explains them."""

    model: str
    natural: Path
    degraded: str
    target: Path
    pictures: int = 16
    side: int = 512
    code: PatchCode = field(default_factory=PatchCode)
    reach: float = 1.0
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    overwrite: bool = False
    spec: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Calibrated:
    """What was written, its checks, and the transport.

    Attributes:
        path: the model file.
        spec: its metadata.
        checks: of the file against its metadata.
        map: the transport.
        pictures: how many results and how many photographs it was fitted to.
        lost: share of the photographs' variance that the transport cannot reach without noise.
    """

    path: Path
    spec: ModelSpec
    checks: list[Check]
    map: Transport
    pictures: tuple[int, int]
    lost: float


def start(request: Request, screen: Console) -> Calibrated:
    """Fit the transport, and write the model with it.

    Args:
        request: the options.
        screen: for the progress bar.

    Raises:
        ModelError: the model cannot be read, or is of a kind that cannot be calibrated.
        DataError: there are no pictures, or too few patches in them.
        ImageError: a picture cannot be read.
        ExportError: the result does not pass verification, or the file exists. Nothing is written.
    """
    refuse_existing(request.target, request.overwrite)
    file = find(request.model)
    spec = file_spec(file)
    _check(request, file, spec)
    photographs = _chosen(matching_pictures(request.natural), request.pictures)
    degrade = _degrading(request, spec)
    inputs = photographs if degrade else _chosen(matching_pictures(Path(request.degraded)), request.pictures)
    model = open_model(file, request.device, request.threads)
    natural, restored = Moments(request.code.size), Moments(request.code.size)
    for number, path in enumerate(progress_bar(photographs, "Photographs", screen)):
        picture = _cut(_read(path), request.side, request.code.factor * spec.scale)
        _count(natural, picture / 255, request.code, path)
        if degrade:
            _count(restored, _restored(degrade(picture, number), model), request.code, path)
    for path in [] if degrade else progress_bar(inputs, "Inputs", screen):
        picture = _cut(_read(path), request.side // spec.scale, request.code.factor)
        _count(restored, _restored(picture, model), request.code, path)
    for moments, folder in ((natural, request.natural), (restored, request.degraded)):
        if moments.count < request.code.size:
            raise DataError(
                f"{folder}: {moments.count} patches are too few for the statistics of {request.code.size} values: "
                "give more or larger pictures, or a smaller --patch"
            )
    target = natural.gaussian()
    map = transport(restored.gaussian(), target)
    data, done, checks = _built(request, file, spec, map, (len(inputs), len(photographs)))
    request.target.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(request.target, data, overwrite=request.overwrite)
    lost = float(np.trace(map.noise) / np.trace(target.covariance))
    return Calibrated(request.target, done, checks, map, (len(inputs), len(photographs)), lost)


def _check(request: Request, file: Path, spec: ModelSpec) -> None:
    if request.target.suffix != ".onnx":
        raise ModelError(f"{request.target}: a calibrated model is an .onnx file: name it so")
    if spec.precision != "fp32":
        raise ModelError(f"{file} is {spec.precision}: calibrate the fp32 file, and make twins of the result")
    if spec.scale == 1:
        raise ModelError(
            f"{file} does not enlarge: at scale 1, a strength of 0 means the unchanged picture; calibrate a model that "
            "enlarges"
        )
    if spec.strength:
        raise ModelError(f"{file} already has an adjustable strength: calibrate a model without one")
    if spec.shape is not None:
        raise ModelError(f"{file} takes one shape only: calibrate the file with dynamic shapes, and export that")
    if request.side < 4 * request.code.patch * request.code.factor:
        raise DataError(f"--side {request.side} is too small for patches of {request.code.patch} blocks")


def _degrading(request: Request, spec: ModelSpec) -> Callable[[Pixels, int], Pixels] | None:
    """How inputs are made from the photographs; None if they are in a folder."""
    if request.degraded == BICUBIC:
        return lambda picture, _: reduce(picture, spec.scale)[0]
    if request.degraded in PRESETS:
        options = read_degradation(request.degraded, None, ())
        return lambda picture, number: second_order(picture, spec.scale, options, generator(request.seed, number))
    if not Path(request.degraded).is_dir():
        raise DataError(
            f"{request.degraded}: no such folder of inputs, and not one of the degradations {BICUBIC}, "
            + ", ".join(PRESETS)
        )
    return None


def _chosen(pictures: Sequence[Path], most: int) -> list[Path]:
    """Some of the pictures, evenly spread."""
    places = np.linspace(0, len(pictures) - 1, min(most, len(pictures))).round().astype(int)
    return [pictures[place] for place in places]


def _read(path: Path) -> Pixels:
    pixels: Pixels = as_rgb(to8(read_picture(path).pixels))
    return pixels


def _cut(pixels: Pixels, side: int, multiple: int) -> Pixels:
    """The middle of a picture, with sides of at most ``side`` that are multiples."""
    sizes = [min(side, length) // multiple * multiple for length in pixels.shape[:2]]
    top, left = ((length - size) // 2 for length, size in zip(pixels.shape[:2], sizes, strict=True))
    return pixels[top : top + sizes[0], left : left + sizes[1]]


def _restored(low: Pixels, model: Model) -> NDArray[np.float64]:
    """The model's result on 0..1; in 16 bits, because rounding to 8 would pass for detail."""
    return enhance_pixels(low.astype(np.uint16) * np.uint16(257), model, model.spec) / 65535


def _count(moments: Moments, picture: NDArray[np.float64], code: PatchCode, path: Path) -> None:
    least = code.factor * code.patch
    if min(picture.shape[:2]) < least:
        raise DataError(
            f"{path}: smaller than a patch of {least} x {least} pixels: remove it, or give a smaller --patch"
        )
    blocks = code.encode(picture)
    step = max(1, round(np.sqrt(blocks.shape[0] * blocks.shape[1] / _PATCHES)))
    moments.add(code.patches(blocks, step))


def _built(
    request: Request, file: Path, spec: ModelSpec, map: Transport, pictures: tuple[int, int]
) -> tuple[bytes, ModelSpec, list[Check]]:
    """The file's bytes, after verification."""
    model, grown = attach(onnx.load(file), spec, request.code, map, request.reach)
    facts = {
        "name": name_of(request.target),
        "data": f"{spec.data or UNKNOWN}; calibrated on {pictures[0]} results and {pictures[1]} photographs",
        "origin": f"{spec.name} (weights {spec.weights[:16]}), calibrated by optimal transport",
        "licence": spec.licence or UNKNOWN,
        "network": spec.network or UNKNOWN,
        "parameters": spec.parameters or count_weights(model),
        "weights": weights_digest(model),
        "loss_db": None,
        "measured": {},
        "made_with": f"restore {__version__}",
    }
    done = grown.but(**{**facts, **request.spec})
    describe(model, done)
    data = model.SerializeToString()
    _, checks = prove(data, lambda _: [])
    return data, done, checks
