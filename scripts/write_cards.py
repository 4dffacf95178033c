"""Write the model cards, the table of models in the README and docs/models.md from the recorded measurements.

    python scripts/write_cards.py [--check]

scripts/make_cards.py measures. With --check nothing is written, and the exit code is 1 if a page is out of date.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import degraded_card
import filter_card
import judged_card
import light_card
import presets_card
from train_zoo import BEGINS

from restore.evaluation.model import PROTOCOL
from restore.recipes import Shipped
from restore.runtime.model import file_spec
from restore.spec import ModelSpec
from restore.training.recipe_file import load_recipe
from restore.zoo.find import Entry
from restore.zoo.precision import Kind

# Published PSNR on Y, for comparison: bicubic and FSRCNN (Dong et al., ECCV 2016).
PUBLISHED = {
    ("Set5", 2): (33.66, 37.00),
    ("Set5", 4): (28.42, 30.71),
    ("Set14", 2): (30.24, 32.63),
    ("Set14", 4): (26.00, 27.59),
}
ROOT = Path(__file__).resolve().parents[1]
SETS = ("Set5", "Set14")
CONTEXT = """\
Besides the tile, the file takes `thumbnail`, the whole picture reduced to {side} x {side}{how}; `rows` and `columns`,
the positions of the tile's pixel centers in the picture, from 0 to 1; and `strength`, from 0 to 1.
"""
HOW = {"mean": " by area averaging", "middle": " by taking the middle pixel of each area"}
BEGIN, END = "<!-- models: written by scripts/write_cards.py -->", "<!-- end of models -->"


def main() -> None:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is out of date")
    options = parser.parse_args()
    if options.check:
        stale = [str(file.relative_to(ROOT)) for file, text in pages().items() if _read(file) != text]
        sys.exit(f"stale: {', '.join(stale)}; run python scripts/write_cards.py" if stale else 0)
    write()


def write() -> None:
    """Write all pages."""
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8")


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def pages() -> dict[Path, str]:
    """The text of each page."""
    found = {entry.file.parent / "card.md": card(entry) for entry in shipped()}
    judged = {entry.file.parent / "reliability.svg": judgment(entry) for entry in shipped()}
    found |= {file: judged_card.curve(facts) for file, facts in judged.items() if facts}
    return {**found, ROOT / "README.md": readme(), ROOT / "docs/models.md": gallery()}


def shipped() -> list[Entry]:
    """The models of this checkout, without models the user has imported."""
    folder = ROOT / "models"
    return [Entry(file.stem, file) for file in sorted(folder.glob("*/*.onnx")) if file.stem == file.parent.name]


def measured(entry: Entry) -> dict[Kind, Any]:
    """A model's measurements, by precision."""
    facts: dict[Kind, Any] = json.loads((entry.file.parent / "measured.json").read_text(encoding="utf-8"))
    return facts


def judgment(entry: Entry) -> dict[str, Any]:
    """The results of ``judge_unfilter.py``; empty if it was not run."""
    facts: dict[str, Any] = json.loads(_read(entry.file.parent / "unseen.json") or "{}")
    return facts


def table_of_benchmarks(spec: ModelSpec, facts: Mapping[Kind, Any]) -> str:
    """The card's section on fidelity, as Markdown."""
    rows = []
    for name in SETS:
        published = PUBLISHED[name, spec.scale]
        for low, said in (("own", "made by `restore`'s resize"), ("given", "the benchmark's own files")):
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


def card(entry: Entry) -> str:
    """The model's card."""
    spec, facts = file_spec(entry.file), measured(entry)
    recipe = load_recipe(entry.file.parent / "recipe.yaml")
    if recipe.data.degradation is not None:
        found = degraded_card.section(facts, spec.name)
        if presets := _read(entry.file.parent / "presets.json"):
            found += "\n\n" + presets_card.section(json.loads(presets), spec.name)
    elif recipe.data.exposures:
        found = light_card.section(facts, spec.name)
    elif recipe.data.filters is not None:
        found = filter_card.section(facts, spec.name, recipe.data.filters)
        if judged := judgment(entry):
            found += "\n\n" + judged_card.section(judged)
    else:
        found = table_of_benchmarks(spec, facts)
    said = Shipped(spec.name, entry.file.parent / "recipe.yaml", "").losses()
    learned = " + ".join(f"{loss.weight:g} {words}" for loss, words in zip(recipe.losses, said, strict=True))
    folder = entry.file.parent
    note = folder / "note.md"
    stages = sorted((path.name for path in folder.glob("start*.yaml")), key=lambda name: (len(name), name))
    before_it = stages or [BEGINS.get(spec.name, "")]
    chain = ", itself started from ".join(f"`{name}`" for name in reversed(before_it))
    before = f" It started from the weights of {chain}: {spec.start}." if spec.start else ""
    teachers = [load_recipe(folder / name).teacher for name in (*stages, "recipe.yaml")]
    names = [one.file.name for one in teachers if one is not None and one.file is not None]
    teacher = f" --teacher {names[0]}" if names else ""
    return f"""\
# {spec.name}

{task(spec).capitalize()}: {spec.network} network, {spec.parameters:,} parameters. \
License of the weights: {spec.licence}.

{found}

Measured with:

    python scripts/make_cards.py {spec.name} --testsets TESTSETS --data PHOTOGRAPHS

| precision | file | 1024 x 1024 pixels |
|---|---|---|
{chr(10).join(f"| {kind} | {one['bytes'] / 1e6:.2f} MB | {one['speed']['seconds']} s |" for kind, one in facts.items())}

Times include tiling and conversion, in onnxruntime on {facts["fp32"]["speed"]["cores"]} cores \
({facts["fp32"]["speed"]["machine"]}) at a load average of {facts["fp32"]["speed"]["load"]}.

**Training.** Data: {spec.data.strip()}. {spec.steps:,} steps, {spec.hours:.2f} hours on a CPU, with `recipe.yaml` \
(SHA-256 {spec.recipe[:16]}...). Loss: {learned}.{before} Reproduce with:

    python scripts/train_zoo.py {spec.name} --data PHOTOGRAPHS --testsets TESTSETS{teacher}

**Input.** RGB on 0..1, any size. Tiles with a halo of {spec.halo} pixels give the same result as the whole picture.
{CONTEXT.format(side=spec.context, how=HOW[spec.thumbnail]) if spec.context else ""}\
{chr(10) + note.read_text().lstrip() if note.exists() else ""}"""


def task(spec: ModelSpec) -> str:
    """The task, with the scale if the model enlarges."""
    return f"{spec.task} x{spec.scale}" if spec.scale > 1 else spec.task


def shown(score: list[float]) -> str:
    """PSNR and SSIM, formatted for a table."""
    return f"{score[0]:.2f} / {score[1]:.4f}"


# By kind of measurement: the sentence above the table, and the table's two columns.
_TABLES = {
    "scores": ("PSNR in dB on Y, border = scale; bicubic in parentheses:", SETS),
    "degraded": (
        "On Kodak24, degraded like photos from phones and the web; lower is better, in parentheses bicubic or, for "
        "models that do not enlarge, the degraded photo:",
        ("NIQE", "feature distance"),
    ),
    "light": ("On exposures of held-out scenes; unprocessed in parentheses:", ("PSNR, dB", "SSIM")),
    "filters": (
        "On held-out photos, under each of 29 photo filters in turn; filtered photos in parentheses:",
        ("PSNR, dB", "CIEDE2000"),
    ),
}


def tables(root: str) -> str:
    """The models, one table for each kind of measurement.

    Args:
        root: relative path from the page to the folder that holds models/.
    """
    parts = []
    for kind, (said, columns) in _TABLES.items():
        rows = [row for entry in shipped() for row in _rows(entry, kind, root)]
        head = f"| model | | parameters | precision | file | {' | '.join(columns)} | 1 MP on 2 cores |"
        if rows:
            parts.append("\n".join([said, "", head, "|---" * 8 + "|", *rows]))
    return "\n\n".join(parts)


def _rows(entry: Entry, kind: str, root: str) -> list[str]:
    """One row for each precision; none if the model has no such measurement."""
    spec, rows = file_spec(entry.file), []
    begin = f"| [`{spec.name}`]({root}models/{spec.name}/card.md) | {task(spec)} | {spec.parameters:,} "
    for precision, one in measured(entry).items():
        if kind in one:
            cells = " | ".join(_CELLS[kind](one[kind], spec.name, measured(entry)["fp32"][kind]))
            size, seconds = one["bytes"] / 1e6, one["speed"]["seconds"]
            rows.append(f"{begin}| {precision} | {size:.2f} MB | {cells} | {seconds} s |")
            begin = "| | | "
    return rows


def _both(mine: Mapping[str, float], other: Mapping[str, float], digits: Mapping[str, int]) -> list[str]:
    """For each metric, the model's value and, in parentheses, the baseline's."""
    return [f"{mine[key]:.{n}f} ({other[key]:.{n}f})" for key, n in digits.items()]


def _of_benchmarks(found: Mapping[str, Any], _: str, __: Mapping[str, Any]) -> list[str]:
    scores = [found[f"{name} own"] for name in SETS]
    return [f"{one['model'][0]:.2f} ({one['bicubic'][0]:.2f})" for one in scores]


def _of_filters(found: Mapping[str, Any], name: str, whole: Mapping[str, Any]) -> list[str]:
    means = filter_card.means
    return _both(means(found)[name], means(whole)["identity"], {"psnr": 2, "ciede2000": 2})


def _of_degraded(found: Mapping[str, Any], name: str, _: Mapping[str, Any]) -> list[str]:
    return _both(found[name], _before(found), {"niqe": 2, "features": 3})


def _before(found: Mapping[str, Any]) -> Mapping[str, float]:
    """The baseline's measurements on degraded pictures: the first method's."""
    first: Mapping[str, float] = next(iter(found.values()))
    return first


def _of_light(found: Mapping[str, Any], name: str, _: Mapping[str, Any]) -> list[str]:
    return _both(found["methods"][name], found["methods"]["identity"], {"psnr": 2, "ssim": 3})


# Arguments: measurements of the file, name of the model, measurements of its fp32 file.
_CELLS: dict[str, Callable[[Mapping[str, Any], str, Mapping[str, Any]], list[str]]] = {
    "scores": _of_benchmarks,
    "degraded": _of_degraded,
    "light": _of_light,
    "filters": _of_filters,
}


# By model: the photos it is meant for, as a continuation of "photos that".
_USES = {
    "sr-x2": "are too small",
    "sr-x4": "are far too small",
    "photo-x1": "are compressed, noisy or soft",
    "denoise": "are noisy",
    "photo-x4-large": "are small, compressed, noisy or soft",
    "photo-x4": "are the same, if there are many",
    "backlit": "are backlit or underexposed",
    "unfilter": "have an Instagram-like filter",
}


def summary() -> str:
    """One row per model: purpose, command, quality before and after, size and time."""
    lines = ["| photos that | command | before → after | file | 1 MP on 2 cores |", "|---" * 5 + "|"]
    order = [*_USES, *(entry.name for entry in shipped())]
    for entry in sorted(shipped(), key=lambda entry: order.index(entry.name)):
        spec, facts = file_spec(entry.file), measured(entry)
        times = ", ".join(f"{kind} {one['speed']['seconds']} s" for kind, one in facts.items())
        lines.append(
            f"| {_USES.get(spec.name, spec.task)} | `restore enhance Pictures out --model {spec.name}` "
            f"| {_gain(facts['fp32'], spec.name)} | {facts['fp32']['bytes'] / 1e6:.2f} MB | {times} |"
        )
    return "\n".join([*lines, "", SUMMARY_NOTE])


SUMMARY_NOTE = """\
*Before* is bicubic enlargement, or the unprocessed photo. Measured on Set5, on degraded Kodak24 (NIQE: lower is
better), on held-out exposures and on held-out photos under 29 filters: [all results](docs/models.md)."""


def _gain(facts: Mapping[str, Any], name: str) -> str:
    """The main metric before and after, from a file's measurements."""
    if "degraded" in facts:
        found = facts["degraded"]
        if (before := _before(found)) is found.get("input"):
            return f"PSNR {before['psnr']:.2f} → {found[name]['psnr']:.2f} dB"
        return f"NIQE {before['niqe']:.2f} → {found[name]['niqe']:.2f}"
    if "scores" in facts:
        found = facts["scores"][f"{SETS[0]} own"]
        before, after = found["bicubic"][0], found["model"][0]
    else:
        methods = facts["light"]["methods"] if "light" in facts else filter_card.means(facts["filters"])
        before, after = methods["identity"]["psnr"], methods[name]["psnr"]
    return f"PSNR {before:.2f} → {after:.2f} dB"


def readme() -> str:
    """The README, with the summary of the models between its marks."""
    before, rest = _read(ROOT / "README.md").split(BEGIN)
    return f"{before}{BEGIN}\n{summary()}\n{END}{rest.split(END)[1]}"


def gallery() -> str:
    """All models with their pictures."""
    parts = ["<!-- written by scripts/write_cards.py -->\n\n# Models\n", f"{tables('../')}\n"]
    for entry in shipped():
        name, spec = entry.name, file_spec(entry.file)
        parts.append(f"## {name}\n\n{task(spec).capitalize()}. [The card](../models/{name}/card.md).\n")
        if (entry.file.parent / "look.jpg").exists():
            parts.append(f"![Before and after](../models/{name}/look.jpg)\n")
    return "\n".join(parts)


if __name__ == "__main__":
    main()
