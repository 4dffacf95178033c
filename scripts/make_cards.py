"""Measure the models in models/ and write their cards, and the table of models in the README, from what was measured.

    python scripts/make_cards.py [NAME ...] --testsets TESTSETS [--data PHOTOGRAPHS] [--runs RUNS] [--only-speed]

TESTSETS and PHOTOGRAPHS hold what scripts/train_zoo.py says. A model that was trained on degraded pictures is measured
on degraded ones; a model of light on the held-out scenes in RUNS/NAME-scenes; one that takes filters off on test
pictures and held-out photographs under filters; the latter two beside their controls in RUNS/NAME-control.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import degraded_card
import filter_card
import light_card
import numpy as np
from rich.console import Console

from restore.evaluation.model import PROTOCOL, evaluate_model
from restore.recipes import Shipped
from restore.runtime.cpu import cpu_name, usable_cores
from restore.runtime.enhance import enhance_pixels
from restore.runtime.model import Model, open_model
from restore.spec import ModelSpec
from restore.training.recipe import Recipe
from restore.training.recipe_file import load_recipe
from restore.zoo.find import Entry
from restore.zoo.precision import Kind, family

# Published PSNR on Y, for scale: bicubic and FSRCNN (Dong et al., ECCV 2016).
PUBLISHED = {
    ("Set5", 2): (33.66, 37.00),
    ("Set5", 4): (28.42, 30.71),
    ("Set14", 2): (30.24, 32.63),
    ("Set14", 4): (26.00, 27.59),
}
ROOT = Path(__file__).resolve().parents[1]
SETS = ("Set5", "Set14")
CONTEXT = """\
Beside the tile the file takes `thumbnail`, the whole picture averaged down to {side} x {side}; `rows` and `columns`,
where the centres of the tile's pixels lie in the picture, from 0 to 1; and `strength`, from 0 to 1.
"""
BEGIN, END = "<!-- models: written by scripts/make_cards.py -->", "<!-- end of models -->"


def main() -> None:
    """Measure, write the cards, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="models (default: all)")
    parser.add_argument("--testsets", required=True, type=Path)
    parser.add_argument("--data", type=Path, help="folder of the recipes' folders of photographs")
    parser.add_argument("--runs", default=ROOT / "runs", type=Path, help="folder of scenes and controls")
    parser.add_argument("--only-speed", action="store_true", help="time again, on a quiet machine; keep the rest")
    options = parser.parse_args()
    for entry in shipped():
        if not options.names or entry.name in options.names:
            recipe = load_recipe(entry.file.parent / "recipe.yaml")
            scenes, control = (options.runs / f"{entry.name}-{what}" for what in ("scenes", "control"))
            places = Places(options.testsets, scenes, control, options.data)
            written = entry.file.parent / "measured.json"
            if options.only_speed:
                facts = json.loads(written.read_text())
                for kind, file in family(entry.file).items():
                    facts[kind] |= timed(file, recipe)
            else:
                facts = {kind: measure(file, recipe, places) for kind, file in family(entry.file).items()}
            written.write_text(json.dumps(facts, indent=2) + "\n")
            show(entry, recipe, options.testsets)
            (entry.file.parent / "card.md").write_text(card(entry, recipe, facts))
            print(f"{entry.name}: {facts}")
    write_table()


def shipped() -> list[Entry]:
    """The models of this checkout, and none of those that whoever runs this has imported."""
    folder = ROOT / "models"
    return [Entry(file.stem, file) for file in sorted(folder.glob("*/*.onnx")) if file.stem == file.parent.name]


class Places(NamedTuple):
    """Where lies what a model is measured on and with."""

    testsets: Path
    scenes: Path
    control: Path
    data: Path | None


def measure(file: Path, recipe: Recipe, places: Places) -> dict[str, Any]:
    """How good it is, how fast and how large."""
    model = open_model(file, "cpu")
    if recipe.data.degradation is not None:
        good: dict[str, Any] = {
            "degraded": degraded_card.measure_degraded(model, recipe.data.degradation, places.testsets)
        }
    elif recipe.data.exposures:
        good = {"light": light_card.measure_light(model, places.scenes, places.testsets, places.control)}
    elif recipe.data.filters is not None:
        if places.data is None:
            raise SystemExit(f"{recipe.name} is measured on photographs that its recipe holds out: give --data")
        pictures = filter_card.held_out(recipe, places.data, places.testsets)
        good = {"filters": filter_card.measure_filters(model, pictures, places.control)}
    else:
        good = {"scores": benchmarks(model, places.testsets)}
    return {**good, **timed(file, recipe)}


def timed(file: Path, recipe: Recipe) -> dict[str, Any]:
    """How fast it is, and how large; of a model that sees the whole picture, also with one of twelve megapixels."""
    facts: dict[str, Any] = {"speed": speed(open_model(file, "cpu")), "bytes": file.stat().st_size}
    if recipe.network.context():
        facts["twelve"] = light_card.twelve_megapixels(file)
    return facts


def benchmarks(model: Model, testsets: Path) -> dict[str, dict[str, list[float]]]:
    """PSNR and SSIM on the benchmarks, both ways of coming by the low resolution."""
    scores: dict[str, dict[str, list[float]]] = {}
    for name in SETS:
        folder = testsets / name / f"x{model.spec.scale}"
        for low, source, rename in (("own", None, None), ("given", folder, ("_HR", "_LR"))):
            found = evaluate_model(
                model, model.spec, folder, Console(stderr=True), pattern="*_HR.png", low_folder=source, rename=rename
            )
            scores[f"{name} {low}"] = {
                said: [round(found.mean(method, "psnr"), 3), round(found.mean(method, "ssim"), 4)]
                for said, method in (("bicubic", "bicubic"), ("model", model.spec.name))
            }
    return scores


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


def table_of_benchmarks(spec: ModelSpec, facts: Mapping[Kind, Any]) -> str:
    """The card's part about fidelity, as Markdown."""
    rows = []
    for name in SETS:
        published = PUBLISHED[name, spec.scale]
        for low, said in (("own", "made by `restore`'s resize"), ("given", "the set's own files")):
            key = f"{name} {low}"
            cells = [shown(facts["fp32"]["scores"][key]["bicubic"])]
            cells += [f"**{shown(one['scores'][key]['model'])}**" for one in facts.values()]
            rows.append(f"| {name} | {said} | {' | '.join(cells)} | {published[0]:.2f} | {published[1]:.2f} |")
    heads = " | ".join(f"{spec.name} {kind}" for kind in facts)
    return f"""\
| set | low resolution | bicubic | {heads} | bicubic, published | FSRCNN, published |
|{"---|" * (5 + len(facts))}
{chr(10).join(rows)}

{PROTOCOL}."""


def show(entry: Entry, recipe: Recipe, testsets: Path) -> None:
    """The pictures of the card, for models that are to be looked at."""
    model, file = open_model(entry.file, "cpu"), entry.file.parent / "look.jpg"
    if recipe.data.degradation is not None:
        degraded_card.show(model, recipe.data.degradation, file)
    elif recipe.data.exposures:
        light_card.show_light(model, testsets, file)
    elif recipe.data.filters is not None:
        filter_card.show_filters(model, testsets, file)


def card(entry: Entry, recipe: Recipe, facts: Mapping[Kind, Any]) -> str:
    """The model's card.

    Args:
        entry: the model.
        recipe: that it was trained by.
        facts: what :func:`measure` found, by precision.
    """
    spec: ModelSpec = open_model(entry.file, "cpu").spec
    if recipe.data.degradation is not None:
        found = degraded_card.section(facts, spec.name)
    elif recipe.data.exposures:
        found = light_card.section(facts, spec.name)
    elif recipe.data.filters is not None:
        found = filter_card.section(facts, spec.name)
    else:
        found = table_of_benchmarks(spec, facts)
    said = Shipped(spec.name, entry.file.parent / "recipe.yaml", "").losses()
    learned = " + ".join(f"{loss.weight:g} {words}" for loss, words in zip(recipe.losses, said, strict=True))
    note = entry.file.parent / "note.md"
    return f"""\
# {spec.name}

{task(spec).capitalize()}: {spec.network} network, {spec.parameters:,} parameters. \
Licence of the weights: {spec.licence}.

{found}

Measured with:

    python scripts/make_cards.py {spec.name} --testsets TESTSETS --data PHOTOGRAPHS

| precision | file | 1024 x 1024 pixels |
|---|---|---|
{chr(10).join(f"| {kind} | {one['bytes'] / 1e6:.2f} MB | {one['speed']['seconds']} s |" for kind, one in facts.items())}

The times are onnxruntime's with tiles and conversions on {facts["fp32"]["speed"]["cores"]} cores \
({facts["fp32"]["speed"]["machine"]}), load average {facts["fp32"]["speed"]["load"]} while measuring.

**Trained** on {spec.data.strip()}: {spec.steps:,} steps, {spec.hours:.2f} hours on one core, by `recipe.yaml` \
(SHA-256 {spec.recipe[:16]}...). Loss: {learned}. Made again with:

    python scripts/train_zoo.py {spec.name} --data PHOTOGRAPHS --testsets TESTSETS

**Runs** on RGB, 0..1, any size; tiles with a halo of {spec.halo} pixels give the whole picture's result.
{CONTEXT.format(side=spec.context) if spec.context else ""}\
{note.read_text() if note.exists() else ""}"""


def task(spec: ModelSpec) -> str:
    """What it does, and how far it enlarges if it does."""
    return f"{spec.task} x{spec.scale}" if spec.scale > 1 else spec.task


def shown(score: list[float]) -> str:
    """PSNR and SSIM as a table has them."""
    return f"{score[0]:.2f} / {score[1]:.4f}"


def write_table() -> None:
    """Put the table of models between its marks in the README."""
    readme = ROOT / "README.md"
    rows = ["| model | | parameters | precision | file | Set5 | Set14 | 1 MP on 2 cores |", f"|{'---|' * 8}"]
    looks = [
        "",
        "On Kodak24 degraded as photographs from phones and the web are; lower is better:",
        "",
        "| model | | parameters | precision | file | NIQE | feature distance | 1 MP on 2 cores |",
        f"|{'---|' * 8}",
    ]
    light = [
        "",
        "On exposures of scenes that were held out, as they are in brackets:",
        "",
        "| model | | parameters | precision | file | PSNR, dB | SSIM | 1 MP on 2 cores |",
        f"|{'---|' * 8}",
    ]
    filters = [
        "",
        "On photographs that were held out, under each of 29 photo filters in turn; in brackets, as they are then:",
        "",
        "| model | | parameters | precision | file | PSNR, dB | CIEDE2000 | 1 MP on 2 cores |",
        f"|{'---|' * 8}",
    ]
    tables = {"scores": rows, "degraded": looks, "light": light, "filters": filters}
    empty = {kind: len(lines) for kind, lines in tables.items()}
    for entry in shipped():
        spec = open_model(entry.file, "cpu").spec
        facts = json.loads((entry.file.parent / "measured.json").read_text())
        begin = f"| [`{spec.name}`](models/{spec.name}/card.md) | {task(spec)} | {spec.parameters:,} "
        for kind, measured in facts.items():
            seconds, size = measured["speed"]["seconds"], measured["bytes"] / 1e6
            if "scores" in measured:
                scores = [measured["scores"][f"{name} own"] for name in SETS]
                cells = [f"{one['model'][0]:.2f} ({one['bicubic'][0]:.2f})" for one in scores]
            elif "degraded" in measured:
                mine, other = (measured["degraded"][name] for name in (spec.name, "bicubic"))
                cells = [f"{mine[key]:.{n}f} ({other[key]:.{n}f})" for key, n in (("niqe", 2), ("features", 3))]
            elif "filters" in measured:
                both = filter_card.means(measured["filters"])
                mine, other = both[spec.name], both["identity"]
                cells = [f"{mine[key]:.2f} ({other[key]:.2f})" for key in ("psnr", "ciede2000")]
            else:
                mine, other = (measured["light"]["methods"][name] for name in (spec.name, "identity"))
                cells = [f"{mine[key]:.{n}f} ({other[key]:.{n}f})" for key, n in (("psnr", 2), ("ssim", 3))]
            into = next(lines for kind, lines in tables.items() if kind in measured)
            into.append(f"{begin}| {kind} | {size:.2f} MB | {cells[0]} | {cells[1]} | {seconds} s |")
            begin = "| | | "
    shown = [line for kind, lines in tables.items() if len(lines) > empty[kind] for line in lines]
    text = readme.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n" + "\n".join(shown) + f"\n{END}{after}")


if __name__ == "__main__":
    main()
