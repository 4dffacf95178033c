"""The distance of features orders pictures as an eye does, and is what it says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from restore.encoders.efficientnet_lite import EfficientNetLite0Options
from restore.metrics.learned.feature_distance import FeatureDistance
from tests.conftest import SAMPLES


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    pixels = cv2.imread(str(next(SAMPLES.glob("*.jpg"))))
    return np.ascontiguousarray(pixels[:240, :320, ::-1])


def test_feature_distance(photo: np.ndarray) -> None:
    distance = FeatureDistance()
    assert distance(photo, photo) == 0
    a_little, much = (cv2.GaussianBlur(photo, (0, 0), sigma) for sigma in (0.7, 2))
    assert 0 < distance(a_little, photo) < distance(much, photo)
    encoder = EfficientNetLite0Options().build()
    with torch.no_grad():
        a, b = (encoder(torch.from_numpy(x.copy()).permute(2, 0, 1)[None].float() / 255) for x in (much, photo))
    wanted = np.mean([float((x - y).abs().sum() / y.abs().sum()) for x, y in zip(a, b, strict=True)])
    assert distance(much, photo) == pytest.approx(wanted, rel=1e-5)
