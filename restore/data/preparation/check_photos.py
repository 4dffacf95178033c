"""``restore dataset check``: what is wrong with a folder of photographs as training data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from restore.data.preparation.perceptual_hash import equal_groups, similar_groups
from restore.data.preparation.photo_facts import PhotoFacts
from restore.utils.json_types import JsonObject
from restore.utils.text import printable


@dataclass(frozen=True)
class Limits:
    """What a photograph must reach.

    Attributes:
        side: least length of the shorter side, pixels.
        blockiness: most JPEG blockiness; see :func:`restore.data.preparation.photo_facts.blockiness`.
        flat: largest share of blocks without structure, 0..1.
    """

    side: int = 192
    blockiness: float = 1.3
    flat: float = 1.0

    def fault(self, facts: PhotoFacts) -> str:
        """Why a photograph does not reach them; empty if it does."""
        if not facts.readable or facts.problem:
            return facts.problem
        if min(facts.height, facts.width) < self.side:
            return f"{facts.width} x {facts.height} pixels, less than {self.side} on the shorter side"
        if facts.blockiness > self.blockiness:
            return f"JPEG blocks: {facts.blockiness:.2f}, more than {self.blockiness:g}"
        if facts.flat > self.flat:
            return f"{facts.flat:.0%} of it flat, more than {self.flat:.0%}"
        return ""


@dataclass(frozen=True)
class FolderReport:
    """The photographs of a folder, and what is wrong with them.

    Attributes:
        photos: all photographs.
        faults: reasons, by index.
        equal: indices of photographs with the same pixels, in groups.
        similar: the same for photographs that look alike, without groups that are equal altogether.
    """

    photos: list[PhotoFacts]
    faults: dict[int, str]
    equal: list[list[int]]
    similar: list[list[int]]

    @property
    def unreadable(self) -> list[int]:
        """Indices of the photographs that cannot be read, or only with damage."""
        return [i for i, one in enumerate(self.photos) if one.problem]


def report_on(photos: Sequence[PhotoFacts], limits: Limits) -> FolderReport:
    """Judge measured photographs."""
    faults = {i: fault for i, one in enumerate(photos) if (fault := limits.fault(one))}
    equal = equal_groups([one.content for one in photos])
    alike = similar_groups([one.look if one.readable else 0 for one in photos])
    similar = [group for group in alike if len({photos[i].content for i in group}) > 1]
    return FolderReport(list(photos), faults, equal, similar)


def to_text(report: FolderReport) -> Iterator[str]:
    """Lines for the terminal."""
    photos, bad = report.photos, set(report.unreadable)
    low = [i for i in report.faults if i not in bad]
    for title, numbers in (("damaged", sorted(bad)), ("outside the limits", low)):
        if numbers:
            yield f"{title}: {len(numbers)}"
            yield from (f"  {printable(photos[i].path)}: {printable(report.faults[i])}" for i in numbers)
    for title, groups in (("the same pixels", report.equal), ("look alike", report.similar)):
        if groups:
            yield f"{title}: {sum(map(len, groups))} photographs in {len(groups)} group{'s' * (len(groups) > 1)}"
            for group in groups:
                yield "  " + ", ".join(printable(photos[i].path) for i in group)
    surplus = sum(len(group) - 1 for group in report.equal)
    good = len(photos) - len(report.faults)
    count = f"{len(photos)} photograph{'s' * (len(photos) != 1)}"
    copies = f"{surplus} superfluous cop{'y' if surplus == 1 else 'ies'}"
    yield f"{count}: {good} within the limits, {len(bad)} damaged, {copies}"


def to_json(report: FolderReport) -> JsonObject:
    """The report as JSON."""
    photos = report.photos
    names = [str(one.path) for one in photos]
    return {
        "photos": [
            {
                "file": name,
                "width": one.width,
                "height": one.height,
                "blockiness": one.blockiness,
                "flat": one.flat,
                "fault": report.faults.get(i, ""),
            }
            for i, (name, one) in enumerate(zip(names, photos, strict=True))
        ],
        "equal": [[names[i] for i in group] for group in report.equal],
        "similar": [[names[i] for i in group] for group in report.similar],
    }
