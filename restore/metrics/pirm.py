"""The ranking of the PIRM challenge 2018: a perceptual index within regions of RMSE."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.errors import DataError
from restore.imaging.color.conversions import luma
from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, OfPicture, Pixels
from restore.metrics.niqe import niqe
from restore.metrics.psnr import within
from restore.utils.json_text import parse_json

# The largest RMSE of each region.
REGIONS = (11.5, 12.5, 16.0)


class Rmse:
    """Root mean squared error of a set of pictures on Y (BT.601, 8 bits), 0..255; 0 is best.

    Blau et al., "The 2018 PIRM challenge on perceptual image super-resolution", 2018: the squared errors are averaged
    over each picture and then over the pictures, without a border of 4 pixels, at x4.

    Args:
        border: pixels left out on every side.
    """

    def __init__(self, border: int) -> None:
        self.border = border
        self._squares: list[float] = []

    def add(self, image: NDArray[np.uint8], reference: NDArray[np.uint8] | None, name: str) -> None:
        """Add a picture (H, W, 1 or 3) and its reference of the same shape."""
        assert reference is not None
        a, b = within(luma(image), luma(reference), self.border)
        self._squares.append(float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)))

    def value(self) -> float:
        """The RMSE over all added pictures."""
        return math.sqrt(np.mean(self._squares))


def region(rmse: float) -> str:
    """The challenge's region of an RMSE, in words."""
    for number, most in enumerate(REGIONS, 1):
        if rmse <= most:
            return f"region {number}"
    return f"outside all regions: above {REGIONS[-1]:g}"


def perceptual_index(naturalness: float, ma: float) -> float:
    """(NIQE + 10 - Ma) / 2; lower is better. It is linear, so means over pictures give its mean.

    Args:
        naturalness: NIQE, see :func:`restore.metrics.niqe.niqe`.
        ma: the score of Ma et al., "Learning a no-reference quality metric for single-image super-resolution", 2017,
            0..10, higher is better. Its regression forests are only published as MATLAB code.
    """
    return (naturalness + 10 - ma) / 2


def read_ma(path: Path) -> Mapping[str, float]:
    """Read Ma scores, by picture name without folder and extension.

    Args:
        path: ``.json`` with an object from names to scores; otherwise lines of ``name,score``, with or without header.

    Raises:
        DataError: the file cannot be read or has another format.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: the file of Ma scores cannot be read: {error}") from error
    try:
        if path.suffix.lower() == ".json":
            found = parse_json(text)
            pairs = list(found.items()) if isinstance(found, dict) else [("", found)]
        else:
            pairs = [(row[0], row[1]) for row in csv.reader(text.splitlines()) if row]
            if pairs and not _is_number(pairs[0][1]):
                pairs = pairs[1:]
        scores = {Path(name).stem: float(score) for name, score in pairs}
    except (ValueError, TypeError, IndexError, csv.Error) as error:
        raise DataError(f"{path}: Ma scores must be lines of name,score or a JSON object: {error}") from error
    wrong = [name for name, score in scores.items() if not 0 <= score <= 10]
    if wrong or not scores:
        reason = f"the Ma score of {wrong[0]} is {scores[wrong[0]]}, but must be within 0..10" if wrong else "no scores"
        raise DataError(f"{path}: {reason}")
    return scores


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _build_index(protocol: MetricProtocol, inputs: MetricInputs) -> OfPicture:
    if inputs.ma is None:
        raise DataError("the perceptual index needs the pictures' Ma scores: give them with --ma FILE")
    path, scores = inputs.ma, read_ma(inputs.ma)

    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        stem = name.rsplit("/", 1)[-1]
        if stem not in scores:
            raise ValueError(f"{path} has no Ma score for {stem}")
        return perceptual_index(niqe(image, protocol.edge_without_reference), scores[stem])

    return measure


RMSE = Metric(
    "pirm-rmse",
    "PIRM RMSE",
    "root mean squared error over all pictures, and the PIRM challenge's region",
    higher_is_better=False,
    reference=True,
    digits=2,
    how=lambda protocol: f"on Y (BT.601, 8 bits), border {protocol.edge}",
    measure_set=lambda protocol, inputs: Rmse(protocol.edge),
    note=region,
    distortion=True,
)

PERCEPTUAL_INDEX = Metric(
    "perceptual-index",
    "PI",
    "the PIRM challenge's index, (NIQE + 10 - Ma) / 2",
    higher_is_better=False,
    reference=False,
    digits=2,
    how=lambda protocol: f"from NIQE with border {protocol.edge_without_reference} and given Ma scores",
    measure=_build_index,
    needs="Ma scores for each folder of results, with --ma",
    precomputed=True,
)
