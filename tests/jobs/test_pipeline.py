"""One bad file does not stop the rest; nothing is lost or half-written; memory is bounded."""

from __future__ import annotations

import errno
import os
import random
import signal
import sys
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from restore.errors import ModelError
from restore.imaging.picture import Picture
from restore.jobs import codec as picture_module
from restore.jobs import worker
from restore.jobs.chain import Stream
from restore.jobs.codec import from_arrays, to_arrays
from restore.jobs.journal import Journal
from restore.jobs.naming import Naming
from restore.jobs.options import PictureOptions
from restore.jobs.outcome import Outcome, Seconds, Summary
from restore.jobs.pipeline import run_job
from restore.jobs.plan import make_plan
from restore.jobs.settings import Settings
from restore.jobs.stop import Stop, stoppable
from restore.jobs.worker import DiskError
from tests.conftest import picture, save
from tests.jobs.streams import one_by_one


def double(pixels: np.ndarray) -> np.ndarray:
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


DOUBLE = one_by_one(double)
TWICE = Settings(scale=2)


def pulling(ahead: int) -> Stream:
    """A network that wants ``ahead`` pictures more before it gives a result."""

    def stream(pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray | Exception]:
        source = iter(pictures)
        waiting = list(islice(source, ahead))
        for one in source:
            waiting.append(one)
            yield double(waiting.pop(0))
        yield from map(double, waiting)

    return stream


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_one_bad_file_is_told_and_the_rest_is_done(photos: Path, tmp_path: Path) -> None:
    (photos / "a/bad.png").write_text("no picture")
    told: list[Outcome] = []
    summary = run_job(make_plan(photos, tmp_path / "out"), DOUBLE, told.append)
    assert summary.counts == {"enhanced": 5, "failed": 1}
    (failed,) = [o for o in told if o.error]
    assert failed.item.source.name == "bad.png"
    assert "not a picture" in failed.error
    assert len(told) == 6
    for path in photos.rglob("[0-9].png"):
        result = np.asarray(Image.open(tmp_path / "out" / path.relative_to(photos)))
        np.testing.assert_array_equal(result, double(np.asarray(Image.open(path))))


def test_gray_and_alpha_are_kept() -> None:
    before = Picture(picture(6, 5, 1), picture(6, 5, 1)[..., 0], b"icc", b"exif", "PNG")
    gray = from_arrays(before, [double(array) for array in to_arrays(before, 2)], 2)
    assert gray.pixels.shape == (12, 10, 1)
    assert gray.alpha is not None
    assert gray.alpha.shape == (12, 10)
    assert (gray.icc, gray.exif) == (b"icc", b"exif")


@pytest.mark.parametrize("value", [0, 255])
def test_opaque_stays_opaque_and_clear_stays_clear(value: int) -> None:
    before = Picture(picture(6, 5), np.full((6, 5), value, np.uint8), None, None, "PNG")
    result = from_arrays(before, [double(array) for array in to_arrays(before, 2)], 2)
    assert (result.alpha == value).all()


def test_what_is_written_depends_on_no_worker_and_no_order(photos: Path, tmp_path: Path) -> None:
    (photos / "bad.png").write_text("no picture")
    results = []
    for number, (workers, memory, ahead) in enumerate([(1, 1, 0), (2, 1 << 30, 0), (5, 100_000, 2), (3, 1 << 30, 9)]):
        out = tmp_path / str(number)
        told: list[Outcome] = []
        plan = make_plan(photos, out, Naming(suffix=".webp"))
        run_job(plan, pulling(ahead), told.append, Settings(scale=2, workers=workers, memory=memory))
        assert [o.item for o in told] == plan.items
        results.append(contents(out))
    assert len(results[0]) == 5
    assert all(result == results[0] for result in results)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ahead=st.integers(0, 6),
    workers=st.integers(1, 4),
    memory=st.integers(1, 200_000),
    bad=st.sets(st.integers(0, 4)),
)
def test_it_always_comes_to_an_end(
    photos: Path, tmp_path_factory: pytest.TempPathFactory, ahead: int, workers: int, memory: int, bad: set[int]
) -> None:
    """Whatever the network pulls ahead, little as the memory may be, and whichever pictures are broken."""
    out = tmp_path_factory.mktemp("out")
    plan = make_plan(photos, out)
    decode = picture_module.decode

    def some_fail(path: Path, options: PictureOptions, data: bytes) -> Picture:
        if int(path.stem) in bad:
            raise MemoryError
        return decode(path, options, data)

    told: list[Outcome] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture_module, "decode", some_fail)
        run_job(plan, pulling(ahead), told.append, Settings(scale=2, workers=workers, memory=memory))
    assert [o.item for o in told] == plan.items
    assert {int(o.item.source.stem) for o in told if o.error} == bad
    assert {int(Path(name).stem) for name in contents(out)} == set(range(5)) - bad


def alive_at_once(folder: Path, out: Path, settings_: Settings, ahead: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """The most pictures that were decoded and not yet written."""
    alive, most = 0, 0
    decode, save_bytes = picture_module.decode, worker.write_bytes

    def decoding(path: Path, options: PictureOptions, data: bytes) -> Picture:
        nonlocal alive, most
        alive += 1
        most = max(most, alive)
        return decode(path, options, data)

    def writing(*args: object, **kwargs: object) -> None:
        nonlocal alive
        time.sleep(random.Random(str(args[0])).random() / 50)
        save_bytes(*args, **kwargs)
        alive -= 1

    with monkeypatch.context() as patch:
        patch.setattr(picture_module, "decode", decoding)
        patch.setattr(worker, "write_bytes", writing)
        plan = make_plan(folder, out)
        told: list[Outcome] = []
        run_job(plan, pulling(ahead), told.append, settings_)
    assert [o.item for o in told] == plan.items
    assert not any(o.error for o in told)
    return most


@pytest.fixture
def thirty(tmp_path: Path) -> Path:
    """Thirty pictures of 1,000 pixels: 4,000 bytes decoded, 20,000 with their doubled result."""
    for i in range(30):
        save(tmp_path / "in" / f"{i:02}.png", picture(25, 40, seed=i))
    return tmp_path / "in"


@pytest.mark.parametrize(("memory", "most"), [(1, 1), (20_000, 1), (39_999, 1), (40_000, 2), (65_000, 3)])
@pytest.mark.parametrize("ahead", [0, 3])
def test_bytes_bound_what_is_held(
    thirty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int, most: int, ahead: int
) -> None:
    held = alive_at_once(thirty, tmp_path / "out", Settings(scale=2, workers=4, memory=memory), ahead, monkeypatch)
    assert held == most


def test_count_bounds_what_is_held(thirty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = alive_at_once(thirty, tmp_path / "out", Settings(scale=2, workers=2), 0, monkeypatch)
    # Two decoded ahead, one in the network, four that wait to be written and one handed on.
    assert 3 <= held <= 8


def test_pixels_are_let_go_once_written(thirty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only counted as gone: though all wait to be told until the first one is written."""
    decode, save_bytes = picture_module.decode, worker.write_bytes
    others_written, alive, most = threading.Semaphore(0), 0, 0

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def decoding(path: Path, options: PictureOptions, data: bytes) -> Picture:
        nonlocal alive, most
        whole = decode(path, options, data)
        pixels = whole.pixels.copy()
        weakref.finalize(pixels, gone)
        alive += 1
        most = max(most, alive)
        return Picture(pixels, None, None, None, "PNG")

    def writing(path: Path, *args: object, **kwargs: object) -> None:
        if path.stem == "00":
            assert all(others_written.acquire(timeout=10) for _ in range(29))
        save_bytes(path, *args, **kwargs)
        others_written.release()

    monkeypatch.setattr(picture_module, "decode", decoding)
    monkeypatch.setattr(worker, "write_bytes", writing)
    told: list[Outcome] = []
    run_job(make_plan(thirty, tmp_path / "out"), DOUBLE, told.append, Settings(scale=2, workers=2))
    assert [o.error for o in told] == [""] * 30
    assert most <= 12
    assert alive <= 1


@pytest.mark.parametrize("journal", [False, True])
def test_a_full_disk_ends_the_job_and_leaves_no_half_file(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: bool
) -> None:
    plan = make_plan(photos, tmp_path / "out")
    kept = Journal(tmp_path / "out", "key") if journal else None
    before = contents(tmp_path / "out")
    calls: list[int] = []

    def full(_: int) -> None:
        calls.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    told: list[Outcome] = []
    with pytest.raises(DiskError, match=r"No space left on device: the disk is full: make room") as caught:
        run_job(plan, DOUBLE, told.append, journal=kept)
    assert ("--resume" in str(caught.value)) == journal
    if kept is not None:
        kept.decoding.close()
        kept.network.close()
    assert contents(tmp_path / "out") == before
    assert len(calls) < 5
    assert told == []


def test_a_full_disk_at_the_journals_line_ends_the_job_too(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "out", "key")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal, "append", full)
    with pytest.raises(DiskError):
        run_job(make_plan(photos, tmp_path / "out"), DOUBLE, lambda _: None, journal=journal)
    journal.decoding.close()
    journal.network.close()
    assert set(contents(tmp_path / "out")) == {".restore-journal.jsonl"}


def test_one_place_that_cannot_be_written_to_fails_its_pictures_alone(photos: Path, tmp_path: Path) -> None:
    plan = make_plan(photos, tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").write_text("a file where a folder is wanted")
    told: list[Outcome] = []
    run_job(plan, DOUBLE, told.append)
    assert {o.item.source.parent.name: o.status for o in told} == {"a": "failed", "b": "enhanced"}


def test_a_result_that_appeared_meanwhile_is_not_overwritten(photos: Path, tmp_path: Path) -> None:
    plan = make_plan(photos, tmp_path / "out")
    late = plan.items[0].target
    late.parent.mkdir(parents=True)
    late.write_bytes(b"someone else's")
    told: list[Outcome] = []
    run_job(plan, DOUBLE, told.append)
    assert late.read_bytes() == b"someone else's"
    assert [o.status for o in told] == ["failed", *["enhanced"] * 4]
    assert "has appeared since the job began" in told[0].error


def test_a_source_that_changes_while_it_is_read_fails(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_file = worker.read_file

    def changing(path: Path, *more: object) -> bytes:
        read = read_file(path, *more)
        if path.stem == "2":
            save(path, picture(9, 9))
        return read

    monkeypatch.setattr(worker, "read_file", changing)
    told: list[Outcome] = []
    run_job(make_plan(photos, tmp_path / "out"), DOUBLE, told.append)
    assert {o.item.source.stem: o.error for o in told if o.error} == {
        "2": "the file changed while it was being read: enhance it again once it is complete"
    }


@pytest.mark.parametrize("how", ["raised", "requested"])
def test_ctrl_c_leaves_whole_files_alone_and_tells_them(photos: Path, tmp_path: Path, how: str) -> None:
    calls, stop = [], Stop()

    def interrupted(pixels: np.ndarray) -> np.ndarray:
        calls.append(1)
        if len(calls) == 3 and how == "raised":
            raise KeyboardInterrupt
        stop.requested = len(calls) == 3  # as when the signal's exception was lost
        return double(pixels)

    plan = make_plan(photos, tmp_path / "out")
    told: list[Outcome] = []
    with pytest.raises(KeyboardInterrupt):
        run_job(plan, one_by_one(interrupted), told.append, stop=stop)
    written = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert {o.item.target for o in told} == set(written)
    assert len(written) <= 3
    assert len(calls) == 3
    for path in written:
        Image.open(path).load()


class Interrupting:
    """A trace function that raises SIGINT at a line of the job, counted from its beginning."""

    def __init__(self, moment: int) -> None:
        self.moment, self.seen = moment, 0

    def __call__(self, frame: FrameType, event: str, _: object) -> object:
        if Path(frame.f_code.co_filename).parts[-2:] != ("jobs", "pipeline.py"):
            return None
        self.seen += event == "line"
        if event == "line" and self.seen == self.moment:
            signal.raise_signal(signal.SIGINT)
        return self


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_signal_at_any_moment_leaves_no_file_untold(photos: Path, tmp_path: Path) -> None:
    """Raised at many lines of the job in turn: between a file and its telling there are several."""
    interrupted = 0
    for moment in range(0, 3000, 7):
        out, told, trace = tmp_path / f"{moment}", list[Outcome](), Interrupting(moment)
        with stoppable() as stop:
            before = sys.gettrace()
            sys.settrace(trace)
            try:
                run_job(make_plan(photos, out), DOUBLE, told.append, TWICE, stop=stop)
            except KeyboardInterrupt:
                interrupted += 1
            finally:
                sys.settrace(before)
        assert {o.item.target for o in told} == {p for p in out.rglob("*") if p.is_file()}, moment
        if trace.seen < moment:
            break
    assert interrupted > 10


def test_failures_of_the_network_fail_their_pictures(photos: Path, tmp_path: Path) -> None:
    causes: list[Exception] = [MemoryError(), ModelError("it broke")]

    def failing(pixels: np.ndarray) -> np.ndarray:
        if causes:
            raise causes.pop(0)
        return double(pixels)

    told: list[Outcome] = []
    run_job(make_plan(photos, tmp_path / "out"), one_by_one(failing), told.append)
    assert [o.status for o in told] == ["failed", "failed", *["enhanced"] * 3]
    assert "--tile" in told[0].error
    assert told[1].error == "it broke"


def test_a_network_that_loses_a_picture_is_a_bug_not_a_success(photos: Path, tmp_path: Path) -> None:
    def losing(pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        yield from (double(p) for i, p in enumerate(pictures) if i != 4)

    with pytest.raises(RuntimeError, match="no result for"):
        run_job(make_plan(photos, tmp_path / "out"), losing, lambda _: None)


def test_what_a_format_cannot_hold_is_told(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in/deep.tif", picture(9, 8).astype(np.uint16) * 257, photometric="rgb")
    for suffix, note in ((".tif", ""), (".jpg", "jpg cannot hold: 16 bits per channel (rounded to 8)")):
        told: list[Outcome] = []
        run_job(make_plan(tmp_path / "in", tmp_path / suffix, Naming(suffix=suffix)), DOUBLE, told.append, TWICE)
        assert [(o.status, o.note) for o in told] == [("enhanced", note)]


def test_what_a_format_cannot_hold_is_refused_before_the_work(tmp_path: Path) -> None:
    save(tmp_path / "in/wide.png", np.zeros((1, 9000, 3), np.uint8))

    def never(pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for _ in pictures:
            raise AssertionError("the network was asked")
        yield from ()

    told: list[Outcome] = []
    run_job(make_plan(tmp_path / "in", tmp_path / "out", Naming(suffix=".webp")), never, told.append, TWICE)
    assert "18000 x 2 pixels are more than WEBP can hold" in told[0].error


def test_the_options_reach_the_decoder_and_the_encoder(photos: Path, tmp_path: Path) -> None:
    told: list[Outcome] = []
    small = Settings(PictureOptions(pixel_limit=7_000))
    run_job(make_plan(photos, tmp_path / "out"), DOUBLE, told.append, small)
    assert {o.item.source.stem for o in told if "more than the limit" in o.error} == {"1", "2", "3", "4"}
    sizes = []
    for quality in (20, 95):
        out = tmp_path / str(quality)
        plan = make_plan(photos, out, Naming(suffix=".jpg"))
        run_job(plan, DOUBLE, told.append, Settings(PictureOptions(quality=quality)))
        sizes.append(sum(map(len, contents(out).values())))
    assert sizes[0] < sizes[1] / 2


def test_times_and_sizes_are_measured(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decode, encode = picture_module.decode, picture_module.to_file

    def slowly(work_: object, seconds: float) -> object:
        def slow(*args: object) -> object:
            time.sleep(seconds)
            return work_(*args)

        return slow

    monkeypatch.setattr(picture_module, "decode", slowly(decode, 0.03))
    monkeypatch.setattr(picture_module, "to_file", slowly(encode, 0.02))
    told: list[Outcome] = []
    summary = run_job(make_plan(photos, tmp_path / "out"), one_by_one(slowly(double, 0.06)), told.append)
    for outcome in told:
        with Image.open(outcome.item.source) as image:
            assert outcome.size_in == image.size
        assert outcome.size_out == tuple(2 * side for side in outcome.size_in)
        assert outcome.seconds.decode >= 0.03
        assert outcome.seconds.network >= 0.06
        assert outcome.seconds.encode >= 0.02
    assert summary.wall < 5 * (0.03 + 0.06 + 0.02) + 0.5
    assert summary.bottleneck().endswith("the network is the bottleneck")


def test_waiting_for_the_decoder_is_not_the_networks_time(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = picture_module.decode

    def slow(path: Path, options: PictureOptions, data: bytes) -> Picture:
        time.sleep(0.2)
        return decode(path, options, data)

    monkeypatch.setattr(picture_module, "decode", slow)
    summary = run_job(make_plan(photos, tmp_path / "out"), DOUBLE, lambda _: None, Settings(workers=1))
    assert summary.wall > 1.0
    assert summary.seconds.network < 0.5
    assert summary.bottleneck().endswith("decoding is the bottleneck")


def test_the_bottleneck_in_words() -> None:
    summary = Summary(seconds=Seconds(1.2, 9.1, 1.8), wall=10.0, workers=2)
    assert summary.bottleneck() == ""
    summary.counts["enhanced"] = 1
    assert summary.bottleneck() == "decode 6 %, network 91 %, encode 9 % busy: the network is the bottleneck"
    summary.seconds.encode = 19.0
    assert summary.bottleneck().endswith("encode 95 % busy: encoding is the bottleneck")
