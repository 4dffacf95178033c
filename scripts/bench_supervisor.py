"""Measure what the process costs that watches over a folder job and goes on with it after a crash.

    python scripts/bench_supervisor.py [--counts 2 20 100] [--side 400] [--rounds 5] [--model sr-x2]

Enhances folders of photographs, JPEG to JPEG, with that process and without it by turns. Prints CPU seconds, the least
of all rounds, since other programs only add to them. Needs a system with ``wait4``, such as Linux.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
# Python code that calls the command has no process of its own.
_UNWATCHED = "import sys; from restore.cli.main import main; main(sys.argv[1:], prog_name='restore')"
_PARENT = "import restore.cli.main, restore.cli.enhance, restore.cli.job_supervisor"


def main() -> None:
    """Measure folders of each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", nargs="+", default=[2, 20, 100], type=int, help="pictures")
    parser.add_argument("--side", default=400, type=int, help="pixels")
    parser.add_argument("--rounds", default=5, type=int)
    parser.add_argument("--model", default="sr-x2", help="name in the zoo")
    options = parser.parse_args()
    ways = {"watched": [str(ROOT / "cli.py")], "unwatched": ["-c", _UNWATCHED]}
    with tempfile.TemporaryDirectory() as name:
        for count in options.counts:
            source = Path(name) / str(count)
            write(source, count, options.side)
            found: dict[str, list[float]] = {way: [] for way in ways}
            for number in range(options.rounds):
                for way, start in ways.items():
                    target = Path(name) / f"{count}-{way}-{number}"
                    how = ["--model", options.model, "--device", "cpu", "--precision", "fp32", "--threads", "1"]
                    found[way].append(cpu_seconds([*start, "enhance", str(source), str(target), *how]))
            watched, unwatched = (min(found[way]) for way in ways)
            print(
                f"{count:4} pictures of {options.side} x {options.side}: {unwatched:7.2f} -> {watched:7.2f} s "
                f"({watched / unwatched - 1:+.1%})",
                flush=True,
            )
    print(f"the process alone: {min(cpu_seconds(['-P', '-c', _PARENT]) for _ in range(options.rounds)):.2f} s")


def write(folder: Path, count: int, side: int) -> None:
    """Pictures with detail and noise as in photographs."""
    folder.mkdir()
    y, x = np.mgrid[:side, :side]
    for number in range(count):
        noise = np.random.default_rng(number).normal(0, 6, (side, side, 3))
        waves = 60 * np.sin((x + number) / 37)[..., None] * np.cos(y / 23)[..., None] + noise + (150, 120, 90)
        Image.fromarray(waves.clip(0, 255).astype(np.uint8)).save(folder / f"{number:03}.jpg", quality=92)


def cpu_seconds(arguments: list[str]) -> float:
    """CPU seconds of a Python process and its children."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
