"""Whole files or none."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from restore.utils import atomic_write
from restore.utils.atomic_write import opened, opened_beside, sweep, write_bytes


def test_writes_with_ordinary_permissions(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_bytes(tmp_path / "x", b"abc")
    finally:
        os.umask(mask)
    assert (tmp_path / "x").read_bytes() == b"abc"
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_overwrite(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x", b"old")
    with pytest.raises(FileExistsError):
        write_bytes(tmp_path / "x", b"new", overwrite=False)
    assert (tmp_path / "x").read_bytes() == b"old"
    write_bytes(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_kill_leaves_the_old_file_whole(tmp_path: Path) -> None:
    target = tmp_path / "x"
    old = b"o" * 3_000_000
    write_bytes(target, old)
    code = (
        "from pathlib import Path; from restore.utils.atomic_write import write_bytes\n"
        f"while True: write_bytes(Path({str(target)!r}), b'n' * 3_000_000)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 20
    while target.read_bytes() == old and time.monotonic() < deadline:
        time.sleep(0.01)
    sizes = {len(target.read_bytes()) for _ in range(300)}  # a reader meanwhile sees whole files too
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert sizes == {3_000_000}
    assert target.read_bytes() == b"n" * 3_000_000


def test_threads_that_write_leave_the_umask_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the mask by setting it would race: two threads can leave it at what one of them set."""
    set_mask = os.umask

    def dawdling(mask: int) -> int:
        before = set_mask(mask)
        time.sleep(0.002)
        return before

    before = set_mask(0o077)
    monkeypatch.setattr(os, "umask", dawdling)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: write_bytes(tmp_path / str(i), b"x"), range(50)))
    finally:
        left = set_mask(before)
    assert left == 0o077
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_what_comes_before_the_rename_can_prevent_it(tmp_path: Path) -> None:
    def refuse() -> None:
        assert not (tmp_path / "x").exists()
        (written,) = tmp_path.iterdir()
        assert written.read_bytes() == b"new"
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        write_bytes(tmp_path / "x", b"new", before_rename=refuse)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be asked for there")
def test_only_what_the_dead_left_is_swept(tmp_path: Path, dead_process: int) -> None:
    host, old = atomic_write.host_identity(), time.time() - 2 * 24 * 3600
    swept = [f".restore-{host}-{dead_process}-0123abcd.png", f".restore-{host}-{os.getpid()}-0123abcd"]
    kept = [
        f".restore-{host}-{os.getppid()}-0123abcd.png",  # runs
        f".restore-deadbeef-{dead_process}-0123abcd.png",  # on another host, who knows
        ".restore-journal.jsonl",
        f".restore-{host}-{dead_process}-mine.png",
        "a.png",
    ]
    aged = f".restore-deadbeef-{dead_process}-4567abcd.png"
    for name in (*swept, *kept, aged):
        (tmp_path / name).write_bytes(b"x")
    os.utime(tmp_path / aged, (old, old))
    assert sweep(tmp_path) == 3
    assert {path.name for path in tmp_path.iterdir()} == set(kept)
    assert sweep(tmp_path / "none") == 0


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_writers_file_is_swept(tmp_path: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path; from restore.utils.atomic_write import write_bytes\n"
        f"write_bytes(Path({str(tmp_path / 'x.png')!r}), b'n', before_rename=lambda: os.kill(os.getpid(), signal.SIGKILL))"
    )
    subprocess.run([sys.executable, "-c", code])
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".restore-")
    assert sweep(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_written_in_pieces_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with opened(tmp_path / "x") as file:
        file.write(b"one ")
        assert not (tmp_path / "x").exists()
        file.write(b"two")
    assert (tmp_path / "x").read_bytes() == b"one two"

    def write_half(error: BaseException) -> None:
        with opened(tmp_path / "x") as file:
            file.write(b"half")
            raise error

    for error in (OSError("full"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            write_half(error)
    assert (tmp_path / "x").read_bytes() == b"one two"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def pair_written(folder: Path, content: str, error: BaseException | None = None) -> None:
    """A file ``x`` and a folder ``f`` that say the same."""
    with opened_beside(folder / "x", folder / "f") as (file, filled):
        (filled / content).write_text("")
        file.write(content.encode())
        assert content not in [p.name for p in (folder / "f").glob("*")]
        if error is not None:
            raise error


def pair_there(folder: Path) -> list[str]:
    """What they say, and what else there is."""
    said = [(folder / "x").read_text()] if (folder / "x").exists() else []
    return [*said, *(p.name for p in (folder / "f").glob("*")), *(p.name for p in folder.glob(".*"))]


def test_a_file_and_its_folder_appear_together_or_not_at_all(tmp_path: Path) -> None:
    for content in ("old", "new"):
        pair_written(tmp_path, content)
        assert pair_there(tmp_path) == [content, content]
    for error in (OSError("full"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            pair_written(tmp_path, "half", error)
        assert pair_there(tmp_path) == ["new", "new"]


@pytest.mark.parametrize("error", [OSError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("first", "number"), [(True, 0), (True, 1), (False, 0), (False, 1), (False, 2)])
def test_whichever_rename_is_interrupted_they_belong_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, after: bool, first: bool, number: int
) -> None:
    """Before it is done, and after: an interrupt may come between any two steps. The last rename is what counts."""
    if not first:
        pair_written(tmp_path, "old")
    replace, done = Path.replace, 0

    def failing(self: Path, target: Path) -> Path:
        nonlocal done
        done += 1
        fails = done == number + 1
        if fails and not after:
            raise error
        result = replace(self, target)
        if fails:
            raise error
        return result

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(type(error)):
        pair_written(tmp_path, "new")
    monkeypatch.undo()
    whole = after and number == (1 if first else 2)
    assert pair_there(tmp_path) == (["new", "new"] if whole else [] if first else ["old", "old"])


def test_a_dead_processs_folder_is_swept(tmp_path: Path, dead_process: int) -> None:
    left = tmp_path / f".restore-{atomic_write.host_identity()}-{dead_process}-0123abcd"
    left.mkdir()
    (left / "half.jpg").write_text("")
    assert sweep(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []
