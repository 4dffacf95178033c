"""What ``--engine ray`` costs on one machine, beside the same job in one process.

    python scripts/bench_ray.py --photos FOLDER [--model backlit] [--count 300] [--side 1000]
    python scripts/bench_ray.py --batches 5000

Cuts --count squares of --side pixels out of the photographs of FOLDER, saves them as JPEG, and runs the same job over
them with both engines in turn, --times times; the worker of Ray has all cores, as the local job has. Prints the seconds
from the command's start to its end, those from the moment when the first worker is ready (a local job has no such
moment: it starts within a second or two), and the processor time of all processes, which other work on the machine
hardly changes. Ray's own start and end are told by a job over one picture. With --batches N alone, sends N batches of
16 names to a worker that does nothing, and prints what one costs the driver. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench_folder import ROOT, cut

from restore.jobs.batch import Batch, Done, Row, Sent
from restore.jobs.ray_pool import import_ray
from restore.runtime.cpu import cpu_name, usable_cores

_TICKS = os.sysconf("SC_CLK_TCK")
_MARK = "RESTORE_BENCH_RAY"


@dataclass(frozen=True)
class Took:
    """Seconds of a job: in all, while pictures were worked on, and of processors."""

    wall: float
    working: float
    processor: float


def main() -> None:
    """Cut the pictures and time both engines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder of photographs to cut from")
    parser.add_argument("--batches", type=int, help="only measure what sending a batch costs")
    parser.add_argument("--model", default="backlit", help="name in the zoo; the fastest shows the most overhead")
    parser.add_argument("--count", default=300, type=int, help="pictures")
    parser.add_argument("--side", default=1000, type=int, help="pixels")
    parser.add_argument("--times", default=1, type=int, help="how often each engine runs")
    options = parser.parse_args()
    if options.batches:
        send(options.batches)
        return
    if options.photos is None:
        parser.error("--photos is needed")
    load = os.getloadavg()[0]
    print(
        f"{cpu_name()}, {usable_cores()} cores, load {load:.1f}; {options.model}, {options.count} pictures", flush=True
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cut(options.photos, folder / "in", options.count, options.side)
        cut(options.photos, folder / "one", 1, options.side)
        found: dict[str, list[Took]] = defaultdict(list)
        for time_ in range(options.times):
            for engine, source in (("local", "in"), ("ray", "in"), ("local", "one"), ("ray", "one")):
                took = job(folder / source, folder / f"{engine}-{source}-{time_}", engine, options.model)
                found[f"{engine} {source}"].append(took)
                print(
                    f"{engine:6}{'one picture' if source == 'one' else options.count!s:>12}: {took.wall:7.1f} s, "
                    f"{took.working:7.1f} s working, {took.processor:7.1f} s of processors",
                    flush=True,
                )
    processor = {what: statistics.median(one.processor for one in took) for what, took in found.items()}
    working = {what: statistics.median(one.working for one in took) for what, took in found.items()}
    ours, theirs = (processor[f"{engine} in"] - processor[f"{engine} one"] for engine in ("local", "ray"))
    print(f"overhead without start and end: {100 * (theirs / ours - 1):+.1f} % of processor time, ", end="")
    print(f"{100 * (working['ray in'] / working['local in'] - 1):+.1f} % of the time while pictures are worked on")
    print(f"start and end of Ray: {processor['ray one'] - processor['local one']:.1f} s of processors")


def job(source: Path, target: Path, engine: str, model: str) -> Took:
    """Run the command."""
    cores = usable_cores()
    more = ["--engine", "ray", "--cpus-per-worker", str(cores)] if engine == "ray" else []
    command = [sys.executable, str(ROOT / "cli.py"), "enhance", str(source), str(target), "--model", model, "--json"]
    fixed = ["--device", "cpu", "--precision", "fp32", "--threads", str(cores), "--workers", "2"]
    token = secrets.token_hex(8)
    began = time.perf_counter()
    spent: dict[int, float] = {}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([*command, *fixed, *more], stdout=said, env={**os.environ, _MARK: token})
        while process.poll() is None:
            spent.update(processors(f"{_MARK}={token}".encode()))
            time.sleep(0.25)
        wall = time.perf_counter() - began
        said.seek(0)
        summary = json.loads(said.read().splitlines()[-1])
    if process.returncode:
        raise SystemExit(f"{engine} ended with {process.returncode}")
    return Took(wall, summary["seconds"], sum(spent.values()))


def send(count: int) -> None:
    """Send batches to a worker that does nothing, of which it has two at a time, as in a job."""
    ray = import_ray()
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20)
    worker = ray.remote(num_cpus=1)(Idle).remote()
    names = tuple(Sent(f"/photos/{i:08}.jpg", f"/large/{i:08}.jpg", f"{i:08}.jpg", f"{i:08}.jpg") for i in range(16))
    open_ = [worker.run.remote(Batch(number, names)) for number in range(2)]
    ray.get(open_[0])
    wall, processor = time.perf_counter(), time.process_time()
    for number in range(count):
        (done,), open_ = ray.wait(open_, num_returns=1)
        ray.get(done)
        open_.append(worker.run.remote(Batch(number, names)))
    spent = time.process_time() - processor
    print(f"{1e3 * spent / count:.2f} ms of processor time of the driver for a batch, ", end="")
    print(f"{count / (time.perf_counter() - wall):,.0f} batches a second with one worker")
    ray.shutdown()


class Idle:
    """A worker that says that all is done."""

    def run(self, batch: Batch) -> Done:
        """The end of a batch."""
        return Done(batch.number, [Row("enhanced", size_in=(1, 1), size_out=(2, 2))] * len(batch.pictures), 0.0)


def processors(mark: bytes) -> dict[int, float]:
    """Seconds of processor time of each process that has this in its environment."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                if mark in (folder / "environ").read_bytes():
                    values = (folder / "stat").read_text().rpartition(") ")[2].split()
                    found[int(folder.name)] = (int(values[11]) + int(values[12])) / _TICKS
    return found


if __name__ == "__main__":
    main()
