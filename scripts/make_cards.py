"""Measure the models in models/ and write their cards, and the table of models in the README, from what was measured.

    python scripts/make_cards.py [NAME ...] --testsets TESTSETS

TESTSETS holds Set5 and Set14 as scripts/train_zoo.py says.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from restore.metrics.evaluate import PROTOCOL, Table, evaluate_model
from restore.runtime.cpu import cpu_name, usable_cores
from restore.runtime.enhance import enhance_pixels
from restore.runtime.model import Model, open_model
from restore.spec import ModelSpec
from restore.zoo.find import Entry, entries, shipped_folder
from restore.zoo.precision import family

# Published PSNR on Y, for scale: bicubic and FSRCNN (Dong et al., ECCV 2016).
PUBLISHED = {
    ("Set5", 2): (33.66, 37.00),
    ("Set5", 4): (28.42, 30.71),
    ("Set14", 2): (30.24, 32.63),
    ("Set14", 4): (26.00, 27.59),
}
SETS = ("Set5", "Set14")
BEGIN, END = "<!-- models: written by scripts/make_cards.py -->", "<!-- end of models -->"


def main() -> None:
    """Measure, write the cards, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="models (default: all)")
    parser.add_argument("--testsets", required=True, type=Path)
    options = parser.parse_args()
    for entry in entries():
        if not options.names or entry.name in options.names:
            facts = {kind: measure(file, options.testsets) for kind, file in family(entry.file).items()}
            (entry.file.parent / "measured.json").write_text(json.dumps(facts, indent=2) + "\n")
            (entry.file.parent / "card.md").write_text(card(entry, facts))
            print(f"{entry.name}: {facts}")
    write_table()


def measure(file: Path, testsets: Path) -> dict[str, Any]:
    """PSNR and SSIM on the benchmarks, both ways of coming by the low resolution, and the time for one megapixel."""
    model = open_model(file, "cpu")
    scores: dict[str, dict[str, list[float]]] = {}
    for name in SETS:
        folder = testsets / name / f"x{model.spec.scale}"
        for low, source, rename in (("own", None, ("", "")), ("given", folder, ("_HR", "_LR"))):
            table: Table = evaluate_model(
                model, model.spec, folder, "*_HR.png", source, rename, 512, Console(stderr=True)
            )
            mean = table.mean()
            scores[f"{name} {low}"] = {
                "bicubic": [round(mean.bicubic.psnr, 3), round(mean.bicubic.ssim, 4)],
                "model": [round(mean.model.psnr, 3), round(mean.model.ssim, 4)],
            }
    return {"scores": scores, "speed": speed(model), "bytes": file.stat().st_size}


def speed(model: Model) -> dict[str, Any]:
    """Seconds for an input of 1024 x 1024 pixels, tiles and conversion included, decoding and encoding not."""
    pixels = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    times = []
    for _ in range(4):
        began = time.perf_counter()
        enhance_pixels(pixels, model, model.spec)
        times.append(time.perf_counter() - began)
    busy = os.getloadavg()[0]
    return {
        "seconds": round(statistics.median(times[1:]), 2),
        "cores": usable_cores(),
        "machine": cpu_name(),
        "load": round(busy, 1),
    }


def card(entry: Entry, facts: dict[str, Any]) -> str:
    """The model's card.

    Args:
        entry: the model.
        facts: what :func:`measure` found, by precision.
    """
    spec: ModelSpec = open_model(entry.file, "cpu").spec
    rows = []
    for name in SETS:
        published = PUBLISHED[name, spec.scale]
        for low, said in (("own", "made by `restore`'s resize"), ("given", "the set's own files")):
            key = f"{name} {low}"
            cells = [shown(facts["fp32"]["scores"][key]["bicubic"])]
            cells += [f"**{shown(one['scores'][key]['model'])}**" for one in facts.values()]
            rows.append(f"| {name} | {said} | {' | '.join(cells)} | {published[0]:.2f} | {published[1]:.2f} |")
    heads = " | ".join(f"{spec.name} {kind}" for kind in facts)
    note = entry.file.parent / "note.md"
    return f"""\
# {spec.name}

{spec.task.capitalize()} x{spec.scale}: {spec.network} network, {spec.parameters:,} parameters. \
Licence of the weights: {spec.licence}.

| set | low resolution | bicubic | {heads} | bicubic, published | FSRCNN, published |
|{"---|" * (5 + len(facts))}
{chr(10).join(rows)}

{PROTOCOL}. Measured with:

    python scripts/make_cards.py {spec.name} --testsets TESTSETS

| precision | file | 1024 x 1024 pixels |
|---|---|---|
{chr(10).join(f"| {kind} | {one['bytes'] / 1e6:.2f} MB | {one['speed']['seconds']} s |" for kind, one in facts.items())}

The times are onnxruntime's with tiles and conversions on {facts["fp32"]["speed"]["cores"]} cores \
({facts["fp32"]["speed"]["machine"]}), load average {facts["fp32"]["speed"]["load"]} while measuring.

**Trained** on {spec.data.strip()}: {spec.steps:,} steps, {spec.hours:.2f} hours on one core, by `recipe.yaml` \
(SHA-256 {spec.recipe[:16]}...), pixel loss alone. Made again with:

    python scripts/train_zoo.py {spec.name} --data PHOTOGRAPHS --testsets TESTSETS

**Runs** on RGB, 0..1, any size; tiles with a halo of {spec.halo} pixels give the whole picture's result.
{note.read_text() if note.exists() else ""}"""


def shown(score: list[float]) -> str:
    """PSNR and SSIM as a table has them."""
    return f"{score[0]:.2f} / {score[1]:.4f}"


def write_table() -> None:
    """Put the table of models between its marks in the README."""
    readme = shipped_folder().parent / "README.md"
    rows = ["| model | | parameters | precision | file | Set5 | Set14 | 1 MP on 2 cores |", f"|{'---|' * 8}"]
    for entry in entries():
        spec = open_model(entry.file, "cpu").spec
        facts = json.loads((entry.file.parent / "measured.json").read_text())
        begin = f"| [`{spec.name}`](models/{spec.name}/card.md) | {spec.task} x{spec.scale} | {spec.parameters:,} "
        for kind, measured in facts.items():
            scores = [measured["scores"][f"{name} own"] for name in SETS]
            cells = [f"{one['model'][0]:.2f} ({one['bicubic'][0]:.2f})" for one in scores]
            seconds, size = measured["speed"]["seconds"], measured["bytes"] / 1e6
            rows.append(f"{begin}| {kind} | {size:.2f} MB | {cells[0]} | {cells[1]} | {seconds} s |")
            begin = "| | | "
    text = readme.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n" + "\n".join(rows) + f"\n{END}{after}")


if __name__ == "__main__":
    main()
