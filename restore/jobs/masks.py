"""Where a job finds the mask of each of its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from restore.errors import ImageError
from restore.imaging.formats import READABLE
from restore.jobs.naming import PlanError
from restore.jobs.plan import Item
from restore.stores.address import is_address, masked
from restore.utils.text import printable

ALPHA = "alpha"


@dataclass(frozen=True)
class Masks:
    """The masks of a job: gray pictures that say where results may differ from their sources.

    Attributes:
        place: a folder with a mask for each picture, under the picture's name with any suffix and in the same
            subfolder; or a file, the mask of all of them. None for the alpha channel of each picture.
    """

    place: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Masks:
        """What a user writes: ``alpha``, or a path (``./alpha`` for a folder of that name).

        Raises:
            PlanError: there is no such file or folder.
        """
        if text == ALPHA:
            return cls()
        if is_address(text):
            raise PlanError(f"--mask {masked(text)}: masks are files on this machine, or {ALPHA}")
        path = Path(text)
        if not path.exists():
            raise PlanError(
                f"--mask {printable(text)}: no such file or folder; {ALPHA} takes the alpha channel of each picture"
            )
        return cls(path)

    def __str__(self) -> str:
        return ALPHA if self.place is None else str(self.place)

    def absolute(self) -> Masks:
        """The same for processes with another current folder."""
        return self if self.place is None else Masks(self.place.absolute())

    @property
    def from_alpha(self) -> bool:
        """Whether each picture brings its own mask."""
        return self.place is None

    def file(self, item: Item) -> Path | None:
        """The file of a picture's mask; None if the mask is the picture's alpha channel.

        Raises:
            ImageError: there is none, or there are several.
        """
        if self.place is None or not self.place.is_dir():
            return self.place
        same = self.place / item.source_name
        if same.exists():
            return same
        name = Path(item.source_name).with_suffix("").as_posix()
        found = [path for suffix in _suffixes() if (path := self.place / f"{name}{suffix}").exists()]
        # One file may have several names where case does not count.
        several = [path for path in found if not path.samefile(found[0])]
        if several:
            both = f"{printable(found[0])} and {printable(several[0])}"
            raise ImageError(f"{both} could both be its mask: keep one of them")
        if not found:
            raise ImageError(f"it has no mask: there is no {printable(self.place / name)} with the suffix of a picture")
        return found[0]


def _suffixes() -> list[str]:
    return [form for suffix in sorted(READABLE) for form in (suffix, suffix.upper())]
