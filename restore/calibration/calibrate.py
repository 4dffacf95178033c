"""Run ``restore calibrate``: give a model a strength from its own results to the statistics of photographs."""

from __future__ import annotations

import math
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
from restore.calibration.learned_code import LearnedCode
from restore.calibration.patches import PatchCode
from restore.data.degradations.presets import PRESETS
from restore.data.degradations.secondorder import second_order
from restore.data.sampling import generator
from restore.degrade import read_degradation
from restore.errors import DataError, ModelError
from restore.evaluation.sources import matching_pictures
from restore.export.build_model import prove
from restore.export.held_values import held_values
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
from restore.utils.json_types import JsonObject
from restore.utils.progress import progress_bar
from restore.utils.text import name_of
from restore.verify.check import Check
from restore.verify.graphs import count_weights, weights_digest
from restore.verify.run import RUN_SECONDS
from restore.zoo.find import find

if TYPE_CHECKING:
    from rich.console import Console

BICUBIC = "bicubic"
# Patches that are counted of each picture, at most: neighbors overlap, so that more tell hardly more.
_PATCHES = 10_000
# Side in input pixels of the picture by which the memory is measured: an autoencoder holds tens of thousands of values
# for each pixel, and all that it ever makes is kept meanwhile.
_SIDE = 16
# Time limit of a run of a model with an autoencoder, which may have hundreds of times the network's work.
_RUN_SECONDS = 1800.0
# Mean squared difference that counts as none: 100 dB.
_NO_ERROR = 1e-10

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Request:
    """The command-line options; ``restore calibrate --help`` explains them.

    Attributes:
        code: blocks of pixels; of an autoencoder, its side of a patch counts.
        autoencoder: see :func:`restore.calibration.autoencoders.find.find_autoencoder`; None for blocks of pixels.
        rebuilt: see :class:`restore.calibration.learned_code.LearnedCode`.
    """

    model: str
    natural: Path
    degraded: str
    target: Path
    pictures: int = 16
    side: int = 512
    code: PatchCode = field(default_factory=PatchCode)
    autoencoder: str | None = None
    rebuilt: bool = False
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
        code: in which the transport works.
        map: the transport.
        error: what the code loses of the photographs, PSNR in dB; None if nothing.
        pictures: how many results and how many photographs it was fitted to.
        lost: share of the photographs' variance that the transport cannot reach without noise.
    """

    path: Path
    spec: ModelSpec
    checks: list[Check]
    code: PatchCode | LearnedCode
    map: Transport
    error: float | None
    pictures: tuple[int, int]
    lost: float


def start(request: Request, screen: Console) -> Calibrated:
    """Fit the transport, and write the model with it.

    Args:
        request: the options.
        screen: for the progress bar.

    Raises:
        ModelError: the model or the autoencoder cannot be read, or is of a kind that cannot be calibrated.
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
    code = _code(request)
    model = open_model(file, request.device, request.threads)
    natural, restored, squares = Moments(code.size), Moments(code.size), []
    for number, path in enumerate(progress_bar(photographs, "Photographs", screen)):
        picture = _cut(_read(path), request.side, code.multiple * spec.scale)
        codes = _count(natural, picture / 255, code, path)
        if isinstance(code, LearnedCode):
            squares.append(float(np.square(np.clip(code.decode(codes), 0, 1) - picture / 255).mean()))
        if degrade:
            _count(restored, _restored(degrade(picture, number), model), code, path)
    for path in [] if degrade else progress_bar(inputs, "Inputs", screen):
        picture = _cut(_read(path), request.side // spec.scale, code.multiple)
        _count(restored, _restored(picture, model), code, path)
    for moments, folder in ((natural, request.natural), (restored, request.degraded)):
        if moments.count < code.size:
            raise DataError(
                f"{folder}: {moments.count} patches are too few for the statistics of {code.size} values: "
                "give more or larger pictures, or a smaller --patch"
            )
    target = natural.gaussian()
    map = transport(restored.gaussian(), target)
    data, done, checks = _built(request, file, spec, code, map, (len(inputs), len(photographs)))
    request.target.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(request.target, data, overwrite=request.overwrite)
    lost = float(np.trace(map.noise) / np.trace(target.covariance))
    error = -10 * math.log10(max(float(np.mean(squares)), _NO_ERROR)) if squares else None
    return Calibrated(request.target, done, checks, code, map, error, (len(inputs), len(photographs)), lost)


def _code(request: Request) -> PatchCode | LearnedCode:
    if request.autoencoder is None:
        return request.code
    from restore.calibration.autoencoders.find import find_autoencoder

    return LearnedCode(find_autoencoder(request.autoencoder), request.code.patch, request.rebuilt)


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


def _count(
    moments: Moments, picture: NDArray[np.float64], code: PatchCode | LearnedCode, path: Path
) -> NDArray[np.float64]:
    """Add a picture's patches, and return its codes."""
    if min(picture.shape[:2]) < code.least:
        raise DataError(
            f"{path}: smaller than a patch of {code.least} x {code.least} pixels: remove it, or give a smaller --patch"
        )
    blocks = code.encode(picture)
    step = max(1, round(np.sqrt(blocks.shape[0] * blocks.shape[1] / _PATCHES)))
    moments.add(code.patches(blocks, step))
    return blocks


def _built(
    request: Request,
    file: Path,
    spec: ModelSpec,
    code: PatchCode | LearnedCode,
    map: Transport,
    pictures: tuple[int, int],
) -> tuple[bytes, ModelSpec, list[Check]]:
    """The file's bytes, after verification."""
    model, grown = attach(onnx.load(file), spec, code, map, request.reach)
    facts: JsonObject = {
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
    if isinstance(code, LearnedCode):
        facts |= _with_autoencoder(model, spec, grown, code)
    done = grown.but(**{**facts, **request.spec})
    describe(model, done)
    if model.ByteSize() > onnx.checker.MAXIMUM_PROTOBUF:
        raise ModelError(
            f"{request.target} would have {model.ByteSize() / 1e9:.1f} GB, and an ONNX file has at most 2: use a "
            "smaller autoencoder"
        )
    data = model.SerializeToString()
    _, checks = prove(data, lambda _: [], _RUN_SECONDS if isinstance(code, LearnedCode) else RUN_SECONDS)
    return data, done, checks


def _with_autoencoder(model: onnx.ModelProto, spec: ModelSpec, grown: ModelSpec, code: LearnedCode) -> JsonObject:
    """What a file says differently for the autoencoder in it."""
    added = code.autoencoder
    own = spec.parameters or count_weights(model) - added.parameters
    return {
        "network": f"{spec.network or UNKNOWN}, codes of {added.name}",
        "parameters": own + added.parameters,
        "licence": f"{spec.licence or UNKNOWN}; of the autoencoder: {added.licence or UNKNOWN}",
        "held": held_values(model, grown, _SIDE),
    }
