"""Judge filter-removal models on filters, edits and photographs that their training never saw.

    pip install --no-deps instafilter
    python scripts/judge_unfilter.py unfilter=models/unfilter/unfilter.onnx --data PHOTOGRAPHS --testsets TESTSETS

It answers three questions: how much of another program's filters is removed; what happens to edits that are no known
filter, at 30, 60 and 100 %; and what happens to unfiltered photographs from several sources. The edits and renderings
come from ``unseen_edits.py``; the photographs are Kodak24, Set5, Set14, pictures of dark and hazy scenes, well-exposed
frames of exposure sequences, and the recipe's held-out photos. The results of each LABEL=MODEL are added to OUT; the
card shows ``before`` and ``unfilter``.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from unseen_edits import EDITS, STRENGTHS, renderings

from restore.data.filters.library import blend
from restore.data.filters.options import DEFAULT_NAMES, NO_FILTER
from restore.data.folder import list_photos
from restore.data.sources.base import hold_out
from restore.imaging.decode import read_rgb8
from restore.runtime.model import Model, open_model
from restore.runtime.stream import enhance_pixels
from restore.training.recipe_file import load_recipe
from restore.utils.atomic_write import write_bytes

ROOT = Path(__file__).resolve().parents[1]
JUDGED = ROOT / "models/unfilter/unseen.json"
Pixels = NDArray[np.uint8]
# Longer side of the judged pictures; number of held-out pictures that are edited, in addition to every second one of
# Kodak24; and number of unfiltered pictures.
SIDE, HELD, UNFILTERED = 384, 6, 200
# Every n-th frame of the exposure sequences is used if its mean lies in this range: about one per scene.
_FRAMES, _EXPOSED = 13, (70, 175)
# PSNR in dB of a picture that comes back unchanged.
_BEST = 60.0
_BINS = 10


def main() -> None:
    """Judge the models and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="LABEL=MODEL", help="labels and model files")
    parser.add_argument(
        "--out", default=JUDGED, type=Path, help="file of the results (default: models/unfilter/unseen.json)"
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the recipe's folders, and of exposures/")
    parser.add_argument("--testsets", required=True, type=Path, help="folder of the test sets")
    parser.add_argument("--every", default=1, type=int, help="use only every n-th photograph, for a quick look")
    options = parser.parse_args()
    found = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    for label, _, file in (one.partition("=") for one in options.models):
        model = open_model(Path(file), "cpu", threads=1)
        found[label] = judge(model, options.data, options.testsets, options.every)
        write_bytes(options.out, (json.dumps(found, indent=1) + "\n").encode())
        print("\n".join([f"# {label}", *lines(found[label])]))


def judge(model: Model, data: Path, testsets: Path, every: int = 1) -> dict[str, Any]:
    """All measurements of a model, as plain values.

    Args:
        model: opened.
        data: folder of the recipe's folders and of ``exposures``.
        testsets: folder of the test sets.
        every: use only every n-th photograph.
    """
    sources = photographs(data, testsets)
    held = [photo for name in sources if name.startswith("held out") for photo in sources[name]]
    edited = [*sources["Kodak24"][::2], *held[:: max(1, len(held) // HELD)][:HELD]][::every]
    sure: list[tuple[float, bool]] = []
    cells: dict[str, Any] = {}
    theirs = renderings()
    groups = {"filters": theirs, "edits": EDITS}
    for group, looks in groups.items():
        for name, look in looks.items():
            for strength in STRENGTHS:
                cell = f"{name} {100 * strength:.0f} %"
                part = group if group == "edits" or name in DEFAULT_NAMES else "other filters"
                kind = name if part == "filters" else NO_FILTER
                cells.setdefault(part, {})[cell] = _cell(model, edited, look, strength, kind, sure)
    changes = {name: [_change(model, photo, sure) for photo in photos[::every]] for name, photos in sources.items()}
    return {
        "photographs": len(edited),
        **cells,
        "unfiltered": {name: _spread([full for full, _ in values]) for name, values in changes.items()},
        "unfiltered all": _spread([full for values in changes.values() for full, _ in values]),
        "unfiltered all at half": _spread([half for values in changes.values() for _, half in values]),
        "reliability": reliability(sure),
    }


def photographs(data: Path, testsets: Path) -> dict[str, list[Pixels]]:
    """Photographs not used in training, by source and reduced to the judged size; :data:`UNFILTERED` in total."""
    recipe = load_recipe(ROOT / "models/unfilter/recipe.yaml")
    _, held = hold_out(list_photos([data / name for name in recipe.data.train]), recipe.data.holdout)
    sources = {"Kodak24": list_photos([testsets / "Kodak24"])}
    for path in held:
        sources.setdefault(f"held out of {path.parent.name}", []).append(path)
    usual = [path for name in ("Set5", "Set14") for path in list_photos([testsets / name / "x2"])]
    sources["Set5 and Set14"] = [path for path in usual if "_HR" in path.name]
    sources["dark, hazy and noisy"] = list_photos([testsets / name for name in ("lowlight/LIME", "real")])
    sources["dark, hazy and noisy"] = [p for p in sources["dark, hazy and noisy"] if "cloud" not in p.parts][:34]
    found = {name: [_small(read_rgb8(path)) for path in paths] for name, paths in sources.items()}
    frames = (_small(read_rgb8(path)) for path in list_photos([data / "exposures"])[::_FRAMES])
    exposed = (frame for frame in frames if _EXPOSED[0] <= frame.mean() <= _EXPOSED[1])
    rest = UNFILTERED - sum(map(len, found.values()))
    return {**found, "exposure sequences": [frame for _, frame in zip(range(rest), exposed, strict=False)]}


def _small(photo: Pixels) -> Pixels:
    factor = min(1.0, SIDE / max(photo.shape[:2]))
    size = (round(photo.shape[1] * factor), round(photo.shape[0] * factor))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cell(
    model: Model,
    photos: Sequence[Pixels],
    look: Callable[[Pixels], Pixels],
    strength: float,
    kind: str,
    sure: list[tuple[float, bool]],
) -> dict[str, float]:
    """Means over photographs under a look: dB before, and the gain at full and at half strength."""
    rows = []
    for photo in photos:
        under = blend(photo, look(photo), strength)
        made, half = _both(model, under)
        before = _psnr(under, photo)
        rows.append((before, _psnr(made, photo) - before, _psnr(half, photo) - before))
        _ask(model, under, kind, sure)
    before, gain, at_half = (round(float(statistics.mean(column)), 3) for column in zip(*rows, strict=True))
    worse = round(statistics.mean(float(row[1] < -0.3) for row in rows), 3)
    return {"before": before, "gain": gain, "half": at_half, "worse": worse}


def _change(model: Model, photo: Pixels, sure: list[tuple[float, bool]]) -> tuple[float, float]:
    """Mean absolute change of an unfiltered photograph in levels of 255, at full and at half strength."""
    _ask(model, photo, NO_FILTER, sure)
    full, half = (float(np.abs(made.astype(np.int16) - photo).mean()) for made in _both(model, photo))
    return full, half


def _both(model: Model, photo: Pixels) -> tuple[Pixels, Pixels]:
    made = enhance_pixels(photo, model, model.spec)
    return made, blend(photo, made, 0.5)


def _ask(model: Model, photo: Pixels, kind: str, sure: list[tuple[float, bool]]) -> None:
    belief = model.believe(photo)
    assert belief is not None, "a filter-removal model classifies the filter"
    sure.append((belief.share, belief.kind == kind))


def _psnr(made: Pixels, clean: Pixels) -> float:
    error = float(np.square(made.astype(np.float64) - clean).mean())
    return min(_BEST, 10 * np.log10(255**2 / max(error, 1e-9)))


def _spread(changes: Sequence[float]) -> dict[str, float]:
    values = np.array(changes)
    return {
        "count": len(values),
        "median": round(float(np.median(values)), 3),
        "mean": round(float(values.mean()), 3),
        "90 %": round(float(np.percentile(values, 90)), 3),
        "most": round(float(values.max()), 3),
        "above 10": int((values > 10).sum()),
    }


def reliability(sure: Sequence[tuple[float, bool]]) -> list[dict[str, float]]:
    """Mean confidence and accuracy of the classification, in ten bins of confidence.

    A filter's name counts as right at every strength; *none* is right for an edit, for a filter the model has no name
    for, and for an unfiltered photograph.
    """
    said, right = (np.array(column) for column in zip(*sure, strict=True))
    step = np.minimum(_BINS - 1, (_BINS * said).astype(int))
    return [
        {
            "from": i / _BINS,
            "count": int((step == i).sum()),
            "said": round(float(said[step == i].mean()), 3),
            "right": round(float(right[step == i].mean()), 3),
        }
        for i in range(_BINS)
        if (step == i).any()
    ]


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The printed summary."""
    for part in ("filters", "other filters", "edits"):
        for strength in STRENGTHS:
            rows = {name: row for name, row in found[part].items() if name.endswith(f" {100 * strength:.0f} %")}
            gain, half = (statistics.mean(row[key] for row in rows.values()) for key in ("gain", "half"))
            bad = {name: row["gain"] for name, row in rows.items() if row["gain"] < -0.3}
            yield f"{part} at {100 * strength:.0f} %: {gain:+.2f} dB, at half {half:+.2f} dB; worse than -0.3: {bad}"
    for name in ("unfiltered all", "unfiltered all at half"):
        yield f"{name}: {found[name]}"
    yield from (f"  {name}: {row}" for name, row in found["unfiltered"].items())
    rows = found["reliability"]
    yield "confidence and accuracy: " + ", ".join(
        f"{row['said']:.2f} {row['right']:.2f} ({row['count']})" for row in rows
    )


if __name__ == "__main__":
    main()
