"""Compare training speed with a bare loop: same network, losses, optimizer and precision, without data loading.

    python scripts/bench_training.py --data PHOTOGRAPHS [--steps 400] [--rounds 3] [--device cuda]

PHOTOGRAPHS is a folder of photographs, with subfolders or without. For each network size both run alternately, each in
a separate process with all cores, so that other load on the machine affects both. The first hundred steps of each run
are not timed. The bare loop repeats one random batch: forward, L1 on RGB and luma, backward, Adam.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from restore.runtime.cpu import cpu_name, usable_cores
from restore.training.recipe_file import load_recipe
from restore.training.state import new_run

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / "models/sr-x4/recipe.yaml"
SIZES = {"144k": ("network.width=32", "network.blocks=7"), "479k": ("network.width=48", "network.blocks=11")}
# From fresh weights, on any folder.
ANYWHERE = ("data.train=[.]", "train.start_share=0")
# Warm-up steps that are not timed.
WARM = 100


def main() -> None:
    """Print steps per second of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path, help="folder of the recipe's folders of photographs")
    parser.add_argument("--steps", type=int, default=400, help="steps of each run (default: 400)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="default: cpu")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        print(bare(SIZES[options.bare], options.steps, torch.device(options.device)))
        return
    print(f"{cpu_name()}, {usable_cores()} cores, torch {torch.__version__}, on {options.device}")
    for name in SIZES:
        rounds = [throughput(name, options.data, options.steps, options.device) for _ in range(options.rounds)]
        left, right = (statistics.median(one[key] for one in rounds) for key in ("bare", "restore"))
        print(f"{name}: bare loop {left:.2f} steps/s, restore train {right:.2f} steps/s: {right / left:.2f} of it")


def throughput(size: str, data: Path, steps: int, device: str) -> dict[str, float]:
    """Steps per second of the bare loop and of ``restore train``, each in a process of its own.

    Args:
        size: one of :data:`SIZES`.
        data: folder of photographs.
        steps: of each run.
        device: ``cpu`` or ``cuda``.
    """
    command = [sys.executable, __file__, "--data", str(data), "--steps", str(steps), "--device", device]
    done = subprocess.run([*command, "--bare", size], capture_output=True, text=True, check=True)
    return {"bare": float(done.stdout), "restore": trained(SIZES[size], data, steps, device)}


def bare(changes: tuple[str, ...], steps: int, device: torch.device) -> float:
    """Steps per second of the loop alone."""
    recipe = load_recipe(RECIPE, (*changes, *ANYWHERE))
    run = new_run(recipe, Path("unused"), device)  # for its network and its precision
    side, scale, batch = recipe.data.patch, recipe.scale, recipe.train.batch
    generator = torch.Generator().manual_seed(0)
    low, high = (
        torch.rand(batch, 3, n, n, generator=generator).to(device, memory_format=torch.channels_last)
        for n in (side, side * scale)
    )
    luma = torch.tensor([65.481, 128.553, 24.966], device=device).div(255.0)[None, :, None, None]
    optimizer = torch.optim.Adam(run.network.parameters(), lr=1e-4, fused=True)
    for step in range(steps):
        if step == WARM:
            finish(device)
            began = time.monotonic()
        optimizer.zero_grad(set_to_none=True)
        with run.autocast():
            output = run.network(low)
        output = output.float()
        loss = F.l1_loss(output, high) + F.l1_loss(F.conv2d(output, luma), F.conv2d(high, luma))
        torch.autograd.backward(loss)
        optimizer.step()
    finish(device)
    return (steps - WARM) / (time.monotonic() - began)


def finish(device: torch.device) -> None:
    """Wait until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def trained(changes: tuple[str, ...], data: Path, steps: int, device: str) -> float:
    """Steps per second of ``restore train``."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "cli.py"), "train", str(RECIPE), "--data", str(data), "--device", device]
        # Decode photographs in advance, as in a long run; exclude validation from the timing.
        settings = [*changes, *ANYWHERE, f"train.steps={steps}", "validation.every=1000000", "data.holdout=1"]
        command += ["--out", folder, *(part for setting in settings for part in ("--set", setting))]
        subprocess.run(command, capture_output=True, text=True, check=True)
        rows = [json.loads(line) for line in (Path(folder) / "log.jsonl").read_text().splitlines()]
    seconds = {row["step"]: row["seconds"] for row in rows if "seconds" in row}
    return (max(seconds) - WARM) / (seconds[max(seconds)] - seconds[WARM])


if __name__ == "__main__":
    main()
