"""Plan a job over a store: in a stream, because a store may hold more pictures than fit into memory."""

from __future__ import annotations

import itertools
import os
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from restore.errors import ImageError
from restore.files.listing import Unreadable, is_hidden, is_picture, is_special, walk
from restore.imaging.formats import READABLE
from restore.jobs.naming import Naming, PlanError
from restore.jobs.plan import Existing, Item, single_target
from restore.jobs.store_index import StoreIndex
from restore.jobs.store_journal import concerns, read_parts
from restore.jobs.store_results import StoreResults
from restore.stores.address import Address
from restore.stores.filesystem import FileSystem
from restore.stores.listing import PAGE, Listed, etag_of
from restore.stores.store import Store, StoredObject, name_fault
from restore.utils.ahead import one_ahead
from restore.utils.text import printable


class StorePlan:
    """A job that has not started, some end of which is in a store.

    Args:
        sources: folders or pictures.
        target: a folder, or a picture if the source is one.
        naming: how results are named.
        existing: what to do about existing results.
        shard: i of n: pictures are told apart by digests of the names of their results, so that it does not matter if
            the listing changes.
        resume: whether the journals decide that; they are read then.
        seconds: how long a busy store is waited for.
        scratch: folder for copies of objects.

    Attributes:
        folder: for the results, if it is local and the source is not one picture.
        out: likewise, if it is in a store.
        index: of that.
        parts: of its journals.
        results: what is known of the results.
        skipped: empty: what is skipped is found on the way, as is what follows.
        ignored: number of objects and files that are no pictures by their suffix.
        unreadable: folders whose pictures are missing.

    Raises:
        RestoreError: no such input, no pictures, results that exist, or a store that cannot be opened.
    """

    def __init__(
        self,
        sources: Sequence[Path | Address],
        target: Path | Address,
        naming: Naming,
        existing: Existing,
        shard: tuple[int, int],
        resume: bool,
        seconds: float,
        scratch: Path,
    ) -> None:
        self._naming, self._shard, self._scratch, self._seconds = naming, shard, scratch, seconds
        self._numbers = itertools.count()
        self._key = ""
        self._opened: dict[str, FileSystem] = {}
        self.folder: Path | None = None
        self.out: Store | None = None
        self.index = StoreIndex()
        self.results = StoreResults(self.index, existing, resume)
        self.parts: list[Listed] = []
        self.skipped: list[Item] = []
        self.ignored = 0
        self.unreadable: list[Unreadable] = []
        self._begin: Callable[[list[str]], None] = lambda _: None
        naming.result(Path("picture.png"))  # raises what is wrong with the template
        pages = self._only_picture(sources[0], target) if len(sources) == 1 else None
        if pages is None:
            if isinstance(target, Address):
                self.out = self._store(target)
                self.out.refuse_read_only()
            else:
                self._refuse_file(target)
                self.folder = target
            pages = itertools.chain.from_iterable(self._folder(source, len(sources) > 1) for source in sources)
        ahead = one_ahead(pages)
        self._first = next((page for page in ahead if page), [])
        self._rest = ahead
        if not self._first:
            names = ", ".join(map(str, sources))
            more = f" ({self.ignored} other files)" if self.ignored else ""
            suffixes = ", ".join(sorted(READABLE))
            raise PlanError(f"{names}: no pictures there{more}; supported suffixes: {suffixes}")
        if self.out is not None and (resume or existing != "overwrite"):
            self._look_at_results(self.out, resume)
        if existing == "refuse" and not resume:
            self._refuse_existing()

    @property
    def items(self) -> Iterator[Item]:
        """The pictures, once."""
        for page in itertools.chain([self._first], self._rest):
            mine = [item for item in page if self._is_mine(item)]
            written = [item for item in mine if item.goal and not item.fault and self._may_be_written(item)]
            self._begin([item.target_name for item in written])
            yield from mine

    def pixels(self) -> float:
        """About how many there are: four for each byte on the first page, times infinity if there are more pages."""
        size = sum(item.origin.listed.size or 0 for item in self._first if item.origin and item.origin.listed)
        return 4.0 * size if len(self._first) < PAGE else float("inf")

    def count(self) -> float:
        """How many there are, as far as the first page tells: infinitely many if it is full."""
        return len(self._first) if len(self._first) < PAGE else float("inf")

    def tell(self, begin: Callable[[list[str]], None], key: str) -> None:
        """Tell, from here on, which results may be written before any of a page is.

        Args:
            begin: is given their names.
            key: of the job: what it has done is not written again.
        """
        self._begin, self._key = begin, key

    def close(self) -> None:
        """Remove what is on disk."""
        self.index.close()

    def _may_be_written(self, item: Item) -> bool:
        if not self.index.is_there(item.target_name):
            return True
        if not self.results.resume:
            return self.results.existing == "overwrite"
        digest = item.origin.listed.identity if item.origin and item.origin.listed else ""
        if not digest:  # a file, which is not read twice for this
            return not self.index.was_made_with(self._key, item.target_name)
        return not self.index.is_done(item.source_name, digest, self._key, item.target_name)

    def _is_mine(self, item: Item) -> bool:
        return self._is_in_shard(item.target_name)

    def _is_in_shard(self, target: str) -> bool:
        index, count = self._shard
        return count == 1 or zlib.crc32(_folded(target).encode("utf-8", "surrogateescape")) % count == index - 1

    def _store(self, address: Address) -> Store:
        return Store(address, self._seconds, self._opened)

    def _only_picture(self, source: Path | Address, target: Path | Address) -> Iterator[list[Item]] | None:
        """The plan of a single picture; None if the source is a folder."""
        origin = None
        if isinstance(source, Address):
            if source.suffix not in READABLE:
                return None
            store = self._store(source)
            listed = store.find()
            if listed is None:
                if not any(store.pages()):
                    raise PlanError(f"{source}: no such picture or folder")
                return None  # a folder that is named like a picture
            path = self._copy(source.suffix)
            origin = StoredObject(store, "", listed)
        else:
            if source.is_dir():
                return None
            if is_special(source) or not source.exists():
                raise PlanError(f"{source}: no such file or folder")
            path = source
        name = Path(source.name)
        if isinstance(target, Path):
            goal, goes_to = None, single_target(name, target, self._naming)
        else:
            result = single_target(name, Path(target.text) if target.suffix in READABLE else Path("x"), self._naming)
            address = target if target.suffix in READABLE else Address(target.below(result.name))
            goal, goes_to = StoredObject(self._store(address), ""), Path(result.name)
            goal.store.refuse_read_only()
            if there := goal.store.find():
                self.index.add_there([(goes_to.name, there.size, etag_of(there))])
        return iter([[Item(path, goes_to, source.name, goes_to.name, origin, goal)]])

    def _folder(self, source: Path | Address, named: bool) -> Iterator[list[Item]]:
        """The pictures of a folder, or one picture, page by page."""
        prefix = f"{source.name}/" if named else ""
        if isinstance(source, Address):
            yield from self._stored(source, prefix, named)
        elif source.is_dir():
            yield from self._local(source, prefix)
        else:
            if is_special(source) or not source.exists():
                raise PlanError(f"{source}: no such file or folder")
            yield [self._item(source.name, source, None)]

    def _stored(self, source: Address, prefix: str, named: bool) -> Iterator[list[Item]]:
        store = self._store(source)
        if named and source.suffix in READABLE and (listed := store.find()):
            yield [self._item(source.name, self._copy(source.suffix), StoredObject(store, "", listed))]
            return
        if self.out is not None and self.out.is_inside(store):
            what = "is" if self.out.is_same_as(store) else "is inside"
            raise PlanError(
                f"the output {self.out.address} {what} the input {source}: a second run would enhance its own results; "
                "choose another folder"
            )
        for page in store.pages(self._note_unreadable):
            items = []
            for one in page:
                name = one.name
                # An odd part of a name is told, not hidden.
                if any(is_hidden(part) and part != "." for part in name.split("/")):
                    continue
                if Path(name).suffix.lower() not in READABLE:
                    self.ignored += 1
                    continue
                items.append(self._item(prefix + name, self._copy(Path(name).suffix), StoredObject(store, name, one)))
            yield items

    def _local(self, source: Path, prefix: str) -> Iterator[list[Item]]:
        if self.folder is not None and self.folder.resolve().is_relative_to(source.resolve()):
            raise PlanError(f"the output folder {self.folder} is inside the input folder {source}: choose another")

        def note(error: OSError) -> None:
            self._note_unreadable(error.filename, error)

        page = []
        for path in walk(source, note):
            if not is_picture(path):
                self.ignored += 1
                continue
            page.append(self._item(prefix + path.relative_to(source).as_posix(), path, None))
            if len(page) == PAGE:
                yield page
                page = []
        yield page

    def _item(self, name: str, path: Path, origin: StoredObject | None) -> Item:
        fault, target_name = name_fault(name), name
        if not fault:
            try:
                result = self._named(Path(name), path, origin)
            except (PlanError, ImageError) as error:
                fault = str(error)
            else:
                target_name = Path(name).with_name(result).as_posix()
                if not self.index.plan(_folded(target_name)):
                    fault = (
                        f"its result would be {target_name}, as that of another picture is, perhaps but for case or "
                        "accents: use --name '{stem}-{ext}', or rename one"
                    )
        goal = StoredObject(self.out, target_name) if self.out is not None else None
        # A name with a fault is never joined to a path.
        target = Path(Path(target_name).name) if goal or fault or self.folder is None else self.folder / target_name
        return Item(path, target, name, target_name, origin, goal, fault)

    def _named(self, name: Path, path: Path, origin: StoredObject | None) -> str:
        naming = self._naming
        if origin is None:
            return naming.result(path)
        if naming.all_frames and naming.suffix is None and name.suffix.lower() == ".gif":
            # Only its content tells whether it is an animation.
            from restore.imaging.animation.read_gif import is_animated

            with suppress(ImageError):
                origin.store.fetch(origin, path, lambda: None)
            naming = replace(naming, suffix=name.suffix if path.exists() and is_animated(path) else ".png")
            path.unlink(missing_ok=True)
        return naming.result(name)

    def _copy(self, suffix: str) -> Path:
        return self._scratch / f"{next(self._numbers)}{suffix.lower()}"

    def _look_at_results(self, out: Store, resume: bool) -> None:
        """List what is in the store and, to resume a job, read its journals."""
        for page in out.pages(new=True):
            self.parts += [one for one in page if concerns(one.name, self._shard)]
            there = [one for one in page if not is_hidden(one.name) and self._is_in_shard(one.name)]
            self.index.add_there((one.name, one.size, etag_of(one)) for one in there)
        if resume:
            read_parts(out, self.parts, self.index)

    def _refuse_existing(self) -> None:
        """Refuse the job if some of the first results exist; later ones fail one by one."""
        there = [item for item in self._first if self._is_mine(item) and not item.fault and self._is_there(item)]
        if there:
            one = len(there) == 1
            more = "" if self.folder is None and self.out is None else "--resume to continue a job, "
            raise PlanError(
                f"{len(there)} output{' already exists' if one else 's already exist'}, first {there[0].shown_target}: "
                f"add {more}--overwrite to replace, --skip-existing to keep, or choose another output"
            )

    def _is_there(self, item: Item) -> bool:
        return self.index.is_there(item.target_name) if item.goal else os.path.lexists(item.target)

    def _note_unreadable(self, path: object, error: Exception) -> None:
        from restore.stores.faults import told

        self.unreadable.append(Unreadable(Path(str(path)), told(error)))

    @staticmethod
    def _refuse_file(target: Path) -> None:
        if not target.is_dir() and (target.exists() or target.suffix.lower() in READABLE):
            raise PlanError(f"{printable(target)} is not a folder, but the input is: choose a folder for the results")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
