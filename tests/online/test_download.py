"""A download is complete and the promised file, or not there; and goes on where it broke off."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from restore.errors import DownloadError
from restore.online import download as module
from restore.online.download import Expected, download, download_folder, partial_file
from tests.online.server import Fault, Server

DATA = np.random.default_rng(0).bytes(600_000)
KNOWN = Expected(len(DATA), hashlib.sha256(DATA).hexdigest())


@pytest.fixture
def target(cache: Path) -> Path:
    return download_folder() / "x.pth"


def nothing_is_left(*, but: int = 0) -> None:
    left = [path for path in download_folder().iterdir() if path.suffix != ".lock"]
    assert len(left) == but, left


def test_success(server: Server, target: Path) -> None:
    server.files["/x"] = DATA
    seen: list[tuple[int, int | None]] = []
    download(f"{server.url}/x", target, KNOWN, progress=lambda have, total: seen.append((have, total)))
    assert target.read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    nothing_is_left(but=1)


def test_a_wrong_hash_leaves_nothing(server: Server, target: Path) -> None:
    server.files["/x"] = DATA[:-1] + b"x"
    with pytest.raises(DownloadError, match="not the promised file: its SHA-256 is .* and was deleted"):
        download(f"{server.url}/x", target, KNOWN)
    nothing_is_left()


@pytest.mark.parametrize("known", [KNOWN, Expected()])
def test_broken_connections_are_resumed(server: Server, target: Path, known: Expected) -> None:
    server.files["/x"] = DATA
    server.faults["/x"] = [Fault(after=200_000), Fault(503, {"Retry-After": "0"}), Fault(after=1), Fault(after=300_000)]
    said: list[str] = []
    download(f"{server.url}/x", target, known, said.append)
    assert target.read_bytes() == DATA
    begins = [one.headers.get("Range") for one in server.asked]
    assert begins == [None, "bytes=200000-", "bytes=200000-", "bytes=200001-", "bytes=500001-"]
    assert "the connection ended after 200,000 of 600,000 bytes; trying again" in said[0]
    nothing_is_left(but=1)


def test_an_interrupted_command_goes_on(server: Server, target: Path) -> None:
    server.files["/x"] = DATA

    def interrupt(have: int, _: int | None) -> None:
        if have >= 262_144:
            raise KeyboardInterrupt

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        download(f"{server.url}/x", target, KNOWN, said.append, interrupt)
    assert said == [f"{server.url}/x: 262,144 bytes are here; the same command goes on from there"]
    assert not target.exists()
    assert partial_file(f"{server.url}/x", KNOWN).stat().st_size == 262_144
    download(f"{server.url}/x", target, KNOWN)
    assert target.read_bytes() == DATA
    assert server.asked[-1].headers["Range"] == "bytes=262144-"


@pytest.mark.parametrize("known", [KNOWN, Expected()])
def test_a_part_of_another_version_is_not_continued(server: Server, target: Path, known: Expected) -> None:
    server.files["/x"] = DATA[::-1]
    server.faults["/x"] = [Fault(after=100_000), *[Fault(404)]]
    with pytest.raises(DownloadError, match="404"):
        download(f"{server.url}/x", target, known)
    server.files["/x"] = DATA
    download(f"{server.url}/x", target, known)
    assert target.read_bytes() == DATA


def test_a_server_without_ranges_starts_over(server: Server, target: Path) -> None:
    server.files["/x"], server.ranges = DATA, False
    server.faults["/x"] = [Fault(after=100_000)]
    download(f"{server.url}/x", target, KNOWN)
    assert target.read_bytes() == DATA


def test_a_part_longer_than_the_file_is_dropped(server: Server, target: Path) -> None:
    part = partial_file(f"{server.url}/x", Expected())
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA + DATA)
    server.files["/x"] = DATA
    download(f"{server.url}/x", target, Expected())  # its version is unknown: not continued
    assert target.read_bytes() == DATA
    part.write_bytes(DATA + DATA)
    tag = f'"{hashlib.sha256(DATA).hexdigest()[:12]}"'
    part.with_suffix(".version").write_text(tag)
    download(f"{server.url}/x", target, Expected())
    assert [one.headers.get("Range") for one in server.asked] == [None, "bytes=1200000-", None]
    assert target.read_bytes() == DATA


def test_truncated_files_are_refused(server: Server, target: Path) -> None:
    """A server that calls the part it has the whole, and one that always breaks off at the same byte."""
    server.files["/x"] = DATA
    server.faults["/x"] = [Fault(after=5000, promise=False)]
    with pytest.raises(DownloadError, match="has 5,000 bytes and not 600,000 bytes"):
        download(f"{server.url}/x", target, KNOWN)
    nothing_is_left()
    server.faults["/x"] = [Fault(after=5000), *[Fault(after=0)] * 9]
    with pytest.raises(DownloadError, match="ended after 5,000 of 600,000 bytes. Tried 4 times"):
        download(f"{server.url}/x", target, KNOWN)
    assert not target.exists()


def test_sizes_are_limited(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["/x"] = DATA
    with pytest.raises(DownloadError, match="has 600,000 bytes and not 7 bytes that the catalogue promises"):
        download(f"{server.url}/x", target, Expected(7))
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    with pytest.raises(DownloadError, match="larger than"):
        download(f"{server.url}/x", target, Expected())
    nothing_is_left()


def test_more_than_was_announced_is_refused(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it comes: a server need not say how much it will send."""
    server.files["/x"] = DATA
    monkeypatch.setattr(module.Response, "length", property(lambda _: None))
    with pytest.raises(DownloadError, match="more than the 500,000 bytes"):
        download(f"{server.url}/x", target, Expected(500_000))
    monkeypatch.setattr(module, "MOST_BYTES", 300_000)
    with pytest.raises(DownloadError, match="larger than"):
        download(f"{server.url}/x", target, Expected())
    nothing_is_left()


def test_a_page_is_no_file(server: Server, target: Path) -> None:
    server.files["/x"], server.kinds["/x"] = b"<html>", "text/html; charset=utf-8"
    with pytest.raises(DownloadError, match="is a page, not a file"):
        download(f"{server.url}/x", target, Expected())
    nothing_is_left()


def test_no_space(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known in advance, or met on the way; then the file is named, and the part kept to go on with."""
    server.files["/x"] = DATA
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1000))
    with pytest.raises(DownloadError, match=r"0.6 MB are missing, but only 0.0 MB are free"):
        download(f"{server.url}/x", target, KNOWN)
    monkeypatch.undo()


def test_a_disk_that_fills_up(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["/x"] = DATA
    part, open_ = partial_file(f"{server.url}/x", KNOWN), Path.open

    class Full:
        def __init__(self, file) -> None:
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, data: bytes) -> None:
            if self.file.tell():
                raise OSError(errno.ENOSPC, "No space left on device")
            self.file.write(data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, *how: Full(open_(path, *how)) if path == part else open_(path, *how))
        with pytest.raises(OSError, match="No space left on device") as error:
            download(f"{server.url}/x", target, KNOWN)
    assert error.value.filename == str(part)
    assert not target.exists()
    download(f"{server.url}/x", target, KNOWN)
    assert target.read_bytes() == DATA
    assert server.asked[-1].headers["Range"] == f"bytes={module._BLOCK}-"


def test_one_download_of_a_file_at_a_time(server: Server, target: Path) -> None:
    from filelock import FileLock

    part = partial_file(f"{server.url}/x", KNOWN)
    part.parent.mkdir(parents=True)
    with FileLock(part.with_suffix(".lock")), pytest.raises(DownloadError, match="another restore is fetching"):
        download(f"{server.url}/x", target, KNOWN)
