"""One row of a page: read a picture's versions, compare them, and make copies for the browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from restore.compare.options import PageOptions
from restore.compare.pixels import Size, difference, for_measures, read
from restore.compare.preview import Copy, difference_map, display_copy, thumbnail
from restore.compare.source import PageSource, area
from restore.errors import ImageError
from restore.imaging.opencv_errors import opencv_errors
from restore.imaging.picture import Picture
from restore.metrics.measure import measure_picture
from restore.metrics.metric import Metric, MetricProtocol, Pixels
from restore.metrics.registry import METRICS
from restore.utils.text import printable

# Share of a row's byte budget for its difference maps.
_MAPS_SHARE = 0.15
# Aspect ratios that differ by more than this factor are reported.
_ALIKE_SHAPE = 1.02
# Memory of a row in bytes per pixel of all versions: decoded, resized, and their difference; when measuring against a
# reference, also SSIM's floating-point planes.
_BYTES, _MEASURING_BYTES = 12, 60


@dataclass(frozen=True)
class Version:
    """One version of a picture.

    Attributes:
        bytes: size of the file.
        size: height and width, upright; None if it cannot be read.
        copy: for the browser.
        map: of its difference from the base.
        apart: mean difference from the base, out of 255.
        measures: metrics against the reference.
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

    source: PageSource
    versions: tuple[Version | None, ...]
    problems: tuple[str, ...]
    thumbnail: Copy | None = None

    @property
    def shown(self) -> bool:
        """Whether at least two versions can be shown."""
        return sum(version is not None and version.copy is not None for version in self.versions) > 1


def memory(source: PageSource, scale: int | None) -> int:
    """Approximate bytes of memory that :func:`make_row` takes."""
    return 0 if source.depth == "listed" else round((_BYTES if scale is None else _MEASURING_BYTES) * area(source))


def make_row(source: PageSource, options: PageOptions, scale: int | None) -> Row:
    """Read, measure and copy a picture's versions. A problem with one is noted and does not affect the others.

    Args:
        source: the picture, with its sizes known (:func:`restore.compare.source.looked_at`).
        options: settings of the page.
        scale: factor from the pictures to the reference, if the last version is one; the others are then compared with
            it. None without a reference; they are then compared with the first version.
    """
    if source.depth == "listed":
        pairs = zip(source.files, source.sizes, strict=True)
        listed = tuple(None if file is None else Version(_bytes(file), size) for file, size in pairs)
        return Row(source, listed, source.problems)
    return _Maker(source, options, scale).row()


class _Maker:
    """Holds the base and one version at a time."""

    def __init__(self, source: PageSource, options: PageOptions, scale: int | None) -> None:
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
            with self._problems_noted(file):
                version = self._filled(version, i, file, picture, base)
                if version.copy is not None and (small is None or i == 1):
                    small = thumbnail(picture)
            versions.append(version)
        return Row(source, tuple(versions), tuple(self._problems), small)

    def _read(self, file: Path | None) -> Picture | None:
        picture = None
        if file is not None:
            with self._problems_noted(file):
                picture = read(file, self._options.pixel_limit)
        return picture

    @contextmanager
    def _problems_noted(self, file: Path) -> Iterator[None]:
        """Note an error as a problem of this version, and continue with the others."""
        try:
            with opencv_errors("cannot be shown"):
                yield
        except (ImageError, MemoryError) as error:
            reason = "not enough memory for this picture" if isinstance(error, MemoryError) else str(error)
            self._problems.append(f"{printable(file)}: {printable(reason.removeprefix(f'{file}: '))}")

    def _filled(self, version: Version, place: int, file: Path, picture: Picture, base: Picture | None) -> Version:
        """Add the copy, the difference map and the measurements."""
        if place != self._base_place and base is not None:
            self._note_shape(file, picture, base)
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
        """The version's share of the row's byte budget, by its share of the pixels."""
        factor = min(1.0, self._options.max_side / max(size))
        return self._source.limit * min(1.0, size[0] * size[1] * factor**2 / self._total)

    def _note_shape(self, file: Path, picture: Picture, base: Picture) -> None:
        (height, width), (rows, columns) = picture.size, base.size
        shapes = width * rows, columns * height
        # A tiny picture that was cropped before it was enlarged may differ by that crop.
        if max(shapes) > _ALIKE_SHAPE * min(shapes) and min(rows, columns) > 50:
            self._problems.append(
                f"{printable(file)}: {width} x {height} has another shape than {columns} x {rows}: shown stretched"
            )


def _bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


# Metrics that need no weights and are as fast as making the copies, by their registry names.
MEASURES: dict[str, Metric] = {name: METRICS[name] for name in ("psnr", "ssim", "ciede2000")}


def measure(image: Pixels, reference: Pixels, scale: int) -> dict[str, float]:
    """Every measure by its title; see :func:`restore.metrics.measure.measure_picture`."""
    found = measure_picture(MEASURES, image, reference, MetricProtocol(scale))
    return {MEASURES[name].title: value for name, value in found.items()}
