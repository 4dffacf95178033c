"""What a page is made with."""

from __future__ import annotations

from dataclasses import dataclass

from restore.imaging.formats import PIXEL_LIMIT


@dataclass(frozen=True)
class PageOptions:
    """How pictures get into a page.

    Attributes:
        max_side: longer side of the copies that are shown, in pixels; larger ones are reduced, and the page says so.
        quality: of the copies, 1..100, at most: less where the page would be larger than ``megabytes``.
        megabytes: size of a page that holds its pictures; None is no limit.
        most: pictures that are shown, evenly spread; the table has all.
        most_pixels: of a picture's versions together, by their headers; those of one with more are listed alone.
        beside: put the copies into a folder beside the page.
        workers: threads.
        pixel_limit: pictures of more pixels are refused before they are decoded.
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
        """What all copies may take; infinite where nothing limits them."""
        return float("inf") if self.beside or self.megabytes is None else self.megabytes * 1e6
