"""One job at a time in an output folder; shards of one job count as different jobs.

A lock is a hidden file that names its owner. It is advisory: it protects from a second job of restore, and from nothing
else. Its owner touches it every half minute. It is stale, and is removed, if its owner ran on this host and does not
run any more, or, on another host or on Windows, if it has not been touched for ten minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from restore.jobs.naming import PlanError
from restore.utils.atomic_write import TEMPORARY_PREFIX, write_bytes
from restore.utils.json_text import parse_json
from restore.utils.processes import host_identity, is_running, started
from restore.utils.regular_file import open_regular
from restore.utils.text import printable

_STEM = f"{TEMPORARY_PREFIX}lock"
_TOUCH_SECONDS = 30.0
_STALE_SECONDS = 600.0
_LARGEST = 4096


@dataclass(frozen=True)
class _Owner:
    """Who holds a lock.

    Attributes:
        host: name of the computer.
        identity: :func:`host_identity` there.
        process: its ID.
        started: see :func:`restore.utils.processes.started`.
        since: date and time, for people.
        token: differs for every lock.
    """

    host: str
    identity: str
    process: int
    started: str
    since: str
    token: str


def refuse_locked(folder: Path, shard: tuple[int, int]) -> None:
    """Refuse an output folder in which another job is working; stale locks are removed.

    Raises:
        PlanError: there is such a job; names it.
    """
    for path in sorted(folder.glob(f"{_STEM}*")):
        other = _shard(path)
        if other is None or (other != shard and other[1] == shard[1] > 1):  # another part of the same job
            continue
        owner = _read(path)
        if owner is None or not _is_stale(path, owner):
            raise PlanError(_refusal(folder, path, owner))
        _break(path, owner)


@contextmanager
def locked(folder: Path, shard: tuple[int, int]) -> Iterator[None]:
    """Hold the lock of an output folder, which must exist, for one job or shard.

    Raises:
        PlanError: another job holds it.
        OSError: the folder cannot be written to.
    """
    refuse_locked(folder, shard)
    path, process = folder / _name(shard), os.getpid()
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    owner = _Owner(socket.gethostname(), host_identity(), process, started(process), since, secrets.token_hex(8))
    try:
        write_bytes(path, json.dumps(asdict(owner)).encode() + b"\n", overwrite=False)
    except FileExistsError:
        raise PlanError(_refusal(folder, path, _read(path))) from None
    ended = threading.Event()
    try:
        _refuse_others(folder, shard)
        threading.Thread(target=_keep_fresh, args=(path, ended), daemon=True, name="restore-lock").start()
        yield
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            if _read(path) == owner:
                path.unlink()


def _refuse_others(folder: Path, shard: tuple[int, int]) -> None:
    """Refuse what has been locked at the same moment under another name: the whole job, or other parts of it."""
    for path in sorted(folder.glob(f"{_STEM}*")):
        other = _shard(path)
        if other is not None and other != shard and not (other[1] == shard[1] > 1):
            raise PlanError(_refusal(folder, path, _read(path)))


def _keep_fresh(path: Path, ended: threading.Event) -> None:
    while not ended.wait(_TOUCH_SECONDS):
        with contextlib.suppress(OSError):
            os.utime(path)


def _is_stale(path: Path, owner: _Owner) -> bool:
    here = owner.identity == host_identity() and owner.host == socket.gethostname()
    if here and sys.platform != "win32":  # which cannot tell whether a process runs
        then = started(owner.process)
        return not is_running(owner.process) or bool(then and owner.started and then != owner.started)
    try:
        return _now(path.parent) - path.stat().st_mtime > _STALE_SECONDS
    except OSError:
        return False


def _now(folder: Path) -> float:
    """The time by the clock of the file system, which may be another computer's."""
    probe = folder / f"{TEMPORARY_PREFIX}{host_identity()}-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _break(path: Path, owner: _Owner) -> None:
    """Remove a stale lock, but not one that another process has just put in its place."""
    aside = path.with_name(f"{TEMPORARY_PREFIX}{host_identity()}-{os.getpid()}-{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):
        path.rename(aside)
        if _read(aside) != owner:
            os.link(aside, path)
        aside.unlink()


def _read(path: Path) -> _Owner | None:
    """The owner of a lock; None if it is gone, or is not one."""
    try:
        with open_regular(path) as file:
            owner = _Owner(**parse_json(file.read(_LARGEST)))
    except (OSError, ValueError, TypeError):
        return None
    right = all(isinstance(value, int if name == "process" else str) for name, value in asdict(owner).items())
    return owner if right else None


def _refusal(folder: Path, path: Path, owner: _Owner | None) -> str:
    who = "another job"
    if owner is not None:
        who = f"another job (process {owner.process} on {printable(owner.host)}, since {printable(owner.since)})"
    return (
        f"{printable(folder)}: {who} writes to this folder: wait until it ends, choose another output folder, or let "
        f"each job take a part with --shard i/n. If no such job runs, remove {printable(path)}"
    )


def _name(shard: tuple[int, int]) -> str:
    index, count = shard
    return _STEM if count == 1 else f"{_STEM}-{index}-of-{count}"


def _shard(path: Path) -> tuple[int, int] | None:
    """The shard in a lock's name; None if it is not a lock's."""
    if path.name == _STEM:
        return 1, 1
    index, _, count = path.name.removeprefix(f"{_STEM}-").partition("-of-")
    return (int(index), int(count)) if index.isdecimal() and count.isdecimal() else None
