"""Compare the cost of a folder job with that of its network alone, a plain torch loop, and bicubic.

    python scripts/bench_folder.py --photos FOLDER [--model sr-x2] [--count 100] [--side 1000] [--megapixels 50]

Cuts --count squares of --side pixels out of the photographs of FOLDER, saves them as JPEG, and enlarges them

- with the network alone: its session on prepared floats, discarding the results,
- with ``restore enhance``, the whole command including start-up, in fp32, in the precision it chooses itself, and with
  OpenVINO's plug-in where it works,
- with a sequential loop, as in most tools: read with OpenCV, cut into tiles, run the same network in torch, in fp32 and
  on processors with bfloat16 in that too, assemble, write with OpenCV,
- with a loop that resizes with OpenCV's bicubic.

Finally, it enlarges one picture of --megapixels (0 skips it). Each variant runs in a separate process, so that its peak
memory can be measured. Needs Linux, and the `train` extra for the torch loop. Results from a busy machine are
unreliable, so the load is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restore.imaging.decode import read_rgb8
from restore.imaging.formats import PHOTO_SUFFIXES
from restore.runtime.cpu import BF16_FEATURES, cpu_features, cpu_name, usable_cores
from restore.runtime.tiling import Tile, tiles
from restore.spec import ModelSpec
from restore.zoo.find import find
from restore.zoo.precision import family

ROOT = Path(__file__).resolve().parents[1]
TILE = 512


@dataclass(frozen=True)
class Measured:
    """A finished process: its wall time, last printed line, and peak memory in GB."""

    seconds: float
    printed: str
    memory: float


def main() -> None:
    """Cut the pictures and time each variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photographs to cut from")
    parser.add_argument("--model", default="sr-x2", help="name in the zoo")
    parser.add_argument("--count", default=100, type=int, help="pictures")
    parser.add_argument("--side", default=1000, type=int, help="pixels")
    parser.add_argument("--megapixels", default=50, type=int, help="of the one large picture")
    parser.add_argument("--way", choices=list(WAYS), help=argparse.SUPPRESS)  # this process is one of the ways
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        WAYS[options.way](options.photos, options.file, options.out)
        return

    files = family(find(options.model))
    print(f"{cpu_name()}, {usable_cores()} cores, load {os.getloadavg()[0]:.1f}; {options.model}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")  # without what was measured before
        cut(options.photos, folder / "in", options.count, options.side)
        print(f"{options.count} pictures of {options.side} x {options.side}, JPEG to JPEG")
        alone = {kind: network_seconds(folder, file) for kind, file in files.items() if kind in ("fp32", "int8")}
        if reason := no_openvino(files["fp32"]):
            print(f"openvino is left out: {reason}")
        else:
            alone |= {kind: network_seconds(folder, files["fp32"], kind) for kind in ("openvino", *openvino_bf16())}
        loop = run_way("torch", folder, files["fp32"])
        rows = [("plain torch loop, fp32", loop, None)]
        if cpu_features() & BF16_FEATURES:  # emulated, it takes five times as long as fp32
            rows.append(("plain torch loop, bf16", run_way("torch-bf16", folder, files["fp32"]), None))
        for kind, seconds in alone.items():
            done = enhance(folder, "in", f"restore-{kind}", options.model, *ASKED[kind])
            rows.append((f"restore enhance, {kind}", done, seconds))
        done = enhance(folder, "in", "restore-first", options.model)  # may measure which backend is the fastest
        rows.append(("restore enhance, default, first time", done, None))
        done = enhance(folder, "in", "restore-default", options.model)
        rows.append((f"... again: {backend(done)}", done, None))
        rows.append(("... to PNG", enhance(folder, "in", "restore-png", options.model, "--format", "png"), None))
        rows.append(("loop of OpenCV's bicubic", run_way("bicubic", folder, files["fp32"]), None))
        for kind, seconds in alone.items():
            print(f"{f'network alone, {kind}':36}{seconds:8.2f} s")
        for label, done, network in rows:
            beside = f"   {done.seconds / network:.2f} x its network alone" if network else ""
            faster = f"   {loop.seconds / done.seconds:.2f} x as fast as the torch loop" if done is not loop else ""
            print(f"{label:36}{done.seconds:8.2f} s   {done.memory:5.2f} GB{beside}{faster}", flush=True)
        if options.megapixels:
            large(options.photos, folder / "large-in", options.megapixels)
            for suffix in ("jpg", "png"):
                done = enhance(folder, "large-in", f"large-{suffix}", options.model, "--format", suffix)
                label = f"one picture of {options.megapixels} MP, to {suffix}"
                print(f"{label:36}{done.seconds:8.2f} s   {done.memory:5.2f} GB")


def measured(command: list[str]) -> Measured:
    """Run a command and wait for it.

    Raises:
        SystemExit: it failed.
    """
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        # Not the kernel's figure for a finished child: that includes its parent's memory at the start.
        peak = max(peak, sum(largest(pid) for pid in with_children(process.pid)))
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    assert process.stdout is not None
    printed = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {printed}")
    return Measured(seconds, printed, peak / 1e9)


def with_children(pid: int) -> list[int]:
    """A process and all that it started: a job runs in a child, which is started again if it crashes."""
    found = [pid]
    for parent in found:
        for file in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # it has just ended
                found += map(int, file.read_text().split())
    return found


def largest(pid: int) -> int:
    """The most memory that a process has held, in bytes; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def enhance(folder: Path, source: str, target: str, model: str, *more: str) -> Measured:
    """The folder command."""
    paths = [str(folder / source), str(folder / target)]
    return measured([sys.executable, str(ROOT / "cli.py"), "enhance", *paths, "--model", model, *more])


def run_way(way: str, folder: Path, file: Path) -> Measured:
    """Run one of :data:`WAYS` in a separate process."""
    paths = ["--photos", str(folder / "in"), "--file", str(file), "--out", str(folder / f"out-{way}")]
    return measured([sys.executable, __file__, "--way", way, *paths])


def network_seconds(folder: Path, file: Path, kind: str = "") -> float:
    """Seconds in the session alone."""
    return float(run_way(f"network-{kind}" if kind.startswith("openvino") else "network", folder, file).printed)


def no_openvino(file: Path) -> str:
    """Why OpenVINO's plug-in cannot run a file; empty if it can."""
    from restore.errors import RestoreError
    from restore.runtime.model import open_model

    try:
        open_model(file, "openvino")
    except RestoreError as error:
        return str(error)
    return ""


def openvino_bf16() -> list[str]:
    """``openvino-bf16`` where the processor has units for it."""
    from restore.runtime.plugin_providers import plugin_device

    return ["openvino-bf16"] * plugin_device("openvino", 0).bf16


def backend(done: Measured) -> str:
    """Where a finished job ran, from its last lines."""
    return next(line for line in done.printed.splitlines() if " enhanced" in line).split("; ")[1].split(",")[0]


def cut(photos: Path, out: Path, count: int, side: int) -> None:
    """Cut squares from photographs that are large enough; save as JPEG."""
    out.mkdir()
    found = [p for p in sorted(photos.rglob("*")) if p.suffix.lower() in PHOTO_SUFFIXES and fits(p, side)]
    if not found:
        raise SystemExit(f"{photos}: no photograph of {side} x {side} pixels")
    for number, path in enumerate(islice(cycle(found), count)):
        Image.fromarray(read_rgb8(path)[:side, :side]).save(out / f"{number:03}.jpg", quality=92)


def fits(path: Path, side: int) -> bool:
    """Whether a square with this side can be cut."""
    with Image.open(path) as image:
        return min(image.size) >= side


def large(photos: Path, out: Path, megapixels: int) -> None:
    """A mosaic of the photographs with about this size, aspect ratio 3:2."""
    out.mkdir()
    height, width = round((megapixels * 1e6 / 1.5) ** 0.5), round((megapixels * 1e6 * 1.5) ** 0.5)
    canvas, y = np.zeros((height, width, 3), np.uint8), 0
    rest = cycle(p for p in sorted(photos.rglob("*")) if p.suffix.lower() in PHOTO_SUFFIXES)
    while y < height:
        row, x = 10**9, 0
        while x < width:
            part = read_rgb8(next(rest))[: height - y, : width - x]
            canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
            row, x = min(row, part.shape[0]), x + part.shape[1]
        y += row
    Image.fromarray(canvas).save(out / "large.jpg", quality=92)


# Variants, each in a separate process. Arguments: folder of pictures, fp32 or int8 model file, folder for results.


def network_way(folder: Path, file: Path, _: Path, device: str = "cpu", bf16: bool = False) -> None:
    """Print the seconds that the session takes for all tiles of all pictures, as many at once as it runs in a job."""
    from restore.runtime.model import open_model

    model = open_model(file, device, bf16=bf16)
    seconds = 0.0
    with ThreadPoolExecutor(model.parallel) as pool:
        for path in sorted(folder.iterdir()):
            pixels = read_rgb8(path)
            parts = [seen(pixels, part) for part in tiles(*pixels.shape[:2], TILE, model.spec.halo)]
            batches = [np.ascontiguousarray(p.transpose(2, 0, 1)[None], dtype=np.float32) / 255 for p in parts]
            began = time.perf_counter()
            for _ in pool.map(model, batches):
                pass  # what it returns is let go
            seconds += time.perf_counter() - began
    print(seconds)


def torch_way(folder: Path, file: Path, out: Path, bf16: bool = False) -> None:
    """Read, tile, run, assemble and write, sequentially."""
    import torch

    run, spec = torch_network(file, torch.bfloat16 if bf16 else torch.float32)
    out.mkdir()
    with torch.inference_mode():
        for path in sorted(folder.iterdir()):
            pixels = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            image = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
            scale = spec.scale
            result = torch.empty(1, 3, image.shape[2] * scale, image.shape[3] * scale)
            for part in tiles(*pixels.shape[:2], TILE, spec.halo):
                rows, columns = part.rows, part.columns
                done = run(image[..., rows.start : rows.stop, columns.start : columns.stop])
                y, x = ((span.first - span.start) * scale for span in (rows, columns))
                height, width = ((span.last - span.first) * scale for span in (rows, columns))
                top, left = rows.first * scale, columns.first * scale
                result[..., top : top + height, left : left + width] = done[..., y : y + height, x : x + width]
            array = (result[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
            cv2.imwrite(str(out / path.name), cv2.cvtColor(array, cv2.COLOR_RGB2BGR))


def bicubic_way(folder: Path, file: Path, out: Path) -> None:
    """Read, resize, write."""
    from restore.runtime.model import file_spec

    scale = file_spec(file).scale
    out.mkdir()
    for path in sorted(folder.iterdir()):
        pixels = cv2.imread(str(path))
        cv2.imwrite(str(out / path.name), cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))


WAYS: dict[str, Callable[[Path, Path, Path], None]] = {
    "network": network_way,
    "network-openvino": partial(network_way, device="openvino"),
    "network-openvino-bf16": partial(network_way, device="openvino", bf16=True),
    "torch": torch_way,
    "torch-bf16": partial(torch_way, bf16=True),
    "bicubic": bicubic_way,
}

# Options of the command for each way to run the network.
ASKED = {
    "fp32": ("--device", "cpu", "--precision", "fp32"),
    "int8": ("--device", "cpu", "--precision", "int8"),
    "openvino": ("--device", "openvino", "--precision", "fp32"),
    "openvino-bf16": ("--device", "openvino", "--precision", "bf16"),
}


def seen(pixels: NDArray[np.uint8], part: Tile) -> NDArray[np.uint8]:
    """The network's input for a tile."""
    return pixels[part.rows.start : part.rows.stop, part.columns.start : part.columns.stop]


def torch_network(file: Path, dtype: Any, device: str = "cpu") -> tuple[Callable[[Any], Any], ModelSpec]:
    """An fp32 file's network in torch, operator by operator, in the fast channels-last layout and a floating type.

    Raises:
        KeyError: it has other operators than the plain networks do.
    """
    import onnx
    import torch
    from onnx import numpy_helper
    from torch.nn import functional as F

    from restore.runtime.model import file_spec

    graph = onnx.load(file).graph
    weights = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()).to(device) for i in graph.initializer}
    weights = {k: v.to(dtype) if v.is_floating_point() else v for k, v in weights.items()}
    weights = {k: v.to(memory_format=torch.channels_last) if v.dim() == 4 else v for k, v in weights.items()}

    def conv(x: Any, weight: Any, bias: Any = None, padding: int = 0) -> Any:
        return F.conv2d(x, weight, bias, padding=padding)

    def operator(node: Any) -> Callable[..., Any]:
        values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Conv":
            return partial(conv, padding=int((values.get("pads") or [0])[0]))
        if node.op_type == "DepthToSpace":
            return partial(F.pixel_shuffle, upscale_factor=int(values["blocksize"]))
        plain: dict[str, Callable[..., Any]] = {"Relu": F.relu, "Add": torch.add}
        return plain[node.op_type]

    steps = [(node.output[0], operator(node), list(node.input)) for node in graph.node]

    def run(x: Any) -> Any:
        values = {**weights, graph.input[0].name: x.to(dtype, memory_format=torch.channels_last)}
        for name, step, inputs in steps:
            values[name] = step(*(values[i] for i in inputs))
        return values[graph.output[0].name].float()

    return run, file_spec(file)


if __name__ == "__main__":
    main()
