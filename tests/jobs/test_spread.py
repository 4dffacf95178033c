"""Who gets which names, and what becomes of those that a lost worker had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest

from restore.errors import HopelessError
from restore.jobs.batch import Batch, Done, Refused, Row, Told, row, sent
from restore.jobs.engine import JobNetwork
from restore.jobs.outcome import Outcome, Seconds
from restore.jobs.plan import Item
from restore.jobs.spread import LEAST, MOST, Lost, Spread
from restore.jobs.stop import Stop
from restore.runtime.edit import Edit
from tests.jobs.pools import FakePool

NETWORK = JobNetwork("key", "name", "digest", "fp32", "cpu")
DEATH = Lost("it was killed")


def told(number: int) -> Told:
    return Told(NETWORK, f"token{number}", "host", "identity", number)


def items(count: int) -> list[Item]:
    return [Item(Path(f"in/{i}.png"), Path(f"out/{i}.png"), f"{i}.png", f"{i}.png") for i in range(count)]


def done(batch: Batch, seconds: float = 1.0, hopeless: str = "") -> Done:
    return Done(batch.number, [Row("enhanced")] * len(batch.pictures), seconds * len(batch.pictures), (), hopeless)


class Driven:
    """A spread job with what it reported."""

    def __init__(self, pool: FakePool, count: int, workers: dict[int, Told | None]) -> None:
        self.rows: list[tuple[str, Row]] = []
        self.lost: list[tuple[str, int]] = []
        self.warnings: list[str] = []
        self.stop = Stop()
        self.batches: list[Batch] = []

        def make(number: int, pictures: Sequence[Item], lost: tuple[str, ...]) -> Batch:
            self.batches.append(Batch(number, tuple(map(sent, pictures)), lost))
            return self.batches[-1]

        self.spread = Spread(
            pool,
            items(count),
            make,
            lambda item, row: self.rows.append((item.source_name, row)),
            lambda who, open: self.lost.append((who.token, len(open))),
            self.warnings.append,
            self.stop,
            workers,
        )

    def names(self) -> Counter[str]:
        return Counter(name for name, _ in self.rows)


def every(count: int) -> Counter[str]:
    return Counter(item.source_name for item in items(count))


@pytest.mark.parametrize(("seconds", "size"), [(10.0, LEAST), (0.1, 40), (0.001, MOST)])
def test_batches_take_about_as_long_and_become_smaller_towards_the_end(seconds: float, size: int) -> None:
    pool = FakePool(lambda _, batch: done(batch, seconds))
    job = Driven(pool, 2000, {0: told(0), 1: told(1)})
    job.spread.run()
    assert job.names() == every(2000)
    sizes = [count for _, count in pool.log]
    assert sizes[0] == LEAST
    assert max(sizes) == size
    tail = sizes[sizes.index(size) :]
    assert all(later <= sooner for sooner, later in pairwise(tail))
    assert tail[-4:] == [1, 1, 1, 1]
    assert pool.most == 2, "one that it works on, and the next"


def test_few_pictures_are_shared_out() -> None:
    pool = FakePool(lambda _, batch: done(batch))
    Driven(pool, 6, {number: told(number) for number in range(3)}).spread.run()
    assert pool.log[:3] == [(0, 1), (1, 1), (2, 1)]


def test_no_more_names_are_read_than_workers_will_need() -> None:
    pool = FakePool(lambda _worker, _batch: None)
    job = Driven(pool, 1000, {0: told(0)})
    job.stop.requested = True
    with pytest.raises(KeyboardInterrupt):
        job.spread.run()
    assert pool.stopped
    assert next(job.spread._items).source_name == f"{2 * MOST}.png"


def test_what_a_lost_worker_had_is_done_by_another_once() -> None:
    deaths = [DEATH]

    def answer(worker: int, batch: Batch) -> Done | Lost | None:
        return deaths.pop() if worker == 0 and deaths and batch.number == 4 else done(batch)

    pool = FakePool(answer)
    job = Driven(pool, 300, {0: told(0), 1: told(1)})
    job.spread.run()
    assert job.names() == every(300)
    assert {row.status for _, row in job.rows} == {"enhanced"}
    assert job.lost == [("token0", 2 * LEAST)]
    again = [batch for batch in job.batches if batch.lost]
    assert {batch.lost for batch in again} == {("token0",)}
    # What it had been working on goes on one by one; what it had not begun, as it was.
    assert Counter(len(batch.pictures) for batch in again) == {1: LEAST, LEAST: 1}
    assert max(index for index, (worker, _) in enumerate(pool.log) if worker == 0) < pool.log.index((1, 1)), "no more"


def test_a_picture_whose_workers_die_is_a_row() -> None:
    pool = FakePool(
        lambda _, batch: DEATH if any("7.png" in p.source_name for p in batch.pictures) else done(batch), revived=told
    )
    job = Driven(pool, 10, {0: told(0)})
    job.spread.run()
    assert job.names() == every(10)
    failed = {name: row.error for name, row in job.rows if row.status == "failed"}
    assert list(failed) == ["7.png"]
    assert failed["7.png"].startswith("3 workers have died while they had this picture (it was killed)")
    assert len(job.lost) == 3


def test_workers_that_only_die_end_the_job() -> None:
    pool = FakePool(lambda _worker, _batch: DEATH, revived=told)
    job = Driven(pool, 1000, {0: told(0)})
    with pytest.raises(HopelessError, match="9 workers have died one after the other"):
        job.spread.run()


def test_workers_may_come_later_or_not_take_part() -> None:
    pool = FakePool(lambda _, batch: done(batch), grown=[[2]])
    pool.events += [(1, Refused("it has no model")), (2, told(2))]
    job = Driven(pool, 200, {0: told(0), 1: None})
    job.spread.run()
    assert job.names() == every(200)
    assert job.warnings == ["A worker cannot take part: it has no model"]
    assert {worker for worker, _ in pool.log} == {0, 2}


def test_if_no_worker_can_take_part_the_job_ends() -> None:
    pool = FakePool(lambda _, batch: done(batch))
    pool.events.append((0, Refused("it has no model")))
    with pytest.raises(HopelessError, match="no worker can take part; the last one: it has no model"):
        Driven(pool, 200, {0: None}).spread.run()


def test_a_full_disk_ends_the_job_and_what_is_done_is_told() -> None:
    pool = FakePool(lambda worker, batch: done(batch, hopeless="the disk is full" if batch.number == 3 else ""))
    job = Driven(pool, 300, {0: told(0), 1: told(1)})
    with pytest.raises(HopelessError, match="the disk is full"):
        job.spread.run()
    assert pool.stopped
    assert 4 * LEAST <= len(job.rows) < 300
    assert set(job.names().values()) == {1}


def test_ctrl_c_waits_a_moment_for_what_is_being_written() -> None:
    job: Driven

    def answer(worker: int, batch: Batch) -> Done | None:
        if batch.number == 2 and not job.stop.requested:
            job.stop.requested = True
            return None
        return done(batch)

    pool = FakePool(answer)
    job = Driven(pool, 300, {0: told(0), 1: told(1)})
    with pytest.raises(KeyboardInterrupt):
        job.spread.run()
    assert pool.stopped
    assert len(job.rows) == sum(count for _, count in pool.log)


def test_a_row_brings_all_of_an_outcome(tmp_path: Path) -> None:
    """Whatever a worker finds out reaches the report: only the status may be another here."""
    item = Item(tmp_path / "a.png", tmp_path / "b.png", "a.png", "b.png")
    edit = Edit((1.1, 1.0, 0.9), 0.5, 1.2, ((0.0, 1.0),) * 3)
    found = Outcome(item, "enhanced", "error", "note", Seconds(1, 2, 3), (4, 5), (6, 7), ("sepia", 0.5), edit)
    empty = Outcome(item, "enhanced")
    same = [one.name for one in fields(Outcome) if getattr(found, one.name) == getattr(empty, one.name)]
    assert same == ["item", "status"], "each other field has a value of its own"
    assert row(found, "enhanced", None).outcome(item) == found
