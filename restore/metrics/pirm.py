"""How the PIRM challenge of 2018 ranks: by an index of looks, within regions of RMSE."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.errors import DataError
from restore.imaging.color import luma
from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, OfPicture, Pixels
from restore.metrics.niqe import border, niqe
from restore.metrics.psnr import within

# The largest RMSE of each region.
REGIONS = (11.5, 12.5, 16.0)


class Rmse:
    """The root of the mean squared error of a set of pictures: of Y (BT.601, 8 bits), 0..255; 0 is best.

    Blau et al., "The 2018 PIRM challenge on perceptual image super-resolution", 2018: the squared errors are averaged
    over each picture and then over the pictures, without a border of 4 pixels, at x4.

    Args:
        border: pixels left out on every side.
    """

    def __init__(self, border: int) -> None:
        self.border = border
        self._squares: list[float] = []

    def add(self, image: NDArray[np.uint8], reference: NDArray[np.uint8] | None, name: str) -> None:
        """See a picture (H, W, 1 or 3) beside its reference of the same shape."""
        assert reference is not None
        a, b = within(luma(image), luma(reference), self.border)
        self._squares.append(float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)))

    def value(self) -> float:
        """Of all that were seen."""
        return math.sqrt(np.mean(self._squares))


def region(rmse: float) -> str:
    """Which of the challenge's regions an RMSE is in, in words."""
    for number, most in enumerate(REGIONS, 1):
        if rmse <= most:
            return f"region {number}"
    return f"in no region: more than {REGIONS[-1]:g}"


def perceptual_index(naturalness: float, ma: float) -> float:
    """(NIQE + 10 - Ma) / 2; lower is better. Of means over pictures it is the mean.

    Args:
        naturalness: NIQE, see :func:`restore.metrics.niqe.niqe`.
        ma: the score of Ma et al., "Learning a no-reference quality metric for single-image super-resolution", 2017,
            0..10, higher is better. Its regression forests are published as MATLAB code alone.
    """
    return (naturalness + 10 - ma) / 2


def read_ma(path: Path) -> Mapping[str, float]:
    """Scores by a picture's name without its folder and ending.

    Args:
        path: ``.json``, an object from names to scores; or else lines of ``name,score``, with or without a head.

    Raises:
        DataError: it cannot be read, or what it holds is something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: the file of Ma scores cannot be read: {error}") from error
    try:
        if path.suffix.lower() == ".json":
            found = json.loads(text)
            pairs = list(found.items()) if isinstance(found, dict) else [("", found)]
        else:
            pairs = [(row[0], row[1]) for row in csv.reader(text.splitlines()) if row]
            if pairs and not _is_number(pairs[0][1]):
                pairs = pairs[1:]
        scores = {Path(name).stem: float(score) for name, score in pairs}
    except (ValueError, TypeError, IndexError, csv.Error) as error:
        raise DataError(f"{path}: Ma scores are lines of name,score or a JSON object of them: {error}") from error
    wrong = [name for name, score in scores.items() if not 0 <= score <= 10]
    if wrong or not scores:
        said = f"the Ma score of {wrong[0]} is {scores[wrong[0]]}, and they are within 0..10" if wrong else "no scores"
        raise DataError(f"{path}: {said}")
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
            raise ValueError(f"{path} has no Ma score of {stem}")
        return perceptual_index(niqe(image, border(protocol)), scores[stem])

    return measure


RMSE = Metric(
    "pirm-rmse",
    "PIRM RMSE",
    "the root of the squared error, averaged over all pictures, and the PIRM challenge's region",
    higher_is_better=False,
    reference=True,
    digits=2,
    how=lambda protocol: f"on Y (BT.601, 8 bits), border {protocol.edge}",
    measure_set=lambda protocol, inputs: Rmse(protocol.edge),
    note=region,
)

PERCEPTUAL_INDEX = Metric(
    "perceptual-index",
    "PI",
    "the PIRM challenge's index, (NIQE + 10 - Ma) / 2",
    higher_is_better=False,
    reference=False,
    digits=2,
    how=lambda protocol: f"of NIQE with border {border(protocol)} and of given Ma scores",
    measure=_build_index,
    needs="Ma scores of one folder of results, with --ma",
    precomputed=True,
)
