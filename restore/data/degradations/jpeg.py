"""JPEG compression."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restore.data.degradations.base import Degradation, Image, QualityRange


def jpeg(image: NDArray[np.float32], quality: int) -> NDArray[np.float32]:
    """Compress with libjpeg at half the chroma resolution (4:2:0), and decompress.

    Args:
        image: float32 (H, W, 3) on 0..1; clipped and rounded to 8 bits first.
        quality: libjpeg quality, 1..100.

    Returns:
        float32 (H, W, 3), multiples of 1/255.
    """
    return to_float(jpeg8(to_uint8(image), quality))


def jpeg8(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Compress and decompress uint8 (H, W, 3); see :func:`jpeg`."""
    import cv2

    settings = [cv2.IMWRITE_JPEG_QUALITY, quality]
    settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)
    decoded: Any = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    return np.asarray(decoded, np.uint8)


def to_uint8(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Convert 0..1 to 8 bits, clipped and rounded to nearest."""
    rounded: NDArray[np.uint8] = np.rint(np.clip(image, 0, 1) * np.float32(255)).astype(np.uint8)
    return rounded


def to_float(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Convert 8 bits to 0..1."""
    return image.astype(np.float32) / np.float32(255)


class Jpeg(Degradation):
    """JPEG compression."""

    quality: QualityRange = Field((30, 95), description="libjpeg quality, 1..100")

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        return jpeg(image, int(draw.integers(self.quality[0], self.quality[1], endpoint=True)))


class JpegStep(Jpeg):
    """JPEG compression as a separate step."""

    kind: Literal["jpeg"] = "jpeg"
