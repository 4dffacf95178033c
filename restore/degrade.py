"""Run ``restore degrade``: degrade pictures as for training, to inspect the result."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from restore.data.degradations.options import SecondOrder
from restore.data.degradations.patch import degraded_patch
from restore.data.degradations.secondorder import second_order
from restore.data.sampling import PatchSampler, generator
from restore.errors import ImageError
from restore.imaging.contact_sheet import contact_sheet
from restore.imaging.decode import read_picture
from restore.imaging.encode import encode
from restore.imaging.formats import check_fits
from restore.imaging.metadata.exif import strip
from restore.imaging.picture import Picture, to8
from restore.imaging.resize import modcrop
from restore.jobs.map_folder import process_all, write_new
from restore.jobs.naming import Naming, PlanError
from restore.jobs.plan import Item, Plan, make_plan
from restore.utils.yaml_options import parse_options, read_text

if TYPE_CHECKING:
    from rich.console import Console

_DEFAULT_PRESET = "realesrgan"


@dataclass(frozen=True)
class Request:
    """The command-line options; ``restore degrade --help`` explains them."""

    source: Path
    target: Path
    preset: str | None
    recipe: Path | None
    changes: tuple[str, ...]
    scale: int
    seed: int
    count: int
    patches: int | None
    patch: int
    name: str
    max_pixels: float


def start(request: Request, screen: Console) -> int:
    """Degrade the pictures.

    Args:
        request: the options.
        screen: console for messages.

    Returns:
        The exit code: 0 on success, 1 if some pictures failed.

    Raises:
        RestoreError: usage error; nothing was written.
        OSError: a result cannot be written.
    """
    options = read_degradation(request.preset, request.recipe, request.changes)

    def convert(versions: Sequence[Item]) -> str:
        return _degrade(versions, request, options)

    return process_all(_plans(request), convert, ("Degrading", "degraded"), request.target, screen)


def read_degradation(preset: str | None, recipe: Path | None, changes: Sequence[str]) -> SecondOrder:
    """Read the degradation from a preset or a file, with changes such as ``second.jpeg.quality=[40, 90]``.

    Raises:
        RecipeError: the file cannot be read, or an option is invalid.
    """
    source = str(recipe) if recipe else f"preset {preset or _DEFAULT_PRESET}"
    text = read_text(recipe) if recipe else f"preset: {preset or _DEFAULT_PRESET}"
    return parse_options(
        SecondOrder,
        text,
        source,
        changes,
        example="preset: light",
        example_change="second.jpeg.quality=[40,90]",
    )


def _plans(request: Request) -> list[Plan]:
    """One plan per version; several versions go into numbered folders, each with the input's folder structure."""
    source, target = request.source, request.target
    names_a_file = bool(target.suffix) and source.is_file() and not target.is_dir()
    if names_a_file and request.count > 1:
        raise PlanError(f"--count {request.count} makes several pictures, but {target} is a single file: give a folder")
    # PNG by default, so that the results have no artifacts other than the requested ones.
    naming = Naming(request.name, None if names_a_file else ".png", scale=str(request.scale))
    if naming.needs("model"):
        raise PlanError(f"--name {request.name!r}: there is no model here; remove {{model}}")
    targets = [target / str(n) for n in range(1, request.count + 1)] if request.count > 1 else [target]
    return [make_plan(source, target, naming, existing="skip") for target in targets]


def _degrade(versions: Sequence[Item], request: Request, options: SecondOrder) -> str:
    """Read a picture and write its versions; returns notes about what was not read exactly as stored."""
    picture = read_picture(versions[0].source, round(request.max_pixels * 1e6))
    pixels = to8(picture.pixels)
    pixels = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
    for number, item in enumerate(versions, 1):
        draw = generator(request.seed, _number(item.source_name, number))
        if request.patches is None:
            result = _whole(pixels, request.scale, options, draw)
        else:
            result = patch_sheet(pixels, request.patches, request.patch, request.scale, options, draw)
        check_fits(item.target.suffix, *result.shape[:2])
        write_new(item.target, encode(_bare(picture, result), item.target.suffix))
    return "; ".join(picture.notes)


def _number(name: str, version: int) -> int:
    """A number derived from a picture's name, so that its result does not depend on the rest of the folder."""
    return int.from_bytes(hashlib.sha256(f"{version}/{name}".encode("utf-8", "surrogateescape")).digest()[:8], "big")


def _bare(picture: Picture, pixels: NDArray[np.uint8]) -> Picture:
    """The result with only the color profile; the other metadata no longer apply."""
    return strip(replace(picture, pixels=pixels, alpha=None))


def _whole(pixels: NDArray[np.uint8], scale: int, options: SecondOrder, draw: np.random.Generator) -> NDArray[np.uint8]:
    cropped = modcrop(pixels, scale)
    if 0 in cropped.shape:
        size = f"{pixels.shape[1]} x {pixels.shape[0]} pixels"
        raise ImageError(f"{size} are too few for --scale {scale}: choose a smaller one")
    return second_order(cropped, scale, options, draw)


def patch_sheet(
    pixels: NDArray[np.uint8], count: int, patch: int, scale: int, options: SecondOrder, draw: np.random.Generator
) -> NDArray[np.uint8]:
    """Random patches as in training: low resolution (enlarged by nearest neighbor) next to high resolution.

    Args:
        pixels: uint8 RGB (H, W, 3).
        count: number of patches.
        patch: side of a low-resolution patch.
        scale: the factor.
        options: of the degradation.
        draw: random generator.

    Returns:
        uint8 RGB, about square, white between the patches.

    Raises:
        ImageError: the picture is smaller than a patch.
    """
    side = patch * scale
    if min(pixels.shape[:2]) < side:
        size = f"{pixels.shape[1]} x {pixels.shape[0]} pixels"
        raise ImageError(f"{size} are smaller than one patch ({side} x {side}): choose a smaller --patch or --scale")
    places = PatchSampler(np.array([pixels.shape[:2]], np.int64), patch, scale)
    columns = math.ceil(math.sqrt(count / 2))
    pictures: list[NDArray[np.uint8]] = []
    for _ in range(count):
        low, high = degraded_patch(pixels, places.corner(pixels, draw), patch, scale, options, draw)
        pictures += [low.repeat(scale, axis=0).repeat(scale, axis=1), high]
    return contact_sheet(pictures, 2 * columns)
