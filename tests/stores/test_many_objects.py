"""A hundred thousand objects: memory stays flat, and going on after a kill reads the journal and not the objects."""

from __future__ import annotations

import hashlib
import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from restore.jobs.naming import Naming
from restore.jobs.outcome import Outcome
from restore.jobs.pipeline import run_job
from restore.jobs.settings import Settings
from restore.jobs.store_journal import StoreJournal
from restore.jobs.store_plan import StorePlan
from restore.stores.address import Address
from tests.conftest import picture
from tests.jobs.streams import one_by_one
from tests.stores.test_store_journal import killed

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install '.[dev]'")

FOLDERS, EACH = 100, 1000


class Many(fsspec.AbstractFileSystem):
    """A store whose objects, all alike, are made when they are read, and of whose results it keeps one bit each."""

    protocol = ("many", "memory")
    cachable = False
    parts: Path
    reads = 0
    written = bytearray(FOLDERS * EACH)
    result: tuple[int, str] = (0, "")
    lock = threading.Lock()
    buffer = io.BytesIO()
    Image.fromarray(picture(8, 8)).save(buffer, "PNG")
    content = buffer.getvalue()
    etag = hashlib.md5(content).hexdigest()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix("many://").strip("/")

    def ls(self, path: str, detail: bool = True, **_: object) -> list[dict[str, Any]]:
        root, _slash, folder = path.partition("/")
        if folder == ".restore-journal":
            return [
                {"name": f"{path}/{part.name}", "type": "file", "size": part.stat().st_size}
                for part in self.parts.iterdir()
            ]
        if not folder:
            more = [".restore-journal"] if root == "out" else []
            return [{"name": f"{root}/{name}", "type": "directory"} for name in [*more, *map(str, range(FOLDERS))]]
        size, etag = (len(self.content), self.etag) if root == "in" else self.result
        first = int(folder) * EACH
        return [
            {"name": f"{path}/{i}.png", "type": "file", "size": size, "ETag": f'"{etag}"'}
            for i in range(first, first + EACH)
            if root == "in" or self.written[i]
        ]

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: object) -> bytes:
        if path.startswith("out/"):
            return (self.parts / path.rpartition("/")[2]).read_bytes()
        with self.lock:
            type(self).reads += 1
        return self.content

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: object) -> dict[str, str]:
        name = path.rpartition("/")[2]
        if ".restore-journal/" in path:
            (self.parts / name).write_bytes(value)
            return {}
        number = int(name.removesuffix(".png"))
        assert mode == "overwrite" or not self.written[number]
        self.written[number] = 1
        type(self).result = len(value), hashlib.md5(value).hexdigest()
        return {"ETag": f'"{self.result[1]}"'}

    def rm_file(self, path: str) -> None:
        (self.parts / path.rpartition("/")[2]).unlink()


def resident() -> float:
    """Megabytes of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def work(scratch: Path, until: int, resume: bool) -> tuple[dict[str, int], list[float]]:
    """Run the job, killed before a picture; returns the number of pictures by status, and memory at each 5000th."""
    counts: dict[str, int] = {}
    memory: list[float] = []
    seen = [0]

    def same(pixels: np.ndarray) -> np.ndarray:
        seen[0] += 1
        if seen[0] > until:
            raise SystemExit
        return pixels

    def count(outcome: Outcome) -> None:
        assert outcome.status != "failed", outcome.error
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
        if sum(counts.values()) % 5000 == 0:
            memory.append(resident())

    ends = [Address("many://in")], Address("many://out")
    plan = StorePlan(*ends, Naming(), "refuse", (1, 1), resume, 5, scratch)
    assert plan.out is not None
    journal = StoreJournal(plan.out, "key", plan.index, (1, 1), scratch / "records")
    plan.tell(journal.begin, "key")
    settings = Settings(workers=4, resume=resume, stored=plan.results)
    journal.__enter__()
    try:
        run_job(plan, one_by_one(same), count, settings, journal)
    except SystemExit:
        killed(journal)
    else:
        journal.__exit__(None)
    plan.close()
    return counts, memory


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells how much memory a process has")
def test_memory_is_flat_and_going_on_reads_no_finished_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = FOLDERS * EACH
    for name in ("parts", "first", "second"):
        (tmp_path / name).mkdir()
    Many.parts = tmp_path / "parts"
    fsspec.register_implementation("many", Many, clobber=True)
    _, first = work(tmp_path / "first", until=60_000, resume=False)
    written, read = sum(Many.written), Many.reads
    Many.reads = 0
    ended, second = work(tmp_path / "second", until=whole, resume=True)
    grown = [max(memory[1:]) - memory[1] for memory in (first, second)]
    sizes = [part.stat().st_size for part in Many.parts.iterdir()]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{written} written from {read} read, then killed; going on: {ended}, {Many.reads} read; memory after "
            f"10,000: {first[1]:.1f} MB, at most {grown[0]:+.1f} MB later; going on {second[1]:.1f} MB and {grown[1]:+.1f} "
            f"MB; {len(sizes)} parts, {sum(sizes) / whole:.0f} bytes a picture\n"
        )
    assert sum(Many.written) == whole
    assert sum(ended.values()) == whole
    assert Many.reads == ended["enhanced"], "nothing that is done was read"
    lost = ended["enhanced"] - (whole - written)
    assert 0 <= lost <= 1100, "what was written since the last part"
    # What the plan of a folder job holds of all would take 128 MB more, by tracemalloc.
    assert max(grown) < 40, (first, second)
    assert second[1] - first[1] < 60, "what is known of those that are done is not in memory either"
    assert len(sizes) < 100


def test_the_first_pictures_do_not_wait_for_the_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is more of it asked for than what is worked on, and a page ahead."""
    (tmp_path / "parts").mkdir()
    Many.parts = tmp_path / "parts"
    fsspec.register_implementation("many", Many, clobber=True)
    listed = []
    ls = Many.ls

    def noted(self: Many, path: str, detail: bool = True, **more: object) -> list[dict[str, Any]]:
        listed.append(path)
        return ls(self, path, detail, **more)

    monkeypatch.setattr(Many, "ls", noted)
    monkeypatch.setattr(Many, "written", bytearray(FOLDERS * EACH))
    plan = StorePlan([Address("many://in")], tmp_path / "out", Naming(), "refuse", (1, 1), False, 5, tmp_path)
    items: Iterator[Any] = iter(plan.items)
    assert len({next(items).source_name for _ in range(1500)}) == 1500
    assert len(listed) <= 5
    plan.close()
