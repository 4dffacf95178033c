"""Time the same published network through restore, torch, OpenVINO and ncnn on this CPU, on the same tile and in turns.

    python scripts/bench_runners.py realesrgan-x4plus.onnx spanx4_ch48.onnx --checkpoints PTH --ncnn PARAMS

Each MODEL is a file or a name, made by ``restore import``. The folder of --checkpoints has the file it was imported
from, of the same name (``.pth``, ``.safetensors``), which torch runs in fp32 and bfloat16, channels last. The folder of
--ncnn has it as ``NAME.param`` and ``NAME.bin``, as ncnn's own packages carry them (``pip install ncnn`` runs them).
OpenVINO itself (``pip install openvino``) runs restore's file in the precisions that it has instructions for, also on
processors that its plug-in for onnxruntime, which restore uses, does not take. Where there is no file, or a library is
missing, the row is left out.

Prints a Markdown table: the least and the median milliseconds for a tile (restore runs several side by side with
OpenVINO, each on its share of the cores, and that is how they are timed), how many times as fast as ncnn (or torch in
fp32 where ncnn is missing) as the median over rounds, and the PSNR of the 8-bit result against restore's in fp32, which
shows that all run the same network. What restore cannot use on this processor has no row. On a machine that does other
work, --cpu-time counts the time that the processor spends on it, of one thread.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restore.errors import RestoreError
from restore.metrics.psnr import psnr
from restore.runtime.cpu import cpu_name, usable_cores
from restore.runtime.model import Model
from restore.spec import ModelSpec
from restore.zoo.agreement import batch, probe_pictures
from restore.zoo.backend_cache import Backend
from restore.zoo.backends import OpenOptions, candidates
from restore.zoo.find import find
from restore.zoo.precision import family

Pixels = NDArray[np.uint8]
# From uint8 RGB (H, W, 3) to the same, enlarged: once for each tile that runs side by side with others.
Runner = Callable[[Pixels], list[Pixels]]

EXACT = "restore: onnxruntime fp32"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="names or files of imported models")
    parser.add_argument("--checkpoints", type=Path, help="folder of the files they were imported from")
    parser.add_argument("--ncnn", type=Path, help="folder of the same networks as .param and .bin")
    parser.add_argument("--side", default=256, type=int, help="pixels of the tile")
    parser.add_argument("--rounds", default=5, type=int, help="runs of each, in turns")
    parser.add_argument("--threads", default=usable_cores(), type=int, help="CPU threads")
    parser.add_argument("--cpu-time", action="store_true", help="the processor's time, not the clock's; --threads 1")
    options = parser.parse_args()
    if options.cpu_time and options.threads != 1:
        parser.error("--cpu-time is the sum over threads: add --threads 1")
    print(f"{cpu_name()}, {options.threads} threads, {options.side} px, load {os.getloadavg()[0]:.1f}\n")
    print("| model | runner | ms, least | ms, median | times as fast | dB |")
    print("|---|---|---|---|---|---|")
    for name in options.models:
        table(name, options)


def table(name: str, options: argparse.Namespace) -> None:
    """Print the rows of a model."""
    wish, notes = OpenOptions(name, threads=options.threads), list[str]()
    spec = wish.open(Backend("cpu", "fp32")).spec
    stem = find(name).stem
    tile = probe_pictures(spec, options.side)[0]
    runners = {
        **by_restore(wish, spec, notes),
        **by_openvino(find(name), options.threads, tile.shape, notes),
        **by_torch(first(options.checkpoints, stem, (".pth", ".safetensors")), options.threads, notes),
        **by_ncnn(first(options.ncnn, stem, (".param",)), options.threads, notes),
    }
    clock = time.process_time if options.cpu_time else time.perf_counter
    times, right = timed(runners, tile, options.rounds, clock), runners[EXACT](tile)[0]
    base = next((who for who in ("ncnn", "torch fp32") if who in runners), EXACT)
    for who, run in runners.items():
        ratio = statistics.median(a / b for a, b in zip(times[base], times[who], strict=True))
        ms = [f"{1000 * value(times[who]):.0f}" for value in (min, statistics.median)]
        print(f"| {stem} | {who} | {ms[0]} | {ms[1]} | {ratio:.2f} | {psnr(run(tile)[0], right):.1f} |", flush=True)
    for note in notes:
        print(f"\n{stem}: {note}\n")


def timed(runners: dict[str, Runner], tile: Pixels, rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Seconds for a tile of each, in turns; the first run of each prepares and does not count."""
    times: dict[str, list[float]] = {who: [] for who in runners}
    for number in range(1 + rounds):
        for who, run in runners.items():
            began = clock()
            made = run(tile)
            if number:
                times[who].append((clock() - began) / len(made))
    return times


def by_restore(wish: OpenOptions, spec: ModelSpec, notes: list[str]) -> dict[str, Runner]:
    """The backends and precisions in which restore can run the model here."""
    wanted = [Backend("cpu", "fp32"), *candidates(wish, notes)]
    wanted += [Backend(b.device, "int8") for b in wanted if b.precision == "fp32" and "int8" in family(wish.file)]
    found: dict[str, Runner] = {}
    for backend in dict.fromkeys(wanted):
        try:
            model = wish.open(backend)
        except RestoreError as error:
            notes.append(f"{backend.label}: {error}")
            continue

        def run(tile: Pixels, model: Model = model) -> list[Pixels]:
            begun = [model.begin(*batch(tile, spec)) for _ in range(model.parallel)]
            return [finish()[0] for finish in begun]

        library = "onnxruntime" if backend.device == "cpu" else backend.device
        found[f"restore: {library} {backend.precision}"] = run
    return found


def by_torch(file: Path | None, threads: int, notes: list[str]) -> dict[str, Runner]:
    """Torch in fp32 and bfloat16, channels last."""
    if file is None:
        return {}
    import torch

    from restore.networks.third_party_checkpoint import load_published

    torch.set_num_threads(threads)
    network = load_published(file).network.to(memory_format=torch.channels_last)

    def run(tile: Pixels, low: bool) -> list[Pixels]:
        given = torch.from_numpy(tile).permute(2, 0, 1)[None].float().div(255)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=low):
            made: NDArray[np.float32] = network(given.to(memory_format=torch.channels_last)).float()[0].numpy()
        return [to_pixels(made)]

    return {"torch fp32": lambda tile: run(tile, False), "torch bf16": lambda tile: run(tile, True)}


def by_openvino(file: Path, threads: int, size: tuple[int, ...], notes: list[str]) -> dict[str, Runner]:
    """OpenVINO by itself, for pictures of that height and width."""
    try:
        import openvino
    except ImportError:
        notes.append("OpenVINO: pip install openvino")
        return {}
    core = openvino.Core()
    model = core.read_model(file)
    model.reshape([1, 3, *size[:2]])
    found: dict[str, Runner] = {}
    for precision, needed in (("f32", "FP32"), ("bf16", "BF16")):
        if needed in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            wish = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads}
            compiled = core.compile_model(model, "CPU", wish)

            def run(tile: Pixels, compiled: openvino.CompiledModel = compiled) -> list[Pixels]:
                given = tile.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)
                return [to_pixels(compiled([given])[0][0])]

            found[f"OpenVINO {precision.replace('f32', 'fp32')}"] = run
    return found


def by_ncnn(file: Path | None, threads: int, notes: list[str]) -> dict[str, Runner]:
    """ncnn as its packages set it up, on the CPU."""
    if file is None:
        return {}
    try:
        import ncnn
    except ImportError:
        notes.append("ncnn: pip install ncnn")
        return {}
    net = ncnn.Net()
    net.opt.num_threads = threads
    if net.load_param(str(file)) or net.load_model(str(file.with_suffix(".bin"))):
        raise SystemExit(f"{file}: ncnn cannot load it")

    def run(tile: Pixels) -> list[Pixels]:
        values = np.ascontiguousarray(tile.transpose(2, 0, 1), np.float32) / np.float32(255)
        with net.create_extractor() as extractor:
            extractor.input(net.input_names()[0], ncnn.Mat(values).clone())
            _, made = extractor.extract(net.output_names()[0])
            return [to_pixels(np.array(made))]

    return {"ncnn": run}


def to_pixels(made: NDArray[np.float32]) -> Pixels:
    """Float (3, H, W) on 0..1 to uint8 (H, W, 3)."""
    return np.clip(np.rint(made.transpose(1, 2, 0) * 255), 0, 255).astype(np.uint8)


def first(folder: Path | None, stem: str, suffixes: tuple[str, ...]) -> Path | None:
    """The file of that name in a folder, if there is one."""
    if folder is None:
        return None
    return next((file for suffix in suffixes if (file := folder / f"{stem}{suffix}").is_file()), None)


if __name__ == "__main__":
    main()
