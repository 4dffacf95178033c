"""The size of each result: what the user asked for, and what the model contributes to it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

Size = tuple[int, int]


@dataclass(frozen=True)
class TargetSize:
    """The size that the user asked for; proportions are kept. At most one is set, except that a width and a height
    together are a box into which the result fits.

    Attributes:
        scale: factor for both sides.
        width: in pixels.
        height: in pixels.
        longest: of the longer side, in pixels.
        megapixels: of the whole picture, in millions of pixels.
        min_side: least length of the shorter side, in pixels; pictures that reach it keep their size.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None
    longest: int | None = None
    megapixels: float | None = None
    min_side: int | None = None

    def options(self) -> dict[str, float]:
        """The values that are set, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def of(self, height: int, width: int) -> Size:
        """Height and width of the result for a picture of this size; at least one pixel each."""
        factor = self._factor(height, width)
        sides = [max(1, math.floor(side * factor + 0.5)) for side in (height, width)]
        return sides[0], sides[1]

    def _factor(self, height: int, width: int) -> float:
        if self.scale is not None:
            return self.scale
        if self.longest is not None:
            return self.longest / max(height, width)
        if self.megapixels is not None:
            return math.sqrt(self.megapixels * 1e6 / (height * width))
        if self.min_side is not None:
            return max(1.0, self.min_side / min(height, width))
        box = ((self.height, height), (self.width, width))
        return min(wanted / side for wanted, side in box if wanted is not None)


@dataclass(frozen=True)
class Sizing:
    """How a job's results get their size.

    Attributes:
        scale: of the model, or of all models of a chain together.
        target: what the user asked for; None for the model's own scale.
        before: scale of all models of a chain but the last.
    """

    scale: int = 1
    target: TargetSize | None = None
    before: int = 1

    @property
    def last(self) -> int:
        """Scale of the last model."""
        return self.scale // self.before

    def result(self, height: int, width: int) -> Size:
        """Height and width of the result: with a model that does not enlarge, at most those of the source."""
        if self.target is None:
            return height * self.scale, width * self.scale
        wanted = self.target.of(height, width)
        return wanted if self.scale > 1 or math.prod(wanted) < height * width else (height, width)

    def uses_network(self, height: int, width: int) -> bool:
        """Whether the picture passes through the network: always, unless it is only to be made smaller or kept."""
        rows, columns = self.result(height, width)
        return self.scale == 1 or rows > height or columns > width

    def keeps(self, height: int, width: int) -> bool:
        """Whether the result is the picture as it is."""
        return not self.uses_network(height, width) and self.result(height, width) == (height, width)

    def growth(self, height: int, width: int) -> float:
        """Pixels held for a picture per pixel of it: itself, between two models, the result, and that resized."""
        rows, columns = self.result(height, width)
        between = self.before**2 if self.before > 1 else 0
        return 1 + between + self.scale**2 + (0 if self.target is None else rows * columns / (height * width))

    def note(self, height: int, width: int) -> str:
        """What may surprise about the result's size; empty if nothing."""
        rows, columns = self.result(height, width)
        if self.target is None:
            return ""
        if not self.uses_network(height, width):
            return "large enough already" if (rows, columns) == (height, width) else "only made smaller"
        if self.scale > 1 and (rows > height * self.scale + 1 or columns > width * self.scale + 1):
            return f"enlarged {self.scale} times by the model, and the rest by bicubic interpolation"
        if self.scale == 1 and math.prod(self.target.of(height, width)) > height * width:
            return "not enlarged: this model does not enlarge"
        return ""
