"""Drive a spread job of millions of names with workers that are made up: is its memory flat, and how fast is it?

    python scripts/simulate_driver.py [--names 10000000] [--workers 1000]

The driver is that of ``restore enhance s3://... s3://... --engine ray``: it lists a store page by page, remembers names
on disk, sends batches, and writes the journal. Made up are the store, which makes up its listing and forgets what is
put, and the workers, which answer at once that all pictures of a batch are done. So the speed is that of the driver
alone, on one core. Prints memory and names per second, of wall time and of processor time, ten times on the way.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
import fsspec
from rich.console import Console

from restore.cli.main import main as command
from restore.jobs import ray_engine
from restore.jobs.backend_entry import BackendEntry
from restore.jobs.batch import Batch, Done, Row, Stored, Told
from restore.jobs.batch_worker import WorkerJob
from restore.jobs.console import JobReporter
from restore.jobs.engine import JobNetwork
from restore.jobs.naming import Naming
from restore.jobs.outcome import Outcome, Seconds, Summary
from restore.jobs.ray_pool import Share
from restore.jobs.request import Request
from restore.jobs.sizing import TargetSize
from restore.jobs.spread import Event
from restore.jobs.stop import Stop
from restore.jobs.store_job import open_store_journal, plan_stores
from restore.stores.address import Address

FOLDER = 1000
_DIGEST = hashlib.sha256(b"made up").hexdigest()


class MadeUp(fsspec.AbstractFileSystem):
    """A store with as many objects as are wanted, a thousand in a folder, that forgets what is put there."""

    protocol = ("madeup", "memory")
    cachable = False
    names = 0
    journal = 0  # bytes put

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix("madeup://").strip("/")

    def ls(self, path: str, detail: bool = True, **_: object) -> list[dict[str, object]]:
        root, _slash, folder = path.partition("/")
        if root == "out":
            return []
        if not folder:
            return [{"name": f"in/{i:05}", "type": "directory"} for i in range(-(-self.names // FOLDER))]
        first = int(folder) * FOLDER
        return [
            {"name": f"{path}/{i:08}.jpg", "type": "file", "size": 250_000, "ETag": f'"{i:032x}"'}
            for i in range(first, min(first + FOLDER, self.names))
        ]

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: object) -> dict[str, str]:
        type(self).journal += len(value)
        return {}

    def cat_file(self, path: str, **_: object) -> bytes:
        return b""  # a part of the journal, to be merged with others: nobody reads what it says

    def rm_file(self, path: str) -> None:
        pass


@dataclass
class MadeUpPool:
    """Workers that answer at once."""

    count: int
    done: deque[Event] = field(default_factory=deque)
    hosts: dict[int, str] = field(default_factory=dict)
    machines: list[Mapping[str, float]] = field(default_factory=lambda: [{"CPU": 64.0}])
    batches: int = 0

    def __call__(self, _address: str | None, _most: int | None) -> MadeUpPool:
        return self

    def __enter__(self) -> MadeUpPool:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(
        self,
        job: WorkerJob,
        share: Share,
        count: float,
        earlier: Mapping[str, BackendEntry],
        stop: Stop,
        warn: Callable[[str], None],
    ) -> dict[int, Told | None]:
        network = JobNetwork("key", "sr-x2", "digest", "fp32", "cpu")
        self.hosts = {number: f"host{number // 8}" for number in range(self.count)}
        return {number: Told(network, f"{number:08}", host, host, number) for number, host in self.hosts.items()}

    def grow(self, waiting: int) -> list[int]:
        return []

    def send(self, worker: int, batch: Batch) -> None:
        stored = Stored(_DIGEST, _DIGEST, 1_000_000, "0" * 32)
        row = Row(
            "enhanced", seconds=Seconds(0.01, 0.04, 0.02), size_in=(1000, 1000), size_out=(2000, 2000), stored=stored
        )
        self.batches += 1
        self.done.append((worker, Done(batch.number, [row] * len(batch.pictures), 0.05 * len(batch.pictures))))

    def wait(self, _seconds: float) -> list[Event]:
        events = [self.done.popleft() for _ in range(min(64, len(self.done)))]
        return events

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


def main() -> None:
    """Run the job, and print what it takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", default=10_000_000, type=int)
    parser.add_argument("--workers", default=1000, type=int)
    options = parser.parse_args()
    MadeUp.names = options.names
    fsspec.register_implementation("madeup", MadeUp, clobber=True)
    pool = MadeUpPool(options.workers)
    vars(ray_engine)["RayPool"] = pool
    enhance = command.get_command(click.Context(command), "enhance")
    assert enhance is not None
    context = enhance.make_context(
        "enhance", ["madeup://in", "madeup://out", "--engine", "ray", "--device", "cpu", "--precision", "fp32"]
    )
    apart = ("as_json", "mask", "metadata", "workers")
    given = {name: value for name, value in context.params.items() if name not in apart}
    for name in ("scale", "width", "height", "longest", "megapixels", "min_side"):
        given.pop(name)
    request = Request(size=TargetSize(), metadata="keep", workers=8, **{**given, "spec": {}})
    assert isinstance(request.target, Address)
    counts: Counter[str] = Counter()
    began, processor, step = time.perf_counter(), time.process_time(), max(1, options.names // 10)

    def on_outcome(outcome: Outcome) -> None:
        counts[outcome.status] += 1
        reporter.outcome(outcome)
        if (done := sum(counts.values())) % step == 0:
            wall, spent = time.perf_counter() - began, time.process_time() - processor
            print(
                f"{done:>10,} names, {pool.batches:>8,} batches: {resident():7.1f} MB, {done / wall:7,.0f} names/s, "
                f"{done / spent:7,.0f} per second of processor time",
                flush=True,
            )

    with tempfile.TemporaryDirectory() as folder:
        reporter = JobReporter(Console(quiet=True), lambda _: None)
        reporter.keep_on_disk(Path(folder))
        plan = plan_stores(request, Naming(), Path(folder))
        with (
            ray_engine.RayEngine(request, plan, Stop(), reporter) as engine,
            open_store_journal(plan, engine.network.key, request) as journal,
        ):
            engine.run(plan, journal, on_outcome, Summary(workers=8), watched=False)
        plan.close()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{dict(counts)}; {pool.batches:,} batches; at most {most:.1f} MB; journal {MadeUp.journal / 1e6:,.0f} MB")
    if counts != {"enhanced": options.names}:
        sys.exit(1)


def resident() -> float:
    """Megabytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
