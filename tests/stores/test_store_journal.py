"""The journal of results in a store: what it proves, what a kill loses, and that it stays small."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from restore.errors import ImageError
from restore.jobs import decoding_record, store_journal
from restore.jobs.backend_entry import BackendEntry
from restore.jobs.naming import PlanError
from restore.jobs.store_index import StoreIndex
from restore.jobs.store_journal import StoreJournal, concerns, read_parts
from restore.stores.address import Address
from restore.stores.faults import UnusableStoreError
from restore.stores.listing import Listed
from restore.stores.store import Store
from restore.utils.isolated_process import ApartCrashError

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install '.[dev]'")


@pytest.fixture
def out() -> Iterator[Store]:
    fsspec.filesystem("memory").store.clear()
    yield Store(Address("memory://out"), 1)
    fsspec.filesystem("memory").store.clear()


def parts(out: Store, shard: tuple[int, int] = (1, 1)) -> list[Listed]:
    return [one for page in out.pages(new=True) for one in page if concerns(one.name, shard)]


def index(out: Store, *there: tuple[str, int, str], shard: tuple[int, int] = (1, 1)) -> StoreIndex:
    """What is known when a job begins and the store has these results."""
    found = StoreIndex()
    found.add_there(there)
    read_parts(out, parts(out, shard), found)
    return found


def journal(out: Store, tmp_path: Path, key: str = "key", shard: tuple[int, int] = (1, 1)) -> StoreJournal:
    return StoreJournal(out, key, StoreIndex(), shard, tmp_path / "records")


def killed(journal: StoreJournal) -> None:
    """What is not written yet is lost."""
    journal._lines.clear()
    journal._ended.set()


def test_entries_prove_results(out: Store, tmp_path: Path) -> None:
    with journal(out, tmp_path) as written:
        written.begin(["a.png", "b.png"])
        written.append("a.heic", "digest", "a.png", b"result", "etag")
    found = index(out, ("a.png", 6, "etag"))
    assert found.is_done("a.heic", "digest", "key", "a.png")
    assert not found.is_done("a.heic", "another", "key", "a.png")
    assert not found.is_done("b.heic", "digest", "key", "a.png")
    assert not found.is_done("a.heic", "digest", "other options", "a.png")
    assert found.is_ours("a.png")
    assert found.was_made_with("key", "a.png")
    for there in (("a.png", 7, "etag"), ("a.png", 6, "changed")):
        changed = index(out, there)
        assert not changed.is_done("a.heic", "digest", "key", "a.png")
        assert not changed.is_ours("a.png")
        assert changed.knows("a.png")
    assert index(out, ("a.png", 6, "")).is_ours("a.png"), "the size counts where no ETag is told"
    assert not index(out).is_done("a.heic", "digest", "key", "a.png"), "it is not there any more"


def test_a_kill_loses_entries_and_not_whose_the_results_are(out: Store, tmp_path: Path) -> None:
    first = journal(out, tmp_path)
    first.begin(["a.png", "b.png"])
    first.append("a.png", "digest", "a.png", b"result", "etag")
    killed(first)
    found = index(out, ("a.png", 6, "etag"), ("b.png", 6, "x"), ("c.png", 1, "y"))
    assert not found.is_done("a.png", "digest", "key", "a.png"), "it is made again"
    assert found.is_ours("a.png")
    assert found.is_ours("b.png")
    assert not found.is_ours("c.png")


def test_what_an_ended_run_has_not_written_is_foreign(
    out: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As is what somebody puts in the place of a result after it was finished."""
    now = iter(range(1_800_000_000, 1_800_000_100))
    monkeypatch.setattr(store_journal.time, "time", lambda: next(now))
    with journal(out, tmp_path) as written:
        written.begin(["a.png", "failed.png"])
        written.append("a.png", "digest", "a.png", b"result", "etag")
    found = index(out, ("a.png", 99, "edited"), ("failed.png", 1, "foreign"))
    assert not found.is_ours("a.png")
    assert not found.is_ours("failed.png")
    interrupted = journal(out, tmp_path)
    interrupted.begin(["b.png", "c.png"])
    killed(interrupted)
    with journal(out, tmp_path) as later:
        later.append("b.png", "digest", "b.png", b"result", "etag")
        later._write_part()
        found = index(out, ("b.png", 99, "edited"), ("c.png", 1, "x"))
        assert not found.is_ours("b.png"), "a later run has written it"
        assert found.is_ours("c.png")


def test_a_part_is_written_before_ten_seconds_have_passed(
    out: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_journal, "_PART_SECONDS", 0.02)
    with journal(out, tmp_path) as written:
        written.append("a.png", "digest", "a.png", b"result", "etag")
        for _ in range(500):
            if parts(out):
                break
            store_journal.time.sleep(0.01)
        assert index(out, ("a.png", 6, "etag")).is_ours("a.png")


def test_parts_are_merged(out: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_journal, "_MANY", 8)
    monkeypatch.setattr(store_journal, "_PART_LINES", 4)
    with journal(out, tmp_path) as written:
        written.record_backend(BackendEntry("model", "cpu", "fp32"))
        written.begin([f"{i}.png" for i in range(200)])
        for i in range(200):
            written.append(f"{i}.png", "digest", f"{i}.png", b"result", "etag")
            assert len(parts(out)) <= 8
    found = index(out, *((f"{i}.png", 6, "etag") for i in range(200)))
    assert all(found.is_done(f"{i}.png", "digest", "key", f"{i}.png") for i in range(200))
    assert found.backends == {"model": BackendEntry("model", "cpu", "fp32")}
    assert not found.is_ours("200.png")
    lines = [line for part in parts(out) for line in out.read(part.name).splitlines()]
    assert sum(line.startswith(b'{"source"') for line in lines) == 200, "none is there twice"
    left = [name for line in lines if line.startswith(b'{"begun"') for name in json.loads(line)["begun"]]
    assert len(left) < 20, "what is finished is not named as begun any more"


def test_many_killed_runs_are_merged_by_the_next(out: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_journal, "_MANY", 6)
    for i in range(7):
        run = journal(out, tmp_path)
        run.append("a.png", f"{i}", f"{i}.png", b"result", "etag")
        run._write_part()
        killed(run)
    with journal(out, tmp_path, shard=(1, 2)) as other:
        other.append("x.png", "digest", "x.png", b"result", "etag")
    assert len(parts(out)) == 8
    journal(out, tmp_path).merge(parts(out))
    assert len(parts(out)) == 2, "the other shard's stays"
    found = index(out, *((f"{i}.png", 6, "etag") for i in range(7)), ("x.png", 6, "etag"))
    assert all(found.is_done("a.png", f"{i}", "key", f"{i}.png") for i in range(7))
    assert found.is_done("x.png", "digest", "key", "x.png")


def test_a_merge_that_is_killed_loses_nothing(out: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_journal, "_MANY", 3)
    monkeypatch.setattr(Store, "remove", lambda *_: None)  # killed before the parts were removed
    with journal(out, tmp_path) as written:
        for i in range(6):
            written.append("a.png", f"{i}", f"{i}.png", b"result", "etag")
            written._write_part()
    found = index(out, *((f"{i}.png", 6, "etag") for i in range(6)))
    assert all(found.is_done("a.png", f"{i}", "key", f"{i}.png") for i in range(6))


def test_shards_read_what_concerns_them(out: Store, tmp_path: Path) -> None:
    for shard in ((1, 3), (2, 3), (1, 1), (1, 4)):
        with journal(out, tmp_path, shard=shard) as written:
            written.append("a.png", "digest", f"{shard}.png", b"result", "etag")
    there = [(f"{shard}.png", 6, "etag") for shard in ((1, 3), (2, 3), (1, 1), (1, 4))]
    found = index(out, *there, shard=(2, 3))
    assert [found.is_ours(name) for name, *_ in there] == [False, True, True, True]


def test_verdicts_last(out: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job dies while it decodes a picture; the next tries it apart, which crashes, too."""

    def crashes(*_: object, **__: object) -> None:
        raise ApartCrashError("signal 11")

    monkeypatch.setattr(decoding_record, "run_apart", crashes)
    digest = "5" * 64
    journal(out, tmp_path).decoding.begin(digest)
    with journal(out, tmp_path) as written:
        with pytest.raises(ImageError, match="signal 11"):
            written.decoding.check(digest, tmp_path / "a.png", 100)
        (verdict,) = index(out).verdicts
        assert (verdict.source_digest, verdict.how) == (digest, "signal 11"), "at once: the next crash may be near"


def test_a_store_that_cannot_be_written_to_ends_the_job(
    out: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(out._files, "pipe_file", refused)
    written = journal(out, tmp_path)
    with pytest.raises(UnusableStoreError, match="the journal cannot be written, so the job stopped"):
        written.begin(["a.png"])


def test_foreign_and_newer_journals_are_refused(out: Store) -> None:
    name = ".restore-journal/1-of-1-abc-000000.jsonl"
    for content, said in ((b"hello", "is not one"), (b'{"restore-journal": 9}\n', "version 9")):
        out.put(name, content, overwrite=True)
        with pytest.raises(PlanError, match=said):
            index(out)


def test_damaged_lines_are_passed_over(out: Store, tmp_path: Path) -> None:
    with journal(out, tmp_path) as written:
        written.append("a.png", "digest", "a.png", b"result", "etag")
    (part,) = parts(out)
    odd = [
        b'{"source": 1}',
        b'{"begun": 3, "run": 4}',
        b'{"begun": ["x"]}',
        b'{"ended"',
        b'{"backend": []}',
        b'{"crash": {',
    ]
    out.put(part.name, out.read(part.name) + b"\n".join([*odd, b""]), overwrite=True)
    assert index(out, ("a.png", 6, "etag")).is_done("a.png", "digest", "key", "a.png")


def test_the_index_does_not_stay_in_memory() -> None:
    import tracemalloc

    found = StoreIndex()
    tracemalloc.start()
    for start in range(0, 20_000, 1000):
        found.add_there((f"folder/{i:09}.png", 1234, f"etag{i}") for i in range(start, start + 1000))
        assert all(found.plan(f"folder/{i:09}.png") for i in range(start, start + 1000))
    assert not found.plan("folder/000000007.png")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.is_there("folder/000019999.png")
    assert not found.is_there("folder/000020000.png")
    assert most < 2e6
