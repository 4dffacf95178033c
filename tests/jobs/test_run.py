"""One bad file does not stop the rest; nothing is lost or half-written."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restore.imaging.picture import Picture
from restore.jobs import run as run_module
from restore.jobs.plan import make_plan
from restore.jobs.run import Outcome, enhance_picture, run_job
from tests.conftest import picture, save


def double(pixels: np.ndarray) -> np.ndarray:
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


def test_one_bad_file_is_told_and_the_rest_is_done(photos: Path, tmp_path: Path) -> None:
    (photos / "a/bad.png").write_text("no picture")
    told: list[Outcome] = []
    summary = run_job(make_plan(photos, tmp_path / "out"), double, told.append)
    assert summary.done == 5
    assert [o.item.source.name for o in summary.failed] == ["bad.png"]
    assert "not a picture" in summary.failed[0].error
    assert len(told) == 6
    for path in photos.rglob("[0-9].png"):
        result = np.asarray(Image.open(tmp_path / "out" / path.relative_to(photos)))
        np.testing.assert_array_equal(result, double(np.asarray(Image.open(path))))


def test_grey_and_alpha_are_kept() -> None:
    grey = enhance_picture(Picture(picture(6, 5, 1), picture(6, 5, 1)[..., 0], b"icc", b"exif", "PNG"), double)
    assert grey.pixels.shape == (12, 10, 1)
    assert grey.alpha is not None
    assert grey.alpha.shape == (12, 10)
    assert (grey.icc, grey.exif) == (b"icc", b"exif")


def test_opaque_stays_opaque_and_clear_stays_clear() -> None:
    for value in (0, 255):
        alpha = np.full((6, 5), value, np.uint8)
        result = enhance_picture(Picture(picture(6, 5), alpha, None, None, "PNG"), double)
        assert (result.alpha == value).all()


def test_a_full_disk_ends_the_job_and_leaves_no_half_file(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run_job(make_plan(photos, tmp_path / "out"), double, lambda _: None)
    assert [p for p in (tmp_path / "out").rglob("*") if p.is_file()] == []


def test_a_result_that_appeared_meanwhile_is_not_overwritten(photos: Path, tmp_path: Path) -> None:
    plan = make_plan(photos, tmp_path / "out")
    late = plan.items[0].target
    late.parent.mkdir(parents=True)
    late.write_bytes(b"someone else's")
    summary = run_job(plan, double, lambda _: None)
    assert late.read_bytes() == b"someone else's"
    assert len(summary.failed) == 1
    assert summary.done == 4


def test_ctrl_c_leaves_whole_files_alone(photos: Path, tmp_path: Path) -> None:
    calls = []

    def interrupted(pixels: np.ndarray) -> np.ndarray:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return double(pixels)

    plan = make_plan(photos, tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        run_job(plan, interrupted, lambda _: None)
    written = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert len(written) <= 2
    assert not plan.items[2].target.exists()
    for path in written:
        Image.open(path).load()


def test_memory_and_deep_pictures_are_told(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(_: np.ndarray) -> np.ndarray:
        raise MemoryError

    summary = run_job(make_plan(photos, tmp_path / "out"), exhausted, lambda _: None)
    assert all("--tile" in o.error for o in summary.failed)
    assert len(summary.failed) == 5
    deep = Picture(picture(4, 4).astype(np.uint16), None, None, None, "PNG")
    monkeypatch.setattr(run_module, "read_picture", lambda _: deep)
    told: list[Outcome] = []
    run_job(make_plan(photos, tmp_path / "out2"), double, told.append)
    assert all("8 bits" in o.note for o in told)


def test_outcomes_come_in_the_plans_order_and_memory_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long one picture takes to write; and reading never runs away from the network."""
    import random
    import time

    for i in range(30):
        save(tmp_path / "in" / f"{i:02}.png", picture(8 + i, 9, seed=i))
    read, used, ahead = [], [], []
    original_read, original_write = run_module.read_picture, run_module.write_bytes

    def reading(path: Path) -> Picture:
        read.append(path)
        return original_read(path)

    def writing(*args: object, **kwargs: object) -> None:
        time.sleep(random.Random(str(args[0])).random() / 50)
        original_write(*args, **kwargs)

    def network(pixels: np.ndarray) -> np.ndarray:
        used.append(1)
        ahead.append(len(read) - len(used))
        return double(pixels)

    monkeypatch.setattr(run_module, "read_picture", reading)
    monkeypatch.setattr(run_module, "write_bytes", writing)
    told: list[Outcome] = []
    plan = make_plan(tmp_path / "in", tmp_path / "out")
    assert run_job(plan, network, told.append).done == 30
    assert [o.item for o in told] == plan.items
    assert max(ahead) <= 3
    for item in plan.items:
        np.testing.assert_array_equal(np.asarray(Image.open(item.target)), double(np.asarray(Image.open(item.source))))
