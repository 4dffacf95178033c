"""BRISQUE, learned quality of a picture without a reference, by the model in the package brisque."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from restore.errors import MissingExtraError, ModelError
from restore.metrics.generalized_gaussian import SHAPES, shape_tables
from restore.metrics.metric import Metric, MetricInputs, MetricProtocol, OfPicture, Pixels

Floats = NDArray[np.float64]

# Side of the window for local brightness and contrast, and its Gaussian's width.
_WINDOW, _SIGMA = 7, 7 / 6
# Pixels of a side: with fewer there is more of the black around the picture than of the picture.
_LEAST = 32
_GRAY = np.array([0.2125, 0.7154, 0.0721])
# Offsets to the neighbors: right, below, and the two diagonals.
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
# Values below this are rounding, whose signs would count.
_ROUNDING = 1e-9
_FILE = "models/svm.txt"
_DIGEST = "19526fb799c4c7992ccc109fcfecddb25976ba024b194cd3ee275d27e8909c8d"
# The least and the largest value of each feature among the pictures that the model learned from, which it sees as -1
# and 1; they come with it, in a form that could hold code.
_LOW = np.array(
    [
        *(0.336999, 0.019667, 0.23, -0.125959, 0.000167, 0.000616),
        *(0.231, -0.125873, 0.000165, 0.0006, 0.241, -0.128814),
        *(0.000179, 0.000386, 0.243, -0.13308, 0.000182, 0.000421),
        *(0.436998, 0.016929, 0.247, -0.200231, 0.000104, 0.000834),
        *(0.257, -0.200017, 0.000112, 0.000876, 0.257, -0.155072),
        *(0.000112, 0.000356, 0.258, -0.154374, 0.000117, 0.000351),
    ]
)
_HIGH = np.array(
    [
        *(9.999411, 0.807472, 1.644021, 0.202917, 0.712384, 0.468672),
        *(1.644021, 0.169548, 0.713132, 0.467896, 1.553016, 0.101368),
        *(0.687324, 0.533087, 1.554016, 0.101, 0.689177, 0.533133),
        *(3.639918, 0.800955, 1.096995, 0.175286, 0.755547, 0.39927),
        *(1.095995, 0.155928, 0.751488, 0.402398, 1.041992, 0.093209),
        *(0.623516, 0.532925, 1.042992, 0.093714, 0.621958, 0.534484),
    ]
)


class Brisque:
    """Predicts how bad people find a picture, from about 0 to about 100; lower is better.

    Mittal, Moorthy and Bovik, "No-reference image quality assessment in the spatial domain", 2012: the picture is
    normalized by local brightness and contrast; 18 numbers at each of two scales describe the distributions of the
    coefficients and of their products with neighbors, and a support vector machine predicts the score. As in the
    package ``brisque``, whose model this is, the picture is gray by weights of 0.2125, 0.7154 and 0.0721, black beyond
    its edges, and reduced by cubic interpolation without smoothing.

    Args:
        weights: the package's file ``models/svm.txt``; None for the one of the installed package.

    Raises:
        MissingExtraError: the package is not installed, and no file is given.
        ModelError: the file is missing, or is another one.
    """

    def __init__(self, weights: Path | None = None) -> None:
        self._machine = _read(_installed() if weights is None else weights)

    def __call__(self, image: Pixels) -> float:
        """Score a picture.

        Args:
            image: uint8 RGB (H, W, 3) or gray (H, W, 1).

        Raises:
            ValueError: it is smaller than 32 pixels on a side, or flat.
        """
        if min(image.shape[:2]) < _LEAST:
            height, width = image.shape[:2]
            raise ValueError(f"BRISQUE needs sides of {_LEAST} pixels, but the picture has {width} x {height}")
        gray = (image / 255) @ _GRAY if image.shape[2] == 3 else image[..., 0] / 255
        half = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_CUBIC)
        features = np.array([*_features(gray), *_features(np.asarray(half, np.float64))])
        if not np.isfinite(features).all():
            raise ValueError("BRISQUE cannot measure a picture without any detail")
        return self._machine.predict(2 * (features - _LOW) / (_HIGH - _LOW) - 1)


class _Machine(NamedTuple):
    """A support vector machine for regression, with a kernel of radial basis functions.

    Attributes:
        vectors: (N, 36).
        weights: (N,).
        gamma: of the kernel.
        rho: subtracted from the sum.
    """

    vectors: Floats
    weights: Floats
    gamma: float
    rho: float

    def predict(self, features: Floats) -> float:
        kernel = np.exp(-self.gamma * ((self.vectors - features) ** 2).sum(axis=1))
        return float(self.weights @ kernel - self.rho)


def _installed() -> Path:
    # The package is not imported: it loads much, and its scores fail with NumPy from 2.4 on.
    spec = importlib.util.find_spec("brisque")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("the metric 'brisque'", "brisque", "brisque")
    return Path(next(iter(spec.submodule_search_locations))) / _FILE


def _read(path: Path) -> _Machine:
    """Read a model of libsvm, whose lines of vectors are ``WEIGHT 1:VALUE 2:VALUE ...``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: the model of BRISQUE cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != _DIGEST:
        raise ModelError(
            f"{path}: not the model of BRISQUE that this metric knows, {_FILE} of the package brisque 0.2.0: install "
            "that version, or give its file"
        )
    head, _, body = data.decode("ascii").partition("SV\n")
    facts = dict(line.split(" ", 1) for line in head.splitlines())
    rows = [line.split() for line in body.splitlines()]
    vectors = np.array([[float(word.partition(":")[2]) for word in words[1:]] for words in rows])
    return _Machine(vectors, np.array([float(words[0]) for words in rows]), float(facts["gamma"]), float(facts["rho"]))


def _features(gray: Floats) -> list[float]:
    """18 numbers of a gray picture (H, W) on 0..1."""
    mean = _blur(gray)
    deviation = np.sqrt(np.abs(mean**2 - _blur(gray**2)))
    left = (gray - mean) / (deviation + 1 / 255)
    left[np.abs(left) < _ROUNDING] = 0
    shape, _, low, high = _fit(left)
    found = [shape, (low**2 + high**2) / 2]
    height, width = left.shape
    for down, across in _SHIFTS:
        here = left[: height - down, max(0, -across) : width - max(0, across)]
        there = left[down:, max(0, across) : width + min(0, across)]
        shape, center, low, high = _fit(here * there)
        found += [shape, center, low**2, high**2]
    return found


def _blur(gray: Floats) -> Floats:
    """Gaussian mean, with black around the picture."""
    taps = np.exp(-((np.arange(_WINDOW) - _WINDOW // 2) ** 2) / (2 * _SIGMA**2))
    taps /= taps.sum()
    return np.asarray(cv2.sepFilter2D(gray, cv2.CV_64F, taps, taps, borderType=cv2.BORDER_CONSTANT))


def _fit(values: Floats) -> tuple[float, float, float, float]:
    """Fit an asymmetric generalized Gaussian by its moments: its shape, its mean, and the deviations on either side."""
    square = values**2
    below = values < 0
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.sqrt(square[below].sum() / below.sum())
        high = np.sqrt(square[~below].sum() / (~below).sum())
        skew = low / high
        ratio = np.abs(values).mean() ** 2 / square.mean()
        ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    tables = shape_tables()
    shape, width, mean = (np.interp(ratio, tables.ratio, of) for of in (SHAPES, tables.width, tables.mean))
    return float(shape), float((high - low) * width * mean), float(low), float(high)


def _build(_: MetricProtocol, inputs: MetricInputs) -> OfPicture:
    score = Brisque(inputs.weights.get("brisque"))

    def measure(image: Pixels, reference: Pixels | None, name: str) -> float:
        return score(image)

    return measure


METRIC = Metric(
    "brisque",
    "BRISQUE",
    "how bad people find a picture, as a support vector machine predicts it",
    higher_is_better=False,
    reference=False,
    digits=2,
    how=lambda protocol: "on gray, the whole picture, as in the package brisque",
    measure=_build,
    needs="pip install 'restore[brisque]', whose model it reads",
    takes_weights=True,
)
