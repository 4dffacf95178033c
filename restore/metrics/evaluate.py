"""Measure a model on a folder of high-resolution pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from restore.errors import DataError
from restore.imaging.decode import read_picture
from restore.imaging.formats import PHOTO_SUFFIXES
from restore.imaging.picture import to8
from restore.metrics.protocol import Score, as_rgb, bicubic, enlarge_like, reduce, score
from restore.runtime.enhance import Network, enhance_pixels
from restore.spec import ModelSpec

PROTOCOL = "PSNR in dB and SSIM on Y (BT.601, 8 bits), border = scale"
PROTOCOL_AT_1 = "PSNR in dB on RGB and SSIM on Y (BT.601, 8 bits), border 1"


@dataclass(frozen=True)
class Row:
    """One picture: bicubic's score, or at scale 1 that of the input as it is, and the model's."""

    name: str
    baseline: Score
    model: Score


@dataclass(frozen=True)
class Table:
    """The scores of a model over a folder."""

    model: str
    scale: int
    low: str
    rows: list[Row]

    def mean(self) -> Row:
        """The average over the pictures."""

        def average(scores: list[Score]) -> Score:
            return Score(float(np.mean([s.psnr for s in scores])), float(np.mean([s.ssim for s in scores])))

        return Row("average", average([r.baseline for r in self.rows]), average([r.model for r in self.rows]))

    @property
    def baseline(self) -> str:
        """What the model is compared with."""
        return "bicubic" if self.scale > 1 else "unchanged"

    @property
    def protocol(self) -> str:
        """How it was measured."""
        return PROTOCOL if self.scale > 1 else PROTOCOL_AT_1

    def to_json(self) -> str:
        """Everything, for machines."""
        facts = {"model": self.model, "scale": self.scale, "protocol": self.protocol, "low_resolution": self.low}
        facts["baseline"] = self.baseline
        return json.dumps(
            {**facts, "pictures": [asdict(r) for r in self.rows], "average": asdict(self.mean())}, indent=2
        )

    def to_text(self) -> str:
        """A table for a terminal."""
        width, enlarges = max(len(r.name) for r in [*self.rows, self.mean()]), self.scale > 1
        lines = [
            f"{self.model}, x{self.scale}; {self.protocol}; {'low resolution' if enlarges else 'input'}: {self.low}",
            f"{'':{width}}   {self.baseline:9}         {self.model}",
            f"{'picture':{width}}   PSNR    SSIM      PSNR    SSIM",
        ]
        for row in [*self.rows, self.mean()]:
            a, b = row.baseline, row.model
            lines.append(f"{row.name:{width}}  {a.psnr:6.2f}  {a.ssim:.4f}    {b.psnr:6.2f}  {b.ssim:.4f}")
        return "\n".join(lines)


def evaluate_model(
    network: Network,
    spec: ModelSpec,
    folder: Path,
    pattern: str,
    low_folder: Path | None,
    rename: tuple[str, str],
    tile: int,
    screen: Console,
) -> Table:
    """Enlarge the reduced pictures of a folder and compare them with the originals.

    Args:
        network: see :func:`restore.runtime.enhance.enhance_pixels`.
        spec: of the model.
        folder: of high-resolution pictures.
        pattern: which of its files.
        low_folder: given low-resolution files of the same names, or None to make them.
        rename: replaced in a high-resolution file's name to get the low-resolution one's.
        tile: largest tile side.
        screen: for the progress bar.

    Raises:
        DataError: no pictures, a given low-resolution file is missing or of the wrong size, or none are given at scale
            1, where they cannot be made.
        ImageError: a picture cannot be read: a measurement over fewer pictures would not be the one asked for.
    """
    if spec.scale == 1 and low_folder is None:
        raise DataError(
            f"{spec.name} restores and does not enlarge: give the folder of its inputs with --lr, and in --data what "
            "should come of them, by the same names"
        )
    paths = _pictures(folder, pattern)
    rows = []
    shown = track(paths, "Measuring", console=screen, transient=True, disable=not screen.is_terminal)
    for path in shown:
        high = to8(read_picture(path).pixels)
        if min(high.shape[:2]) < 4 * spec.scale:
            raise DataError(f"{path}: {high.shape[1]} x {high.shape[0]} pixels are too few to measure x{spec.scale} on")
        if low_folder is None:
            low, high = reduce(high, spec.scale)
        else:
            low, high = _given(path, high, low_folder, rename, spec.scale)
        result = enlarge_like(low, _enlarger(network, spec, tile))
        rows.append(Row(path.stem, score(bicubic(low, spec.scale), high, spec.scale), score(result, high, spec.scale)))
    made = "MATLAB-like bicubic, 8 bits" if low_folder is None else "given files"
    return Table(spec.name, spec.scale, made, rows)


def _enlarger(network: Network, spec: ModelSpec, tile: int) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    return lambda pixels: enhance_pixels(pixels, network, spec, tile)


def _pictures(folder: Path, pattern: str) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    found = sorted(p for p in folder.glob(pattern) if p.suffix.lower() in PHOTO_SUFFIXES and p.is_file())
    if not found:
        raise DataError(f"{folder}: no pictures match '{pattern}'")
    return found


def _given(
    path: Path, high: NDArray[np.uint8], folder: Path, rename: tuple[str, str], scale: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    name = path.name.replace(*rename) if rename[0] else path.name
    source = folder / name
    if not source.is_file():
        raise DataError(f"{source}: the low-resolution file of {path.name} is missing (see --lr-name)")
    low = to8(read_picture(source).pixels)
    height, width = (n * scale for n in low.shape[:2])
    # What is left over was cropped to a multiple of the scale before the file was made.
    if not all(0 <= whole - part < scale for whole, part in zip(high.shape[:2], (height, width), strict=True)):
        sizes = [f"{pixels.shape[1]} x {pixels.shape[0]}" for pixels in (low, high)]
        raise DataError(f"{source}: {sizes[0]} pixels are not 1/{scale} of the {sizes[1]} of {path.name}")
    if low.shape[2] != high.shape[2]:  # grey has a scale of its own in the measures
        low, high = as_rgb(low), as_rgb(high)
    return low, high[:height, :width]
