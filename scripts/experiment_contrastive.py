"""How much does a contrastive term help? Fine-tune a network with and without it, on the same schedule and seeds.

    python scripts/experiment_contrastive.py --data PHOTOGRAPHS --testsets TESTSETS --start CHECKPOINT [--part 1/2]

From one checkpoint of models/sr-x4/start.yaml, every arm trains for --steps with each of --seeds seeds: the control
(L1 alone), and L1 with PCL-SR's samples and each objective, in the features of a discriminator trained alongside the
network and in those of EfficientNet-Lite0. Every run is measured on Set5, Set14 and Kodak24: PSNR and SSIM with the
usual protocol, the distance of EfficientNet-Lite0's features (this project's own, not LPIPS), and NIQE.

The weight of the term is chosen first, with --scan: InfoNCE in both feature spaces, one seed, several weights; the
largest that costs at most 0.05 dB on the held-out photographs is used. The test sets play no part in this.

Finished runs are skipped, interrupted ones resumed. --part i/n does every n-th run, for n processes; once all results
exist, the table is written to --table.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from restore.imaging.decode import read_rgb8
from restore.metrics.learned.feature_distance import FeatureDistance
from restore.metrics.niqe import niqe
from restore.metrics.sr_protocol import reduce, score
from restore.training.checkpoint import LAST
from restore.training.train import Options, start
from restore.training.trained_network import load_trained
from restore.training.validation import enlarge
from restore.utils.atomic_write import write_bytes

ROOT = Path(__file__).resolve().parents[1]
OBJECTIVES = {
    "infonce": "{kind: infonce, temperature: 1.0}",
    "dcl": "{kind: dcl, temperature: 1.0}",
    "macl": "{kind: macl, temperature: 1.0}",
    "debiased": "{kind: debiased, temperature: 1.0}",
    "l1-ratio": "{kind: l1-ratio}",
}
ENCODERS = {"discriminator": "{kind: discriminator}", "efficientnet": "{kind: efficientnet-lite0}"}
DISCRIMINATOR = "{network: {kind: haar, norm: group, width: 32, taps: [4]}, form: contrastive}"
SAMPLES = "positives: [{kind: target}, {kind: sharpen, count: 2}], negatives: [{kind: input}, {kind: blur, count: 2}]"
# Chosen by --scan.
WEIGHTS = {"discriminator": 0.01, "efficientnet": 0.01}
SCANNED = (0.001, 0.003, 0.01, 0.03)
# Written by a person who inspected the pictures behind the published table.
LOOKED = [
    "Crops of butterfly (Set5) and of Kodak's 5 and 8, next to the originals: in the discriminator's features,",
    "outlines are slightly crisper than the control's (with l1-ratio visibly so), and nothing is invented.",
    "EfficientNet-Lite0's features put a weave on smooth areas, faint with InfoNCE and clear with l1-ratio: the",
    "network adds a regular pattern to be unlike a blurred picture. NIQE, and even the distance in those",
    "features, penalize it.",
]
SETS = {"Set5": "Set5/x4/*_HR.png", "Set14": "Set14/x4/*_HR.png", "Kodak24": "Kodak24/*.png"}
# Name in the results: heading of the table, decimals, whether more is better.
METRICS = {
    "psnr": ("PSNR, dB", 3, True),
    "ssim": ("SSIM", 4, True),
    "features": ("feature distance", 4, False),
    "niqe": ("NIQE", 3, False),
}


def main() -> None:
    """Run the missing experiments, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path, help="folder of the recipe's folders of photographs")
    parser.add_argument("--testsets", required=True, type=Path, help="folder of Set5, Set14 and Kodak24")
    parser.add_argument("--start", required=True, type=Path, help="checkpoint, or run, of models/sr-x4/start.yaml")
    parser.add_argument("--runs", default=ROOT / "runs" / "contrastive", type=Path)
    parser.add_argument("--scan", action="store_true", help="try several weights instead")
    parser.add_argument("--steps", default=600, type=int)
    parser.add_argument("--seeds", default=3, type=int)
    parser.add_argument("--lr", default=2e-4, type=float)
    parser.add_argument("--part", default="1/1", help="i/n: every n-th run, from the i-th")
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--table", default=ROOT / "docs" / "contrastive-x4.md", type=Path)
    options = parser.parse_args()
    index, count = (int(n) for n in options.part.split("/"))
    known = {**arms(), **scan_arms()}
    wanted = [(arm, seed) for seed in range(options.seeds) for arm in arms()]
    if options.scan:
        wanted = [(arm, 0) for arm in ("control", *scan_arms())]
    for arm, seed in wanted[index - 1 :: count]:
        run_one(options, known[arm], arm, seed)
    if options.scan:
        print("\n".join(scan_table(options)))
        return
    files = [options.runs / f"{arm}-{seed}" / "result.json" for arm, seed in wanted]
    if all(file.exists() for file in files):
        results = {(arm, seed): json.loads(file.read_text()) for (arm, seed), file in zip(wanted, files, strict=True)}
        options.table.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(options.table, table(options, results).encode())
        print(f"{options.table} written")


def arms() -> dict[str, list[str]]:
    """Every arm and what it changes in the recipe."""
    found = {"control": ["losses=[{kind: l1}]"]}
    for encoder in ENCODERS:
        for objective in OBJECTIVES:
            found[f"{objective}, {encoder}"] = changes_for(encoder, objective, WEIGHTS[encoder])
    return found


def scan_arms() -> dict[str, list[str]]:
    """Every arm of the weight search and what it changes in the recipe."""
    return {
        f"infonce, {encoder}, {weight:g}": changes_for(encoder, "infonce", weight)
        for encoder in ENCODERS
        for weight in SCANNED
    }


def changes_for(encoder: str, objective: str, weight: float) -> list[str]:
    """What a contrastive term changes in the recipe."""
    features, said = ENCODERS[encoder], OBJECTIVES[objective]
    term = f"{{kind: contrastive, weight: {weight}, {SAMPLES}, encoder: {features}, objective: {said}}}"
    changes = [f"losses=[{{kind: l1}}, {term}]"]
    return [*changes, f"discriminator={DISCRIMINATOR}"] if encoder == "discriminator" else changes


def run_one(options: Any, changed: list[str], arm: str, seed: int) -> None:
    """Train and measure one run, unless its result exists."""
    folder = options.runs / f"{arm}-{seed}"
    result = folder / "result.json"
    if result.exists():
        return
    changes = [
        *changed,
        f"train.steps={options.steps}",
        f"train.seed={seed}",
        f"train.optimizer.lr={options.lr}",
        "train.schedule={warmup: 50}",
        "train.save_every=200",
        "train.batch=8",
        "data.patch=32",
        f"validation.every={options.steps}",
    ]
    resume = (folder / LAST).exists()
    recipe = None if resume else ROOT / "models" / "sr-x4" / "start.yaml"
    start_from = None if resume else options.start
    screen = Console(stderr=True)
    screen.print(f"{arm}, seed {seed}")
    how = Options(start_from, resume, () if resume else changes, "cpu", options.threads)
    if not start(recipe, options.data, folder, how, screen):
        raise SystemExit(130)
    if options.scan:  # measured only on the held-out photographs
        return
    write_bytes(result, json.dumps(measure(folder, options.testsets), indent=2).encode())


def scan_table(options: Any) -> list[str]:
    """PSNR on the held-out photographs against the control, as Markdown, for the runs that exist."""
    values = {}
    for arm in ("control", *scan_arms()):
        log = options.runs / f"{arm}-0" / "log.jsonl"
        if log.exists():
            rows = [json.loads(line) for line in log.read_text().splitlines()]
            values[arm] = [row["psnr-y"] for row in rows if "psnr-y" in row][-1:]
    lines = ["| weight | " + " | ".join(ENCODERS) + " |", "|---|" + "---|" * len(ENCODERS)]
    for weight in SCANNED:
        cells = []
        for encoder in ENCODERS:
            found, control = values.get(f"infonce, {encoder}, {weight:g}"), values.get("control")
            cells.append(f"{found[0] - control[0]:+.3f} dB" if found and control else "")
        lines.append(f"| {weight:g} | {' | '.join(cells)} |")
    return lines


def measure(folder: Path, testsets: Path) -> dict[str, dict[str, float]]:
    """Means over each test set."""
    recipe, network, _ = load_trained(folder)
    distance = FeatureDistance()
    measured = {}
    for name, pattern in SETS.items():
        rows = []
        for path in sorted(testsets.glob(pattern)):
            low, high = reduce(read_rgb8(path), recipe.scale)
            made = enlarge(network, low, torch.device("cpu"))
            both = score(made, high, recipe.scale)
            rows.append(
                {
                    "psnr": both.psnr,
                    "ssim": both.ssim,
                    "features": distance(made, high),
                    "niqe": niqe(made, recipe.scale),
                }
            )
        if not rows:
            raise SystemExit(f"{testsets / pattern}: no pictures")
        measured[name] = {key: statistics.mean(row[key] for row in rows) for key in METRICS}
    return measured


def table(options: Any, results: dict[tuple[str, int], dict[str, dict[str, float]]]) -> str:
    """Means and spreads, as Markdown."""
    seeds, names = range(options.seeds), list(arms())
    lines = [
        "# Contrast when enlarging clean pictures",
        "",
        f"`sr-x4` fine-tuned for {options.steps:,} steps (batch 8 of 32 pixels, Adam {options.lr:g}, cosine), with L1 "
        "alone and with an additional contrastive term of weight "
        f"{' and '.join(f'{weight:g} ({encoder})' for encoder, weight in WEIGHTS.items())}; {options.seeds} seeds "
        "each, the same for all arms. Parentheses: standard deviation over the seeds. Positives are the target and "
        "two sharpened copies, negatives the enlarged input and two blurred copies, as in PCL-SR.",
        "",
        "The feature distance is this project's own metric: mean absolute difference divided by mean absolute feature, "
        "averaged over EfficientNet-Lite0's taps. NIQE is on Y.",
        "",
        "    python scripts/experiment_contrastive.py --data PHOTOGRAPHS --testsets TESTSETS --start CHECKPOINT",
    ]
    for name in SETS:
        lines += ["", f"## {name}", "", f"| arm | {' | '.join(m[0] for m in METRICS.values())} |", f"|{'---|' * 5}"]
        for arm in names:
            cells = []
            for key, (_, digits, _) in METRICS.items():
                values = [results[arm, seed][name][key] for seed in seeds]
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                cells.append(f"{statistics.mean(values):.{digits}f} ({spread:.{digits}f})")
            lines.append(f"| {arm} | {' | '.join(cells)} |")
    lines += ["", "## Against the control", "", *verdicts(names, results, list(seeds)), ""]
    lines += ["## By eye", "", *LOOKED, ""]
    lines += ["## How the weights were chosen", "", "InfoNCE on the held-out photos, against the control:", ""]
    lines += [*scan_table(options), "", "    python scripts/experiment_contrastive.py --scan ...", ""]
    return "\n".join(lines)


def verdicts(names: list[str], results: dict[tuple[str, int], Any], seeds: list[int]) -> list[str]:
    """For every arm and metric, averaged over the sets: better or worse than the control by more than the spread."""
    lines = [
        "Difference from the control with the same seed, averaged over the sets, with its standard deviation over the "
        "seeds. Bold: larger than twice that.",
        "",
        f"| arm | {' | '.join(m[0] for m in METRICS.values())} |",
        f"|{'---|' * 5}",
    ]
    for arm in names[1:]:
        cells = []
        for key, (_, digits, more) in METRICS.items():
            gains = [
                statistics.mean(results[arm, s][name][key] - results["control", s][name][key] for name in SETS)
                for s in seeds
            ]
            mean, spread = statistics.mean(gains), statistics.stdev(gains) if len(gains) > 1 else 0.0
            word = "better" if (mean > 0) == more else "worse"
            cell = f"{mean:+.{digits}f} ({spread:.{digits}f})"
            cells.append(f"**{cell} {word}**" if abs(mean) > 2 * spread else cell)
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
