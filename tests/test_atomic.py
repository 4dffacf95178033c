"""Whole files or none."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from restore.atomic import write_bytes


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
        "from pathlib import Path; from restore.atomic import write_bytes\n"
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
