"""Does a contrastive term pay? Train a task with and without it, on one schedule and the same seeds.

    python scripts/contrast_matrix.py haze --data PHOTOGRAPHS --pairs fog=INPUTS:TARGETS --weights alexnet.safetensors

Each arm of the task trains with each of --seeds, from scratch or from --start. A seed stands for the same first weights
and the same samples in the same order in all arms. Every network is then judged on the pairs of pictures given, which
should not be made by the task's own degradation: PSNR on RGB, LPIPS (AlexNet), how much pixels alternate, since
features may take such a pattern for detail, and LPIPS after it has been filtered out. The weights of the terms were
chosen by --scan, which trains with another seed, and compares on photographs held out from training.

Results are added to docs/contrast/TASK.json, and what is there is not trained again. Interrupted runs are resumed.
--arm and --seeds choose what to train now; --table only writes the tables into docs/contrastive.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import comb
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from restore.data.pairs import match_photos
from restore.imaging.decode import read_rgb8
from restore.metrics.metric import MetricInputs, MetricProtocol
from restore.metrics.registry import METRICS
from restore.metrics.sr_protocol import bicubic
from restore.training.checkpoint import LAST
from restore.training.train import Options, start
from restore.training.trained_network import load_trained
from restore.training.validation import enlarge
from restore.utils.atomic_write import write_bytes

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "contrastive.md"
Pixels = NDArray[np.uint8]
Pairs = Sequence[tuple[Path, Path]]
Scores = dict[str, dict[str, float]]
Results = dict[str, dict[str, Scores]]


@dataclass(frozen=True)
class Task:
    """What to train, and how.

    Attributes:
        recipe: file of the recipe, whose losses are replaced.
        changes: to the recipe, for all arms.
        arms: the losses of each arm; the first is the control, the second has the positive alone. START stands for the
            file of --start.
        scan: changes for the scan of weights, and its arms.
        begins: whether runs begin with the weights of --start, not from scratch.
        controls: how many of the first arms the others are compared with.
        also: changes to the recipe for some of the arms.
    """

    recipe: str
    changes: tuple[str, ...]
    arms: Mapping[str, str]
    scan: tuple[tuple[str, ...], Mapping[str, str]]
    begins: bool = False
    controls: int = 2
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


FOLDERS = "data.train=[photos,bsds400,sunhays80,general288]"
TAPS = "[0.2, 0.3, 0.5]"
HISTORY = "{kind: history, drawn: 1}"
BEFORE = "{kind: checkpoint, file: START}"
INPUT = "{kind: input}"
GRAINLESS = "[-1.0, 0.002]"  # at most half a level more grain than the target
SMOOTHED = "[-1.0, -0.001]"  # at least a quarter of a level less
BLURRED = "0.2"  # what blur does not explain of the damage
GRAINY = "[0.002, 1.0]"
LPIPS = "{kind: lpips, net: vgg, weight: 0.2}"
PATTERN = "{kind: pattern, weight: 2.0}"
FINE = "{kind: pattern, cells: 2, weight: 1.0}"
TAUGHT = "{kind: l1, teacher: true, weight: 8.0}"

SHAPES = "{kind: perceptual, weight: 0.004, begin: 300}"
ADVERSARY = "{kind: adversarial, weight: 0.06, begin: 500}"


def beside_input(weight: float) -> str:
    """Nearer to the target than to the enlarged input, as in photo-x4's recipe."""
    objective = "objective: {kind: infonce, temperature: 1.0}"
    return f"{{kind: contrastive, weight: {weight:g}, begin: 300, {objective}}}"


def positive(weight: float, reduce: int = 1) -> str:
    """L1, and nearer to the target in the features of VGG-16 before its ReLUs."""
    return f"[{{kind: l1}}, {{kind: perceptual, weight: {weight:g}, encoder: {vgg16(reduce)}, taps: {TAPS}}}]"


def away(weight: float, negatives: str, grain: str = "null", blurred: str = "null") -> str:
    """A term that only pushes away from negatives.

    It counts pictures whose input has that much more grain than its target, and that blur explains but for this share.
    """
    return (
        f"{{kind: contrastive, weight: {weight:g}, encoder: {vgg16(1)}, taps: {TAPS}, negatives: [{negatives}], "
        f"objective: {{kind: l1-difference, pull: 0}}, grain: {grain}, blurred: {blurred}}}"
    )


def either(weight: float) -> str:
    """Away from what is too smooth where the input has lost detail, and from the input where it has grain."""
    return f"{away(weight, BEFORE, GRAINLESS)}, {away(weight, INPUT, GRAINY)}"


def contrast(weight: float, negatives: str, objective: str = "{kind: l1-difference}", reduce: int = 1) -> str:
    """The same, and away from negatives: with this objective, the pull to the target is that of `positive`."""
    return (
        f"[{{kind: l1}}, {{kind: contrastive, weight: {weight:g}, encoder: {vgg16(reduce)}, taps: {TAPS}, "
        f"negatives: [{negatives}], objective: {objective}}}]"
    )


def vgg16(reduce: int) -> str:
    """The layers that SPN compares, before their ReLUs."""
    return f"{{kind: vgg16, taps: [conv1_2, conv2_2, conv3_3], reduce: {reduce}}}"


def sharper(weight: float) -> str:
    """Away from what the network made of pictures out of focus when the run began, whatever alternates."""
    began = "{kind: history, every: [1000000], fresh: 0.0}"
    return away(weight, began, blurred=BLURRED).replace("reduce: 1", "smooth: 2")


# A finished network goes on for a while.
AGAIN = (
    "data.patch=64",
    "train.steps=900",
    "train.save_every=900",
    "validation.every=900",
    "data.holdout=12",
    "validation.crop=320",
    "validation.metric=lpips",
)
A_LITTLE_NOISE = "after: [{kind: noise, gaussian_probability: 1, sigma: [1, 5], grey_probability: 0.5}]"
OUT_OF_FOCUS = "preset: clean, first: {blur: {probability: 1, sigma: [0.6, 2.5]}}"
NOISY_JPEG = (
    "after: [{kind: noise, gaussian_probability: 1, sigma: [2, 12], grey_probability: 0.3}, "
    "{kind: jpeg, quality: [20, 80]}]"
)


def blurred_mix(more: str = "") -> str:
    """The mix of photo-x1, more of JPEG, and photos out of focus."""
    return (
        "data.degradation={mix: [{preset: light}, {preset: light}, {preset: web}, {preset: web}, {preset: phone}, "
        "{preset: print, before: [{kind: film-grain}]}, {preset: heavy}, "
        "{preset: clean, after: [{kind: jpeg, quality: [10, 95]}]}, "
        "{preset: clean, after: [{kind: jpeg, quality: [10, 50]}]}, "
        "{preset: clean, after: [{kind: jpeg, quality: [20, 95]}]}, "
        f"{{preset: clean, {NOISY_JPEG}}}, {more}{{preset: clean}}, {{{OUT_OF_FOCUS}}}, "
        f"{{{OUT_OF_FOCUS}, {A_LITTLE_NOISE}}}]}}"
    )


TASKS = {
    "photo-x1": Task(
        "models/photo-x1/start-2.yaml",
        (
            "data.patch=64",
            "train.steps=600",
            "train.batch=6",
            "train.optimizer={kind: adam, lr: 3.0e-4, betas: [0.9, 0.99]}",
            "train.schedule={warmup: 50, hold: 0.0, floor: 0.001}",
            "train.ema=0.99",
            "train.save_every=600",
            "validation.every=600",
            "data.holdout=12",
            "validation.crop=320",
            "validation.metric=lpips",
        ),
        {
            "control": "[{kind: l1}]",
            "positive": positive(0.1),
            "positive, half the weight": positive(0.05),
            "positive, twice the weight": positive(0.2),
            "positive and input": contrast(0.1, INPUT),
            "positive and history": contrast(0.1, HISTORY),
            "positive and start": contrast(0.1, BEFORE),
            "positive and half of start": contrast(0.05, BEFORE, "{kind: l1-difference, pull: 2}"),
            "positive and quarter of start": contrast(0.025, BEFORE, "{kind: l1-difference, pull: 4}"),
            "LPIPS": f"[{{kind: l1}}, {LPIPS}]",
            "LPIPS and half of start": f"[{{kind: l1}}, {LPIPS}, {away(0.05, BEFORE)}]",
            "LPIPS and half of start, no grain": f"[{{kind: l1}}, {LPIPS}, {away(0.05, BEFORE, GRAINLESS)}]",
            "positive and start, no grain": f"{positive(0.1)[:-1]}, {away(0.1, BEFORE, GRAINLESS)}]",
            "positive and start, or input if grain": f"{positive(0.1)[:-1]}, {either(0.1)}]",
            "positive and start, less grain": f"{positive(0.1)[:-1]}, {away(0.1, BEFORE, SMOOTHED)}]",
            "positive and half of start, less grain": f"{positive(0.1)[:-1]}, {away(0.05, BEFORE, SMOOTHED)}]",
            "ratio to input": contrast(0.1, INPUT, "{kind: l1-ratio}"),
        },
        ((), {f"positive {w:g}": positive(w) for w in (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)}),
        begins=True,
    ),
    "photo-x1-again": Task(
        "models/photo-x1/recipe.yaml",
        (*AGAIN, "train.start_share=0.0"),
        {
            "control": f"[{{kind: l1}}, {LPIPS}, {PATTERN}]",
            "positive": f"{positive(0.1)[:-1]}, {PATTERN}]",
            "start, less grain": f"[{{kind: l1}}, {LPIPS}, {away(0.025, BEFORE, SMOOTHED)}, {PATTERN}]",
            "positive and start, less grain": f"{positive(0.1)[:-1]}, {away(0.1, BEFORE, SMOOTHED)}, {PATTERN}]",
        },
        ((), {}),
        begins=True,
    ),
    "photo-x1-blur": Task(
        "models/photo-x1/recipe.yaml",
        (*AGAIN, blurred_mix(), "train.schedule.warmup=50"),
        {
            "control": f"[{{kind: l1}}, {LPIPS}, {PATTERN}]",
            "start": f"[{{kind: l1}}, {LPIPS}, {away(0.05, BEFORE, blurred=BLURRED)}, {PATTERN}]",
        },
        ((), {}),
        begins=True,
        controls=1,
    ),
    "photo-x1-held": Task(
        "models/photo-x1/recipe.yaml",
        (
            blurred_mix(f"{{{OUT_OF_FOCUS}, {NOISY_JPEG}}}, "),
            "data.patch=80",
            "teacher={start: true, unless_blurred: 0.2}",
            "train.steps=900",
            "train.save_every=900",
            "train.schedule.warmup=50",
            "train.start_share=0.25",
            "validation.every=900",
        ),
        {
            "control": f"[{{kind: l1}}, {TAUGHT}, {LPIPS}, {PATTERN}, {FINE}]",
            "start": f"[{{kind: l1}}, {TAUGHT}, {LPIPS}, {sharper(0.24)}, {PATTERN}, {FINE}]",
        },
        ((), {}),
        begins=True,
        controls=1,
    ),
    "refocus": Task(
        "models/photo-x1/recipe.yaml",
        (
            f"data.degradation={{mix: [{{{OUT_OF_FOCUS}}}, {{{OUT_OF_FOCUS}}}, {{{OUT_OF_FOCUS}, {A_LITTLE_NOISE}}}, "
            f"{{{OUT_OF_FOCUS}, after: [{{kind: jpeg, quality: [75, 98]}}]}}, {{preset: clean}}]}}",
            "data.patch=80",
            "train.steps=900",
            "train.save_every=300",
            "train.schedule.warmup=50",
            "train.start_share=0.0",
            "validation.every=900",
            "validation.metric=lpips",
        ),
        {
            "control": f"[{{kind: l1}}, {LPIPS}, {PATTERN}, {FINE}]",
            **{
                arm: f"[{{kind: l1}}, {LPIPS}, {sharper(weight)}, {PATTERN}, {FINE}]"
                for arm, weight in (("start", 0.05), ("start, a quarter of the weight", 0.0125))
            },
        },
        ((), {}),
        begins=True,
        controls=1,
    ),
    "photo-x4": Task(
        "models/photo-x4/recipe.yaml",
        (
            "discriminator.begin=300",
            "train.steps=1500",
            "train.batch=6",
            "train.precision=bf16",
            "train.optimizer={kind: adam, lr: 5.0e-4, betas: [0.9, 0.99]}",
            "train.schedule={warmup: 100, hold: 0.0, floor: 0.01}",
            "train.ema=0.995",
            "train.save_every=500",
            "validation.every=750",
            "validation.crop=320",
        ),
        {
            "control": f"[{{kind: l1}}, {SHAPES}, {ADVERSARY}]",
            "away from the input": f"[{{kind: l1}}, {SHAPES}, {beside_input(0.01)}, {ADVERSARY}]",
            "twice the perceptual loss": f"[{{kind: l1}}, {SHAPES.replace('0.004', '0.008')}, {ADVERSARY}]",
            "no adversary": f"[{{kind: l1}}, {SHAPES}]",
        },
        ((), {}),
        begins=True,
        controls=1,
        also={
            "no adversary": ("discriminator=null",),
        },
    ),
    "haze": Task(
        "restore/recipes/dehaze.yaml",
        (
            FOLDERS,
            "data.patch=128",
            "train.steps=4000",
            "train.batch=4",
            "train.precision=bf16",
            "train.optimizer={kind: adam, lr: 1.0e-3, betas: [0.9, 0.99]}",
            "train.schedule={warmup: 100, hold: 0.0, floor: 0.001}",
            "train.ema=0.995",
            "train.save_every=1000",
            "validation.every=2000",
            "data.holdout=24",
        ),
        {
            "control": "[{kind: l1}]",
            "positive": positive(0.01, 2),
            "positive and input": contrast(0.01, INPUT, reduce=2),
            "positive and history": contrast(0.01, HISTORY, reduce=2),
            "history alone": contrast(0.003, HISTORY, "{kind: l1-difference, pull: 0}", 2),
            "ratio to input": contrast(0.1, INPUT, "{kind: l1-ratio}", 2),
        },
        (
            ("train.steps=1500", "validation.every=1500"),
            {f"positive {w:g}": positive(w, 2) for w in (0.003, 0.01, 0.03)},
        ),
    ),
}
METRIC_NAMES = {
    "psnr": ("PSNR, dB", 2, True),
    "lpips": ("LPIPS", 4, False),
    "checkerboard": ("checkerboard, levels", 3, False),
    "lpips-even": ("LPIPS without it", 4, False),
}


def main() -> None:
    """Train what is missing, judge it, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("--data", type=Path, help="folder of the folders of photographs")
    parser.add_argument("--pairs", action="append", default=[], metavar="NAME=INPUTS:TARGETS", help="pairs to judge on")
    parser.add_argument("--weights", type=Path, help="AlexNet's weights, for LPIPS")
    parser.add_argument("--start", type=Path, help="checkpoint, or run, that the runs begin with, for tasks that do")
    parser.add_argument("--runs", default=ROOT / "runs" / "contrast", type=Path, help="where the checkpoints go")
    parser.add_argument("--arm", action="append", help="train this arm only; may be repeated")
    parser.add_argument("--seeds", default="0,1,2", help="seeds, separated by commas (default: 0,1,2)")
    parser.add_argument("--scan", action="store_true", help="compare weights of the terms on held-out photographs")
    parser.add_argument("--table", action="store_true", help="only write the tables")
    parser.add_argument("--threads", default=1, type=int)
    options = parser.parse_args()
    name, task = options.task, TASKS[options.task]
    if options.scan:
        scan(name, task, options)
        return
    if not options.table:
        sets = dict(read_pairs(one) for one in options.pairs)
        for seed in map(int, options.seeds.split(",")):
            for arm in options.arm or task.arms:
                cell(name, task, arm, seed, sets, options)
    write_tables(name)


def read_pairs(said: str) -> tuple[str, Pairs]:
    """A set of pairs from NAME=INPUTS:TARGETS."""
    name, _, folders = said.partition("=")
    inputs, _, targets = folders.partition(":")
    return name, match_photos(Path(inputs), Path(targets))


def cell(name: str, task: Task, arm: str, seed: int, sets: Mapping[str, Pairs], options: argparse.Namespace) -> None:
    """Train and judge one arm with one seed, unless its result on all sets exists.

    The controls are also judged at half strength, halfway between the input and the result: what contrast gains
    should not be had by doing less.
    """
    wanted = [arm, halved(arm)] if arm in list(task.arms)[: task.controls] else [arm]
    results = read_results(name)
    missing = [(one, key) for one in wanted for key in sets if key not in results.get(one, {}).get(str(seed), {})]
    if not missing:
        return
    folder = train(
        name, task, f"{arm}-{seed}", task.arms[arm], [*task.also.get(arm, ()), f"train.seed={seed}"], options
    )
    recipe, network, _ = load_trained(folder)

    def restored(low: Pixels) -> Pixels:
        return enlarge(network, low, torch.device("cpu"))

    def unchanged(low: Pixels) -> Pixels:
        return low if recipe.scale == 1 else bicubic(low, recipe.scale)

    def half(low: Pixels) -> Pixels:
        return np.rint((unchanged(low).astype(np.float32) + restored(low)) / 2).astype(np.uint8)

    with torch.inference_mode():
        scores = [judge(restored if one == arm else half, sets[key], options.weights) for one, key in missing]
    results = read_results(name)  # again: other processes may have added theirs
    inputs = results.setdefault("input", {}).setdefault("-", {})
    for (one, key), score in zip(missing, scores, strict=True):
        if key not in inputs:
            inputs[key] = judge(unchanged, sets[key], options.weights)
        results.setdefault(one, {}).setdefault(str(seed), {})[key] = score
        print(one, seed, key, score, flush=True)
    results_file(name).parent.mkdir(parents=True, exist_ok=True)
    write_bytes(results_file(name), (json.dumps(results, indent=1) + "\n").encode())


def halved(arm: str) -> str:
    """The name of an arm at half strength."""
    return f"{arm}, half the change"


def train(name: str, task: Task, run: str, losses: str, more: Sequence[str], options: argparse.Namespace) -> Path:
    """Train a run, or resume it; returns its folder."""
    folder: Path = options.runs / name / run.replace(",", "").replace(" ", "-")
    if (folder / LAST).exists():
        how = Options(resume=True, device="cpu", threads=options.threads, workers=1)
        recipe = None
    else:
        if task.begins and options.start is None:
            raise SystemExit(f"{name} begins with trained weights: give --start")
        losses = losses.replace("START", json.dumps(str(options.start and options.start.resolve())))
        changes = (*task.changes, f"losses={losses}", *more)
        how = Options(options.start if task.begins else None, False, changes, "cpu", options.threads, 1)
        recipe = ROOT / task.recipe
    console = Console(stderr=True)
    console.print(f"{name}: {run}")
    if not start(recipe, options.data, folder, how, console):
        raise SystemExit(130)
    return folder


def judge(method: Callable[[Pixels], Pixels], pairs: Pairs, weights: Path) -> dict[str, float]:
    """Means of all measures over pairs of pictures."""
    measures = {}
    for key in ("psnr", "lpips", "checkerboard"):
        build = METRICS[key].measure
        assert build is not None
        measures[key] = build(MetricProtocol(1, color="rgb"), MetricInputs({"lpips": weights}))
    rows = []
    for low, high in pairs:
        given, wanted = (even(read_rgb8(path)) for path in (low, high))
        made = method(given)
        row = {key: float(measure(made, wanted, low.name)) for key, measure in measures.items()}
        rows.append({**row, "lpips-even": float(measures["lpips"](without_alternation(made), wanted, low.name))})
    return {key: round(statistics.mean(row[key] for row in rows), 5) for key in METRIC_NAMES}


def even(pixels: Pixels) -> Pixels:
    """A picture without its last row or column where their number is odd."""
    return np.ascontiguousarray(pixels[: len(pixels) // 2 * 2, : pixels.shape[1] // 2 * 2])


def without_alternation(pixels: Pixels) -> Pixels:
    """A picture without the highest frequencies of the pixel grid, in columns and in rows.

    Nine binomial coefficients of alternating signs, over 256, pass what alternates from pixel to pixel and hardly
    anything else; what they pass is taken away.
    """
    taps = np.array([(-1) ** i * comb(8, i) for i in range(9)]) / 2**8
    values = pixels.astype(np.float64)
    for kernel in (taps[:, None], taps[None, :]):
        values -= cv2.filter2D(values, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def scan(name: str, task: Task, options: argparse.Namespace) -> None:
    """Train the arms of the scan, and print what each makes of the held-out photographs."""
    changes, arms = task.scan
    for arm, losses in {"control": task.arms["control"], **arms}.items():
        folder = train(name, task, f"scan-{arm}", losses, [*changes, "train.seed=100"], options)
        rows = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        print(arm, [row for row in rows if "best" in row][-1], flush=True)


def results_file(name: str) -> Path:
    """Where the results of a task are."""
    return ROOT / "docs" / "contrast" / f"{name}.json"


def read_results(name: str) -> Results:
    """All results of a task so far: by arm, seed, set and metric."""
    file = results_file(name)
    found: Results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found


def write_tables(name: str) -> None:
    """Write the tables of a task into the page, between its marks."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{PAGE}: no marks {begin} and {end}")
    text = "\n".join([begin, "", *tables(read_results(name), TASKS[name]), end])
    write_bytes(PAGE, (before + text + after).encode())


def tables(results: Results, task: Task) -> list[str]:
    """Means over the seeds with their spread, then differences between runs of the same seed, as Markdown."""
    sets = list(results["input"]["-"])
    columns = [(one, metric) for one in sets for metric in METRIC_NAMES if metric in results["input"]["-"][one]]
    arms = list(task.arms)
    shown = [one for arm in arms for one in (arm, halved(arm)) if one in results]
    heading = " | ".join(f"{one}: {METRIC_NAMES[metric][0]}" for one, metric in columns)
    lines = [f"| arm | seeds | {heading} |", "|---|" + "---|" * (1 + len(columns))]
    for arm in ("input", *shown):
        cells = []
        for one, metric in columns:
            values = [scores[one][metric] for scores in results[arm].values() if metric in scores[one]]
            cells.append(mean_and_spread(values, METRIC_NAMES[metric][1], ""))
        lines.append(f"| {arm} | {'' if arm == 'input' else len(results[arm])} | {' | '.join(cells)} |")
    for base in arms[: task.controls]:
        if base not in results:
            continue
        lines += ["", f"Difference from `{base}` with the same seed:", ""]
        lines += [f"| arm | {heading} |", "|---|" + "---|" * len(columns)]
        for arm in (arm for arm in shown if arm != base):
            lines.append(f"| {arm} | {' | '.join(difference(results, arm, base, *column) for column in columns)} |")
    return [*lines, ""]


def difference(results: Results, arm: str, base: str, one: str, metric: str) -> str:
    """Mean and spread of the differences between runs with the same seed; bold beyond twice the spread."""
    _, digits, more = METRIC_NAMES[metric]
    both = sorted(results[arm].keys() & results[base].keys())
    pairs = [(results[arm][seed][one], results[base][seed][one]) for seed in both]
    values = [scores[metric] - control[metric] for scores, control in pairs if metric in scores and metric in control]
    said = mean_and_spread(values, digits, "+")
    if len(values) < 2 or abs(statistics.mean(values)) <= 2 * statistics.stdev(values):
        return said
    return f"**{said} {'better' if (statistics.mean(values) > 0) == more else 'worse'}**"


def mean_and_spread(values: Sequence[float], digits: int, sign: str) -> str:
    """Mean, with the standard deviation in parentheses if there is one."""
    said = f"{statistics.mean(values):{sign}.{digits}f}" if values else ""
    return said if len(values) < 2 else f"{said} ({statistics.stdev(values):.{digits}f})"


if __name__ == "__main__":
    main()
