"""What is measured against a reference; each function's own module says its range and colour space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from restore.metrics.protocol import score_psnr, score_ssim

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Measure:
    """A column of the table.

    Attributes:
        function: of picture and reference, uint8 (H, W, 1 or 3) of the same shape in sRGB, and the enlargement, whose
            number of pixels the literature leaves out at the border; nan where it is not defined.
        unit: shown in the column's head.
        digits: behind the decimal point.
        better: which values are.
        about: one line for the page.
    """

    function: Callable[[Pixels, Pixels, int], float]
    unit: str
    digits: int
    better: Literal["higher", "lower"]
    about: str


MEASURES: dict[str, Measure] = {
    "PSNR": Measure(score_psnr, "dB", 2, "higher", "on Y (BT.601) where pictures are enlarged, else on RGB"),
    "SSIM": Measure(score_ssim, "", 4, "higher", "structural similarity on Y, 1 is best"),
}
