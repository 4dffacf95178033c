"""Check everything that a GPU changes, on a machine that has one, in one go: a table, and JSON to keep.

    python scripts/gpu_check.py [--out gpu.json] [--photos FOLDER] [--minutes 8] [--part NAME ...]

The parts:

- machine: GPUs, driver, packages, and what `restore doctor` says of each device.
- tests: `pytest -m gpu`, which compares devices and precisions with the CPU, exhausts memory, and trains.
- bench: every model in every precision on the GPU, milliseconds a megapixel and peak memory of the GPU.
- folder: `restore enhance` over a folder of 1-megapixel JPEGs, and how much of the time the network alone would take.
- pipeline: the same with a network that costs nothing: what decoding, tiling and encoding can feed.
- torch: the models' networks in plain torch on the GPU.
- training: steps a second beside a bare loop (scripts/bench_training.py).

Needs no network. A part whose hardware or packages are missing says so and is skipped; a part that fails does not end
the others, and the exit code is then 1. Without --photos, pictures and training use synthetic photographs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import numpy as np
from bench_folder import cut, torch_network
from bench_training import throughput
from PIL import Image

from restore.runtime.cpu import cpu_name, usable_cores
from restore.runtime.gpu import free_gpu_memory, gpus
from restore.spec import METADATA_KEY
from restore.utils.atomic_write import write_bytes
from restore.utils.json_types import JsonObject
from restore.verify.pictures import scene
from restore.zoo.find import entries, find

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("torch", "onnxruntime-gpu", "onnxruntime", "tensorrt", "onnxruntime-ep-nv-tensorrt-rtx")
MODEL = "sr-x2"


class NothingToCheckError(Exception):
    """The part cannot run here; the message says why."""


@dataclass
class Options:
    """What the parts work with.

    Attributes:
        photos: folder of photographs.
        count: pictures of the folder job.
        side: of a picture, pixels.
        steps: training steps of a measurement.
        until: when to stop, on the monotonic clock.
    """

    photos: Path
    count: int
    side: int
    steps: int
    until: float

    def left(self) -> float:
        """Seconds left, at least one."""
        return max(1.0, self.until - time.monotonic())


def main() -> None:
    """Run the parts, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="JSON file of the results")
    parser.add_argument("--photos", type=Path, help="folder of photographs of at least --side pixels")
    parser.add_argument("--part", action="append", choices=list(PARTS), help="run only this one; repeatable")
    parser.add_argument("--minutes", type=float, default=8, help="limit for all parts (default: 8)")
    parser.add_argument("--count", type=int, default=200, help="pictures of the folder job (default: 200)")
    parser.add_argument("--side", type=int, default=1000, help="of a picture, pixels (default: 1000)")
    parser.add_argument("--steps", type=int, default=400, help="training steps of a measurement (default: 400)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        photos = asked.photos or synthetic(Path(name) / "photos", asked.side)
        until = time.monotonic() + 60 * asked.minutes
        options = Options(photos, asked.count, asked.side, asked.steps, until)
        found = {part: result(PARTS[part], options) for part in asked.part or PARTS}
    print("\n".join(table(found)))
    if asked.out:
        write_bytes(asked.out, (json.dumps(found, indent=1) + "\n").encode())
    raise SystemExit(any("failed" in part for part in found.values()))


def result(part: Callable[[Options], JsonObject], options: Options) -> JsonObject:
    """What a part found, with its seconds; or why it was skipped, or how it failed."""
    began = time.monotonic()
    found: JsonObject
    try:
        if time.monotonic() > options.until:
            raise NothingToCheckError("no time was left; raise --minutes, or name parts with --part")
        with gpu_memory() as memory:
            found = part(options)
        if memory.peak:
            found["gpu_memory_gb"] = round(memory.peak / 1e9, 2)
    except NothingToCheckError as reason:
        return {"skipped": str(reason)}
    except subprocess.CalledProcessError as error:
        found = {"failed": f"{' '.join(map(str, error.cmd[:6]))} ...: {last_lines(error.stderr or error.stdout)}"}
    except Exception as error:  # one part must not end the others
        found = {"failed": f"{type(error).__name__}: {error}"}
    found["seconds"] = round(time.monotonic() - began, 1)
    return found


def table(found: JsonObject) -> Iterator[str]:
    """The results as lines of text: a part, and what it found, one fact a line."""
    for part, facts in found.items():
        for number, (key, value) in enumerate(facts.items()):
            rows = value if isinstance(value, list) else [value]
            for row, fact in enumerate(rows):
                said = "  ".join(f"{k} {v}" for k, v in fact.items()) if isinstance(fact, dict) else fact
                yield f"{part if number == row == 0 else '':10}{key if row == 0 else '':16}{said}"


def machine(_: Options) -> JsonObject:
    """Hardware and packages."""
    doctor = run("doctor", check=False)
    return {
        "gpus": [f"{gpu.name}, {gpu.memory / 2**30:.0f} GiB" for gpu in gpus()] or "none",
        "driver": driver(),
        "cpu": f"{cpu_name()}, {usable_cores()} cores",
        "python": platform.python_version(),
        "packages": {name: installed for name in PACKAGES if (installed := installed_version(name))},
        "doctor": [line.rstrip() for line in doctor.stdout.splitlines() if line.strip()],
    }


def tests(options: Options) -> JsonObject:
    """The tests that need a GPU."""
    need_gpu()
    with tempfile.TemporaryDirectory() as name:
        report = Path(name) / "report.xml"
        # Without the project's own options, which need pytest-xdist.
        command = [sys.executable, "-m", "pytest", "-o", "addopts=", "-m", "gpu", f"--junitxml={report}", "tests/gpu"]
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=options.left(), check=False)
        if not report.exists():
            raise RuntimeError("pytest wrote no report")
        return outcomes(ET.parse(report).getroot())


def outcomes(report: ET.Element) -> JsonObject:
    """Counts of a junit report, and what failed and was skipped, with the reasons."""
    cases = list(report.iter("testcase"))
    wrong = [(case, fault) for case in cases for fault in (*case.iter("failure"), *case.iter("error"))]
    skipped = [(case, reason) for case in cases for reason in case.iter("skipped")]
    found: JsonObject = {"passed": len(cases) - len({id(case) for case, _ in (*wrong, *skipped)})}
    for name, listed in (("wrong", wrong), ("left out", skipped)):
        if listed:
            found[name] = [
                f"{case.get('name')}: {(why.get('message') or '').partition(chr(10))[0]}" for case, why in listed
            ]
    if wrong:
        found["failed"] = f"{len(wrong)} tests"
    return found


def bench(options: Options) -> JsonObject:
    """Every model on the GPU."""
    need_gpu()
    done = run("bench", "--device", "cuda:0", "--repeats", "3", "--json", limit=options.left(), check=False)
    rows = json.loads(done.stdout)["rows"]
    return {
        "models": [
            {key: row[key] for key in ("model", "precision", "ms_per_megapixel", "output_rate", "error") if key in row}
            for row in rows
        ]
    }


def folder(options: Options) -> JsonObject:
    """The folder command on the GPU, and its network alone."""
    need_gpu()
    need_onnxruntime()
    with tempfile.TemporaryDirectory() as name:
        cut(options.photos, Path(name) / "in", options.count, options.side)
        seconds = timed_job(Path(name), MODEL, "cuda:0", options)
        alone = network_seconds(MODEL, "cuda:0", options.side) * options.count
    return {
        "model": MODEL,
        "pictures_per_s": round(options.count / seconds, 1),
        "network_share": round(alone / seconds, 2),
    }


def pipeline(options: Options) -> JsonObject:
    """The folder command with a network that costs nothing."""
    with tempfile.TemporaryDirectory() as name:
        cut(options.photos, Path(name) / "in", options.count, options.side)
        model = Path(name) / "free.onnx"
        model.write_bytes(free_network())
        seconds = timed_job(Path(name), str(model), "cpu", options)
    return {"pictures_per_s": round(options.count / seconds, 1), "cores": usable_cores()}


def in_torch(options: Options) -> JsonObject:
    """The models of plain operators in torch on the GPU, in half precision and channels last."""
    need_gpu()
    torch = need_torch()
    rows = []
    for name in (entry.name for entry in entries()):
        try:
            network, _ = torch_network(find(name), torch.float16, "cuda")
        except KeyError:
            continue  # an operator that the loop does not know
        picture = torch.rand(1, 3, options.side, options.side, device="cuda")
        with torch.inference_mode():
            seconds = [seconds_of(partial(network, picture), torch.cuda.synchronize) for _ in range(4)]
        rows.append({"model": name, "ms_per_megapixel": round(1e9 * min(seconds[1:]) / options.side**2, 2)})
    return {"fp16": rows}


def training(options: Options) -> JsonObject:
    """Steps a second, beside a bare loop."""
    need_gpu()
    need_torch()
    return {
        size: {key: round(value, 1) for key, value in throughput(size, data, options.steps, "cuda").items()}
        for size in ("144k", "479k")
        for data in [options.photos]
    }


PARTS: dict[str, Callable[[Options], JsonObject]] = {
    "machine": machine,
    "tests": tests,
    "bench": bench,
    "folder": folder,
    "pipeline": pipeline,
    "torch": in_torch,
    "training": training,
}


def need_gpu() -> None:
    """Skip the part where there is no GPU."""
    if not gpus():
        raise NothingToCheckError("no NVIDIA GPU")


def need_onnxruntime() -> None:
    """Skip the part where onnxruntime cannot use the GPU."""
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise NothingToCheckError("this onnxruntime has no CUDA provider: install onnxruntime-gpu")


def need_torch() -> ModuleType:
    """torch, if it can use the GPU."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise NothingToCheckError("torch is not installed") from error
    if not torch.cuda.is_available():
        raise NothingToCheckError("this torch finds no CUDA GPU")
    return torch


def run(*words: str, limit: float | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A command of ``restore``."""
    command = [sys.executable, str(ROOT / "cli.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=limit, check=check)


def timed_job(folder: Path, model: str, device: str, options: Options) -> float:
    """Seconds of the folder command, all of it."""
    began = time.perf_counter()
    run("enhance", str(folder / "in"), str(folder / "out"), "--model", model, "--device", device, limit=options.left())
    return time.perf_counter() - began


def network_seconds(model: str, device: str, side: int) -> float:
    """Seconds of the model alone for a picture, pixels to pixels."""
    from restore.runtime.stream import enhance_pixels
    from restore.zoo.open import open_named

    opened = open_named(model, device)
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    return min(seconds_of(lambda: enhance_pixels(picture, opened, opened.spec)) for _ in range(4))


def free_network() -> bytes:
    """A model that returns its input."""
    import onnx
    from onnx import TensorProto, helper

    sides = ["n", 3, "h", "w"]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in ("input", "output"))
    graph = helper.make_graph([helper.make_node("Identity", ["input"], ["output"])], "free", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    spec = {"name": "free", "task": "restoration", "scale": 1, "halo": 0, "licence": "MIT", "network": "identity"}
    helper.set_model_props(model, {METADATA_KEY: json.dumps(spec)})
    data: bytes = model.SerializeToString()
    onnx.checker.check_model(model)
    return data


def synthetic(out: Path, side: int) -> Path:
    """A folder of synthetic photographs, for machines without any."""
    out.mkdir(parents=True)
    for number in range(8):
        shifted = np.roll(scene(side + 8, side + 8), 37 * number, axis=1)
        Image.fromarray(shifted.astype(np.uint8)).save(out / f"{number}.png")
    return out


def seconds_of(work: Callable[[], object], finish: Callable[[], object] = lambda: None) -> float:
    """Seconds that something takes, until ``finish`` returns."""
    began = time.perf_counter()
    work()
    finish()
    return time.perf_counter() - began


@dataclass
class Memory:
    """The most memory of the first GPU in use, bytes, beyond what was in use before."""

    peak: int = 0


@contextmanager
def gpu_memory() -> Iterator[Memory]:
    """Watch the memory of the first GPU."""
    memory, done = Memory(), threading.Event()
    before = free_gpu_memory(0) if gpus() else None

    def watch() -> None:
        while not done.wait(0.1):
            now = free_gpu_memory(0)
            if before is not None and now is not None:
                memory.peak = max(memory.peak, before - now)

    thread = threading.Thread(target=watch, daemon=True)
    if before is not None:
        thread.start()
    try:
        yield memory
    finally:
        done.set()
        if before is not None:
            thread.join()


def driver() -> str:
    """The driver's version, by nvidia-smi."""
    try:
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout.split("\n")[0]
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def installed_version(name: str) -> str:
    """A package's version; empty if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def last_lines(text: str | bytes | None) -> str:
    """The end of what a command printed."""
    said = text.decode(errors="replace") if isinstance(text, bytes) else text or "it printed nothing"
    return " / ".join(said.strip().splitlines()[-3:])


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    main()
