"""A file is taken when it is new or changed, and has been still."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from restore.errors import MissingExtraError
from restore.jobs.plan import Item
from restore.jobs.watch import SETTLE_SECONDS, Arrivals, check_watch, watch


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def arrivals(clock: Clock) -> Arrivals:
    return Arrivals(clock=clock)


def items(folder: Path) -> list[Item]:
    return [Item(p, p, p.name, p.name) for p in sorted(folder.iterdir())]


def names(found: list[Item]) -> list[str]:
    return [item.source_name for item in found]


def test_a_file_that_grows_waits_until_it_is_still(tmp_path: Path, arrivals: Arrivals, clock: Clock) -> None:
    for size in (10, 20, 30):
        (tmp_path / "a.png").write_bytes(b"x" * size)
        assert arrivals.ready(items(tmp_path)) == []
        assert arrivals.pending
        clock.now += 0.9 * SETTLE_SECONDS
    assert arrivals.ready(items(tmp_path)) == []
    clock.now += 0.2 * SETTLE_SECONDS
    assert names(arrivals.ready(items(tmp_path))) == ["a.png"]
    assert not arrivals.pending
    clock.now += 10
    assert arrivals.ready(items(tmp_path)) == []


def test_one_that_grows_does_not_hold_up_the_others(tmp_path: Path, arrivals: Arrivals, clock: Clock) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "b.png").write_bytes(b"x")
    arrivals.ready(items(tmp_path))
    clock.now += SETTLE_SECONDS
    (tmp_path / "b.png").write_bytes(b"xx")
    assert names(arrivals.ready(items(tmp_path))) == ["a.png"]
    assert arrivals.pending


def test_a_replaced_file_comes_again(tmp_path: Path, arrivals: Arrivals, clock: Clock) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    arrivals.ready(items(tmp_path))
    clock.now += SETTLE_SECONDS
    assert names(arrivals.ready(items(tmp_path))) == ["a.png"]
    (tmp_path / "new").write_bytes(b"y")
    (tmp_path / "new").replace(tmp_path / "a.png")
    assert arrivals.ready(items(tmp_path)) == []
    clock.now += SETTLE_SECONDS
    assert names(arrivals.ready(items(tmp_path))) == ["a.png"]


def test_a_file_that_goes_while_it_is_waited_for_is_forgotten(tmp_path: Path, arrivals: Arrivals, clock: Clock) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    gone = items(tmp_path)
    arrivals.ready(gone)
    (tmp_path / "a.png").unlink()
    clock.now += SETTLE_SECONDS
    assert arrivals.ready(gone) == []
    assert not arrivals.pending


@pytest.mark.parametrize("there", [True, False])
def test_it_asks_twice_a_second_whether_to_stop(tmp_path: Path, there: bool) -> None:
    """Whether the folder is there or not, and while nothing changes: a signal may have come to nothing else."""
    pytest.importorskip("watchfiles")
    asked = []

    def check() -> None:
        asked.append(time.monotonic())
        if len(asked) == 4:
            raise KeyboardInterrupt

    folder = tmp_path if there else tmp_path / "gone"
    with pytest.raises(KeyboardInterrupt):
        watch(folder, lambda _: None, lambda _: None, check=check)
    assert asked[-1] - asked[0] < 5


def test_watching_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(MissingExtraError, match=r"restore\[watch\]"):
        check_watch()
