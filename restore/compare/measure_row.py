"""One picture of a page: its versions read, measured against each other, and copied for the browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from restore.compare.options import PageOptions
from restore.compare.pixels import Size, difference, for_measures, read
from restore.compare.preview import Copy, difference_map, display_copy, thumbnail
from restore.compare.source import Source, area
from restore.errors import ImageError
from restore.imaging.opencv_errors import opencv_errors
from restore.imaging.picture import Picture
from restore.metrics.measure import measure_picture
from restore.metrics.metric import Metric, MetricProtocol, Pixels
from restore.metrics.registry import METRICS
from restore.utils.text import printable

# Of what a row's copies may take, the part for its difference maps.
_MAPS_SHARE = 0.15
# Two shapes of which one is that many times as broad as the other are not the same picture's.
_ALIKE_SHAPE = 1.02
# Bytes a pixel of all versions that a row takes: decoded, at one size, their difference; and to measure them against a
# reference, the planes of SSIM in floating point.
_BYTES, _MEASURING_BYTES = 12, 60


@dataclass(frozen=True)
class Version:
    """A picture as one folder has it.

    Attributes:
        bytes: of the file.
        size: height and width, upright; None where it cannot be read.
        copy: for the browser.
        map: of its difference to the base.
        apart: mean difference to the base, of 255.
        measures: against the reference.
    """

    bytes: int
    size: Size | None = None
    copy: Copy | None = None
    map: Copy | None = None
    apart: float | None = None
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A picture of the page."""

    source: Source
    versions: tuple[Version | None, ...]
    problems: tuple[str, ...]
    thumbnail: Copy | None = None

    @property
    def shown(self) -> bool:
        """Whether there are two versions to see."""
        return sum(version is not None and version.copy is not None for version in self.versions) > 1


def memory(source: Source, scale: int | None) -> int:
    """Bytes that making a row takes, about; as :func:`make_row`."""
    return 0 if source.depth == "listed" else round((_BYTES if scale is None else _MEASURING_BYTES) * area(source))


def make_row(source: Source, options: PageOptions, scale: int | None) -> Row:
    """Read, measure and copy a picture's versions; what is wrong with one is told and leaves the others.

    Args:
        source: the picture, looked at.
        options: how to copy.
        scale: by which pictures were enlarged to the size of the reference, if the last version is one: then it is what
            differences are taken to and what the others are measured against. None without: it is the first.
    """
    if source.depth == "listed":
        pairs = zip(source.files, source.sizes, strict=True)
        listed = tuple(None if file is None else Version(_bytes(file), size) for file, size in pairs)
        return Row(source, listed, source.problems)
    return _Maker(source, options, scale).row()


class _Maker:
    """Holds the base and one version at a time."""

    def __init__(self, source: Source, options: PageOptions, scale: int | None) -> None:
        self._source = source
        self._options = options
        self._scale = scale
        self._base_place = 0 if scale is None else len(source.files) - 1
        self._problems = list(source.problems)
        self._total = area(source, options.max_side) or 1.0

    def row(self) -> Row:
        source, place = self._source, self._base_place
        base = self._read(source.files[place])
        versions: list[Version | None] = []
        small = None
        for i, file in enumerate(source.files):
            picture = base if i == place else self._read(file)
            if file is None or picture is None:
                versions.append(None if file is None else Version(_bytes(file)))
                continue
            version = Version(_bytes(file), picture.size)
            with self._told(file):
                version = self._filled(version, i, file, picture, base)
                if version.copy is not None and (small is None or i == 1):
                    small = thumbnail(picture)
            versions.append(version)
        return Row(source, tuple(versions), tuple(self._problems), small)

    def _read(self, file: Path | None) -> Picture | None:
        picture = None
        if file is not None:
            with self._told(file):
                picture = read(file, self._options.pixel_limit)
        return picture

    @contextmanager
    def _told(self, file: Path) -> Iterator[None]:
        """What one version meets with is a problem of it: the others, and the other rows, go on."""
        try:
            with opencv_errors("it cannot be shown"):
                yield
        except (ImageError, MemoryError) as error:
            reason = "not enough memory for this picture" if isinstance(error, MemoryError) else str(error)
            self._problems.append(f"{printable(file)}: {printable(reason.removeprefix(f'{file}: '))}")

    def _filled(self, version: Version, place: int, file: Path, picture: Picture, base: Picture | None) -> Version:
        """With what is seen and measured of it."""
        if place != self._base_place and base is not None:
            self._tell_of_shape(file, picture, base)
            version = self._compared(version, picture, base)
        if self._source.depth != "shown":
            return version
        options = self._options
        share = self._share(picture.size) * (1 - _MAPS_SHARE)
        return replace(version, copy=display_copy(picture, options.max_side, options.quality, share))

    def _compared(self, version: Version, picture: Picture, base: Picture) -> Version:
        apart = difference(picture, base)
        version = replace(version, apart=float(apart.mean(dtype=np.float64)))
        if self._source.depth == "shown":
            limit = self._source.limit * _MAPS_SHARE / max(1, len(self._source.files) - 1)
            version = replace(version, map=difference_map(apart, self._options.max_side, limit))
        del apart
        if self._scale is None:
            return version
        return replace(version, measures=measure(*for_measures(picture, base, self._scale), self._scale))

    def _share(self, size: Size) -> float:
        """Of the row's bytes, by its part of the row's pixels."""
        factor = min(1.0, self._options.max_side / max(size))
        return self._source.limit * min(1.0, size[0] * size[1] * factor**2 / self._total)

    def _tell_of_shape(self, file: Path, picture: Picture, base: Picture) -> None:
        (height, width), (rows, columns) = picture.size, base.size
        shapes = width * rows, columns * height
        # A picture of a few pixels that was enlarged after a crop may differ by that crop.
        if max(shapes) > _ALIKE_SHAPE * min(shapes) and min(rows, columns) > 50:
            self._problems.append(
                f"{printable(file)}: {width} x {height} is another shape than {columns} x {rows}: shown stretched"
            )


def _bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


# By the registry's names: of its metrics those that need no weights and are done with in the time that copying takes.
MEASURES: dict[str, Metric] = {name: METRICS[name] for name in ("psnr", "ssim", "ciede2000")}


def measure(image: Pixels, reference: Pixels, scale: int) -> dict[str, float]:
    """Every measure, by its title; as :func:`restore.metrics.measure.measure_picture`."""
    found = measure_picture(MEASURES, image, reference, MetricProtocol(scale))
    return {MEASURES[name].title: value for name, value in found.items()}
