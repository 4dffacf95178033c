"""Measure the models in models/, then write their cards and the table of models in the README.

    python scripts/make_cards.py [NAME ...] --testsets TESTSETS [--data PHOTOGRAPHS] [--runs RUNS] [--only-speed]

TESTSETS and PHOTOGRAPHS are laid out as for scripts/train_zoo.py. A model trained on degraded pictures is measured on
degraded ones; a low-light model on the held-out scenes in RUNS/NAME-scenes, alongside the run that it started from, in
RUNS under the name of its recipe, such as NAME-start-2, or another given by --before; and a filter-removal model on
filtered test pictures and held-out photos, alongside its control in RUNS/NAME-control.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import degraded_card
import filter_card
import light_card
import numpy as np
import write_cards
from rich.console import Console
from train_zoo import stages

from restore.data.folder import list_photos
from restore.data.sources.base import hold_out
from restore.evaluation.model import evaluate_model
from restore.files.pairing import NameRule
from restore.runtime.cpu import cpu_name, usable_cores
from restore.runtime.model import Model, open_model
from restore.runtime.stream import enhance_pixels
from restore.training.recipe import Recipe
from restore.training.recipe_file import load_recipe
from restore.zoo.find import Entry
from restore.zoo.precision import family

ROOT = Path(__file__).resolve().parents[1]
SETS = ("Set5", "Set14")


def main() -> None:
    """Measure, write the cards, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="models (default: all)")
    parser.add_argument("--testsets", required=True, type=Path)
    parser.add_argument("--data", type=Path, help="folder of the recipes' folders of photographs")
    parser.add_argument("--runs", default=ROOT / "runs", type=Path, help="folder of scenes, starts and controls")
    parser.add_argument("--before", type=Path, help="model file or run to compare a low-light model with")
    parser.add_argument("--only-speed", action="store_true", help="repeat the timing on a quiet machine; keep the rest")
    options = parser.parse_args()
    for entry in write_cards.shipped():
        if not options.names or entry.name in options.names:
            recipe = load_recipe(entry.file.parent / "recipe.yaml")
            last = [stage.stem for stage in stages(entry.file.parent)][-1:]
            runs = (options.runs / f"{entry.name}-{what}" for what in ("scenes", "control", *last))
            scenes, control, *started = runs
            places = Places(
                options.testsets, scenes, control, options.before or next(iter(started), None), options.data
            )
            written = entry.file.parent / "measured.json"
            if options.only_speed:
                facts = json.loads(written.read_text())
                for kind, file in family(entry.file).items():
                    facts[kind] |= timed(file, recipe)
            else:
                facts = {kind: measure(file, recipe, places) for kind, file in family(entry.file).items()}
            written.write_text(json.dumps(facts, indent=2) + "\n")
            show(entry, recipe, options.testsets)
            print(f"{entry.name}: {facts}")
    write_cards.write()


class Places(NamedTuple):
    """Folders that a model is measured on and with."""

    testsets: Path
    scenes: Path
    control: Path
    before: Path | None
    data: Path | None


def measure(file: Path, recipe: Recipe, places: Places) -> dict[str, Any]:
    """Quality, speed and file size."""
    model = open_model(file, "cpu")
    if recipe.data.degradation is not None:
        good: dict[str, Any] = {
            "degraded": degraded_card.measure_degraded(model, recipe.data.degradation, places.testsets)
        }
    elif recipe.data.exposures:
        if places.data is None or places.before is None:
            raise SystemExit(
                f"{recipe.name} is measured on photographs that its recipe holds out, beside an earlier model: give "
                "--data and --before"
            )
        photos = list_photos([places.data / name for name in recipe.data.train])
        _, held = hold_out(photos, recipe.data.holdout)
        good = {"light": light_card.measure_light(model, places.scenes, places.testsets, held, places.before)}
    elif recipe.data.filters is not None:
        if places.data is None:
            raise SystemExit(f"{recipe.name} is measured on photographs that its recipe holds out: give --data")
        pictures = filter_card.held_out(recipe, places.data, places.testsets)
        large = filter_card.full_size(places.testsets)
        good = {"filters": filter_card.measure_filters(model, pictures, large, places.control)}
    else:
        good = {"scores": benchmarks(model, places.testsets)}
    return {**good, **timed(file, recipe)}


def timed(file: Path, recipe: Recipe) -> dict[str, Any]:
    """Speed and file size; for a model that takes a thumbnail, also the cost of 12 megapixels."""
    facts: dict[str, Any] = {"speed": speed(open_model(file, "cpu")), "bytes": file.stat().st_size}
    if recipe.network.context():
        facts["twelve"] = light_card.twelve_megapixels(file)
    return facts


def benchmarks(model: Model, testsets: Path) -> dict[str, dict[str, list[float]]]:
    """PSNR and SSIM on the benchmarks, with both sources of the low resolution."""
    scores: dict[str, dict[str, list[float]]] = {}
    for name in write_cards.SETS:
        folder = testsets / name / f"x{model.spec.scale}"
        for low, source, rename in (("own", None, None), ("given", folder, NameRule.parse("_HR=_LR"))):
            found = evaluate_model(
                model, model.spec, folder, Console(stderr=True), pattern="*_HR.png", low_folder=source, rename=rename
            )
            scores[f"{name} {low}"] = {
                said: [round(found.mean(method, "psnr"), 3), round(found.mean(method, "ssim"), 4)]
                for said, method in (("bicubic", "bicubic"), ("model", model.spec.name))
            }
    return scores


def speed(model: Model) -> dict[str, Any]:
    """Seconds for an input of 1024 x 1024 pixels, including tiling and conversion, without decoding and encoding."""
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


def show(entry: Entry, recipe: Recipe, testsets: Path) -> None:
    """Write the card's picture, for models that have one."""
    model, file = open_model(entry.file, "cpu"), entry.file.parent / "look.jpg"
    if recipe.data.degradation is not None:
        degraded_card.show(model, recipe.data.degradation, file)
    elif recipe.data.exposures:
        light_card.show_light(model, testsets, file)
    elif recipe.data.filters is not None:
        filter_card.show_filters(model, testsets, file)


if __name__ == "__main__":
    main()
