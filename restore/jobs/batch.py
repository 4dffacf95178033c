"""What the driver of a spread job sends to its workers, and what they send back: names and rows, never pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from restore.jobs.engine import JobNetwork
from restore.jobs.journal import JournalEntry
from restore.jobs.outcome import Outcome, Seconds, Status
from restore.jobs.plan import Item
from restore.jobs.store_index import Excerpt
from restore.jobs.verdict import Verdict
from restore.stores.listing import Listed
from restore.stores.store import Store, StoredObject

if TYPE_CHECKING:
    from restore.runtime.edit import Edit


@dataclass(frozen=True)
class SentObject:
    """A :class:`restore.stores.store.StoredObject` without its opened store.

    Attributes:
        address: of the folder.
        name: relative to it.
        listed: what the store told about it.
    """

    address: str
    name: str
    listed: Listed | None


@dataclass(frozen=True)
class Sent:
    """A :class:`restore.jobs.plan.Item` for another machine: its paths are absolute.

    Attributes:
        source: the file to read; of an object, only its suffix counts.
        target: the file to write; likewise.
        source_name: see :class:`restore.jobs.plan.Item`, also for the rest.
        target_name: see there.
        origin: see there.
        goal: see there.
    """

    source: str
    target: str
    source_name: str
    target_name: str
    origin: SentObject | None = None
    goal: SentObject | None = None

    def item(self, opened: Callable[[str], Store], copy: Callable[[str], Path]) -> Item:
        """The picture.

        Args:
            opened: the store at an address.
            copy: a new path, with this suffix, for the copy of an object.
        """
        origin, goal = _found(self.origin, opened), _found(self.goal, opened)
        source = Path(self.source) if origin is None else copy(Path(self.source).suffix)
        return Item(source, Path(self.target), self.source_name, self.target_name, origin, goal)


def sent(item: Item) -> Sent:
    """A picture as it is sent."""
    source = item.source.name if item.origin else str(item.source.absolute())
    target = item.target.name if item.goal else str(item.target.absolute())
    return Sent(source, target, item.source_name, item.target_name, _described(item.origin), _described(item.goal))


def _found(one: SentObject | None, opened: Callable[[str], Store]) -> StoredObject | None:
    return None if one is None else StoredObject(opened(one.address), one.name, one.listed)


def _described(one: StoredObject | None) -> SentObject | None:
    return None if one is None else SentObject(str(one.store.address), one.name, one.listed)


@dataclass(frozen=True)
class Batch:
    """Pictures for one worker.

    Attributes:
        number: differs for each that is sent.
        pictures: the names.
        lost: the tokens of workers that were lost and may have worked on them: what they have written is theirs.
        verdicts: on pictures that have crashed a decoder or a network.
        entries: what the journals in a folder say about the results, with ``--resume``.
        excerpt: what is known about results in a store.
    """

    number: int
    pictures: Sequence[Sent]
    lost: tuple[str, ...] = ()
    verdicts: Sequence[Verdict] = ()
    entries: Sequence[JournalEntry] = ()
    excerpt: Excerpt = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """What is noted about a result that was put into a store: see :class:`restore.jobs.store_index.StoredEntry`."""

    source_digest: str
    target_digest: str
    size: int
    etag: str


@dataclass(frozen=True)
class Row:
    """An :class:`restore.jobs.outcome.Outcome` without its picture, and the entry of a result in a store."""

    status: Status
    error: str = ""
    note: str = ""
    seconds: Seconds = field(default_factory=Seconds)
    size_in: tuple[int, int] | None = None
    size_out: tuple[int, int] | None = None
    belief: tuple[str, float] | None = None
    edit: Edit | None = None
    stored: Stored | None = None

    def outcome(self, item: Item) -> Outcome:
        """The outcome of a picture."""
        said = self.error, self.note, self.seconds
        return Outcome(item, self.status, *said, self.size_in, self.size_out, self.belief, self.edit)


def row(outcome: Outcome, status: Status, stored: Stored | None) -> Row:
    """The row of an outcome."""
    said = outcome.error, outcome.note, outcome.seconds
    return Row(status, *said, outcome.size_in, outcome.size_out, outcome.belief, outcome.edit, stored)


@dataclass(frozen=True)
class Done:
    """The end of a batch.

    Attributes:
        number: of the batch.
        rows: of its pictures, in order; None for those that were not finished.
        seconds: that it took.
        warnings: sentences for the user.
        hopeless: why every later picture would fail too; empty if none need to.
    """

    number: int
    rows: Sequence[Row | None]
    seconds: float
    warnings: tuple[str, ...] = ()
    hopeless: str = ""


@dataclass(frozen=True)
class Told:
    """What a worker says when it is ready.

    Attributes:
        network: that it has opened.
        token: of its process: names its journal.
        host: name of its machine.
        identity: :func:`restore.utils.processes.host_identity` there.
        process: its ID there.
    """

    network: JobNetwork
    token: str
    host: str
    identity: str
    process: int


@dataclass(frozen=True)
class Refused:
    """Why a worker cannot work.

    Attributes:
        text: a sentence for the user.
        exit_code: see :class:`restore.errors.RestoreError`.
    """

    text: str
    exit_code: int = 1
