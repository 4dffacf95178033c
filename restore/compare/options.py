"""Settings of a page."""

from __future__ import annotations

from dataclasses import dataclass

from restore.imaging.formats import PIXEL_LIMIT


@dataclass(frozen=True)
class PageOptions:
    """How pictures are shown in a page.

    Attributes:
        max_side: maximum longer side of the shown copies in pixels; larger ones are reduced, and the page says so.
        quality: maximum quality of the copies, 1..100; reduced if the page would exceed ``megabytes``.
        megabytes: maximum size of a page with embedded pictures; None for no limit.
        most: maximum number of pictures shown, evenly spread; the table lists all.
        most_pixels: pixels of a picture's versions together, by their headers; those with more are only listed.
        beside: whether to put the copies into a folder next to the page.
        workers: number of threads.
        pixel_limit: pictures with more pixels are rejected before decoding.
    """

    max_side: int = 4096
    quality: int = 92
    megabytes: float | None = 80
    most: int = 500
    most_pixels: float = float("inf")
    beside: bool = False
    workers: int = 2
    pixel_limit: int = PIXEL_LIMIT

    @property
    def bytes_for_copies(self) -> float:
        """Byte budget of all copies; infinite if there is no limit."""
        return float("inf") if self.beside or self.megabytes is None else self.megabytes * 1e6
