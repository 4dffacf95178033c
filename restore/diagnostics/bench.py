"""Benchmark models on this machine's devices, each in its own process, so that peak memory is its own too.

``python -m restore.diagnostics.bench REQUEST`` is that process: it measures one case and prints a line of JSON.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from restore.errors import RestoreError
from restore.runtime.cpu import cpu_name, usable_cores
from restore.runtime.gpu import gpus
from restore.utils.isolated_process import ApartError, run_apart
from restore.zoo.find import entries, find
from restore.zoo.precision import Precision, family


@dataclass(frozen=True)
class Case:
    """One benchmark: a model file of one precision on one device, with a square picture.

    Attributes:
        model: name or path.
        precision: of the file.
        device: as for ``--device``.
        size: side of the picture in pixels.
        tile: largest side of a tile; None chooses by memory.
        threads: CPU threads; None for all cores.
        repeats: runs after the first, whose median is reported.
    """

    model: str
    precision: Precision
    device: str
    size: int = 1024
    tile: int | None = None
    threads: int | None = None
    repeats: int = 5


@dataclass(frozen=True)
class Row:
    """Result of a case.

    Attributes:
        case: what was measured.
        error: why it failed; the fields below are then meaningless.
        ran_on: the device actually used.
        ms_per_megapixel: milliseconds per million input pixels, including conversions and tiling but not files.
        output_rate: millions of output pixels per second.
        peak: peak main memory in bytes; None if the system does not report it.
        name: the model's name in its file.
    """

    case: Case
    error: str = ""
    ran_on: str = ""
    ms_per_megapixel: float = 0.0
    output_rate: float = 0.0
    peak: int | None = None
    name: str = ""


def machine(threads: int | None) -> dict[str, str | int | float | None]:
    """The context of the results: processor, threads, and load from other work."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"cpu": cpu_name(), "threads": threads or usable_cores(), "cores": usable_cores(), "load_average": load}


def cases(
    models: Sequence[str],
    devices: Sequence[str],
    precisions: Sequence[Precision],
    size: int,
    tile: int | None,
    threads: int | None,
    repeats: int,
) -> list[Case]:
    """Every model on every device in every precision; an empty list means all available.

    Raises:
        ModelError: a named model does not exist.
    """
    names = models or [entry.name for entry in entries()]
    places = devices or ["cpu", *(f"cuda:{number}" for number in range(len(gpus())))]
    return [
        Case(name, precision, device, size, tile, threads, repeats)
        for name in names
        for device in places
        for precision in precisions or family(find(name))
    ]


def run(wanted: Sequence[Case]) -> Iterator[Row]:
    """Measure the cases one by one; a case that cannot run yields a row with the error."""
    for case in wanted:
        try:
            answer = run_apart("restore.diagnostics.bench", json.dumps(asdict(case)))
        except ApartError as error:
            yield Row(case, error=str(error))
        else:
            yield Row(case, **answer)


def measure(case: Case) -> dict[str, str | float | int | None]:
    """Measure in this process. Returns the fields of a row."""
    import numpy as np

    from restore.runtime.stream import enhance_pixels
    from restore.zoo.open import open_named

    pixels = np.random.default_rng(0).integers(0, 256, (case.size, case.size, 3), dtype=np.uint8)
    times = []
    try:
        model = open_named(case.model, case.device, case.precision, case.threads)
        for _ in range(1 + case.repeats):
            began = time.perf_counter()
            enhance_pixels(pixels, model, model.spec, case.tile)
            times.append(time.perf_counter() - began)
    except (RestoreError, MemoryError) as error:
        return {"error": str(error) or "not enough memory"}
    seconds, megapixels = statistics.median(times[1:]), case.size**2 / 1e6
    return {
        "ran_on": model.device,
        "ms_per_megapixel": seconds * 1000 / megapixels,
        "output_rate": megapixels * model.spec.scale**2 / seconds,
        "peak": peak_memory(),
        "name": model.spec.name,
    }


def peak_memory() -> int | None:
    """Peak main memory of this process in bytes; None if the system does not report it."""
    try:
        # Not getrusage: on Linux it includes the parent's memory at the time of the fork.
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        if platform.system() != "Darwin":
            return None
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Case(**json.loads(sys.argv[1])))) + "\n")
