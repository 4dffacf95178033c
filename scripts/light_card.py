"""Section on a low-light model for its card: results on held-out scenes and low-light photos, and pictures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from judge_backlit import judge, of_file, pairs, trained
from numpy.typing import NDArray
from PIL import Image

from restore.data.folder import list_photos
from restore.diagnostics.bench import Case, run
from restore.imaging.decode import read_rgb8
from restore.metrics.learned.feature_distance import FeatureDistance
from restore.metrics.niqe import niqe
from restore.metrics.sr_protocol import score
from restore.runtime.model import Model, open_model
from restore.zoo.precision import Kind

Pixels = NDArray[np.uint8]
METRICS = {"psnr": ("PSNR, dB", 2), "ssim": ("SSIM", 4), "features": ("feature distance", 4), "niqe": ("NIQE, LIME", 2)}
GAMMAS = [round(0.2 + 0.05 * i, 2) for i in range(17)]
# The side of a square of 12 megapixels.
TWELVE = 3464
SHOWN = 256


def clahe(pixels: Pixels) -> Pixels:
    """Contrast-limited adaptive histogram equalization of L in Lab, with OpenCV's usual limit 2 and 8 x 8 tiles."""
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(2.0, (8, 8)).apply(lab[..., 0])
    equalized: Pixels = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).astype(np.uint8)
    return equalized


def gamma(exponent: float) -> Callable[[Pixels], Pixels]:
    """The same curve for every picture."""
    table = np.round(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return lambda pixels: table[pixels]


def best_gamma(found: list[tuple[Pixels, Pixels]]) -> float:
    """The exponent with the highest mean PSNR on these very pictures: an upper bound for any single exponent."""

    def mean(exponent: float) -> float:
        return statistics.mean(score(gamma(exponent)(low), high, 1).psnr for low, high in found)

    return max(GAMMAS, key=mean)


def measure_light(model: Model, scenes: Path, testsets: Path, photos: list[Path], earlier: Path) -> dict[str, Any]:
    """Means over the reporting half of the pairs and NIQE over the low-light photos, by method; and the judgments.

    Args:
        model: an open model.
        scenes: output folder of scripts/scene_pairs.py.
        testsets: holds lowlight/LIME and Kodak24.
        photos: the recipe's held-out photos.
        earlier: a model file, or a run's folder, to compare with.
    """
    others, before = _others(scenes, testsets, tuple(photos), earlier)
    after = of_file(model)
    rows = {**others, model.spec.name: _means(after, scenes, testsets)}
    judged = judge(after, scenes, _plain(testsets, photos))
    counts = {"pairs": len(pairs(scenes, "report")), "dark": len(_dark(testsets))}
    return {**counts, "methods": rows, "before": before, "after": judged}


@cache
def _others(
    scenes: Path, testsets: Path, photos: tuple[Path, ...], earlier: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The means of the methods that the model is compared with, and the judgment of the earlier one.

    Cached, because they are the same for every precision of a model.
    """
    exponent = best_gamma(pairs(scenes, "report"))
    before = trained(earlier) if earlier.is_dir() else of_file(open_model(earlier, "cpu"))
    methods: dict[str, Callable[[Pixels], Pixels]] = {
        "identity": lambda low: low,
        "CLAHE": clahe,
        f"gamma {exponent:g}": gamma(exponent),
        "before": before,
    }
    rows = {name: _means(method, scenes, testsets) for name, method in methods.items()}
    return rows, judge(before, scenes, _plain(testsets, photos))


def _means(method: Callable[[Pixels], Pixels], scenes: Path, testsets: Path) -> dict[str, float]:
    """The mean of each metric for one method."""
    scores, distance = [], FeatureDistance()
    for low, high in pairs(scenes, "report"):
        made = method(low)
        both = score(made, high, 1)
        scores.append({"psnr": both.psnr, "ssim": both.ssim, "features": distance(made, high)})
    means = {key: round(statistics.mean(one[key] for one in scores), 4) for key in scores[0]}
    return {**means, "niqe": round(statistics.mean(niqe(method(picture), 0) for picture in _dark(testsets)), 4)}


def _dark(testsets: Path) -> list[Pixels]:
    """The low-light photos."""
    return [read_rgb8(path) for path in sorted((testsets / "lowlight/LIME").iterdir())]


def _plain(testsets: Path, photos: Sequence[Path]) -> dict[str, list[Path]]:
    """Photos that need nothing."""
    return {"Kodak24": list_photos([testsets / "Kodak24"]), "held out": list(photos)}


def twelve_megapixels(file: Path) -> dict[str, float]:
    """Seconds and gigabytes for a square of 12 megapixels, in a separate process, without file I/O."""
    (row,) = run([Case(str(file), "auto", "cpu", TWELVE, None, None, 3)])
    if row.error or row.peak is None:
        raise SystemExit(f"{file}: {row.error or 'its memory could not be measured'}")
    return {"seconds": round(row.ms_per_megapixel * TWELVE**2 / 1e9, 2), "gigabytes": round(row.peak / 1e9, 2)}


def show_light(model: Model, testsets: Path, file: Path) -> None:
    """Save the low-light photos as JPEG, each before and after, three pairs to a row."""
    cells = []
    for path in sorted((testsets / "lowlight/LIME").iterdir()):
        before = read_rgb8(path)
        both = [before, of_file(model)(before)]
        height, width = before.shape[:2]
        size = (SHOWN, SHOWN * height // width) if width >= height else (SHOWN * width // height, SHOWN)
        small = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in both]
        pad = [(0, SHOWN - small[0].shape[0]), (0, SHOWN - small[0].shape[1]), (0, 0)]
        cells.append(np.concatenate([np.pad(picture, pad, constant_values=255) for picture in small], axis=1))
    rows = [np.concatenate(cells[i : i + 3], axis=1) for i in range(0, len(cells) - len(cells) % 3, 3)]
    Image.fromarray(np.concatenate(rows)).save(file, quality=90)


def section(facts: Mapping[Kind, Any], name: str) -> str:
    """The section as Markdown."""
    light = facts["fp32"]["light"]
    lines = [f"| held-out scenes | {' | '.join(said for said, _ in METRICS.values())} |", f"|{'---|' * 5}"]
    rows = dict(light["methods"])
    if "int8" in facts:
        rows[f"{name} int8"] = facts["int8"]["light"]["methods"][name]
    for method, values in rows.items():
        cells = " | ".join(f"{values[key]:.{digits}f}" for key, (_, digits) in METRICS.items())
        lines.append(f"| {f'**{method}**' if method.startswith(name) else method} | {cells} |")
    twelve = [
        f"{kind}: {one['twelve']['seconds']} s and {one['twelve']['gigabytes']} GB" for kind, one in facts.items()
    ]
    return "\n".join(
        [
            *lines,
            "",
            f"{light['pairs']} exposures of 12 scenes. Of the 24 held-out scenes, every other one was used",
            "for tuning, and the rest are reported here. Exposures much brighter than their reference are omitted; the",
            "reference is made by exposure fusion of the sequence. PSNR on RGB, SSIM on Y. The gamma is the best",
            "single value for these very pictures. The feature distance is our own: the mean relative change of",
            f"EfficientNet-Lite0's features. NIQE is measured on LIME's {light['dark']} photos; lower is better.",
            "*Before* is the model that this one's training started with, which was shipped earlier.",
            "",
            *_stays(light["before"], light["after"]),
            "",
            f"12 megapixels, without reading and writing files: {'; '.join(twelve)} at the peak.",
            "",
            "![LIME, before and after](look.jpg)",
            "",
            "LIME's photos, each before and after.",
        ]
    )


def _stays(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """How well-exposed photos change, with the earlier weights and with these."""
    columns = {
        "change": "mean change",
        "most": "largest",
        "above 2": "above 2",
        "above 8": "above 8",
        "white": "newly 255",
    }
    lines = [
        f"| unprocessed photos | mean brightness | photos | {' | '.join(columns.values())} |",
        f"|{'---|' * (3 + len(columns))}",
    ]
    lifts = []
    for name, judged in after["plain"].items():
        was = before["plain"][name]
        for of, row in judged["classes"].items():
            old = was["classes"][of]
            units = (" %" if key in ("above 2", "above 8", "white") else "" for key in columns)
            cells = (f"{old[key]:.2f} → {row[key]:.2f}{unit}" for key, unit in zip(columns, units, strict=True))
            lines.append(f"| {name} | {of} | {row['count']} | {' | '.join(cells)} |")
        old, new = was["backgrounds"], judged["backgrounds"]
        lifts.append(
            f"{old['lift']:.1f} → {new['lift']:.1f} levels on average and {old['most']:.1f} → {new['most']:.1f} at "
            f"most ({name}, {new['count']} of the photos)"
        )
    old, new = before["exposures"], after["exposures"]
    return [
        *lines,
        "",
        "Unprocessed photos, before → now: mean and largest absolute change of a photo in levels of 255, share of",
        "photos that change by more than 2 and by more than 8 levels, and share of pixels that newly reach 255 in a",
        "channel.",
        "",
        "Large black areas become brighter by",
        *(f"{lift}{end}" for lift, end in zip(lifts, [","] * (len(lifts) - 1) + ["."], strict=True)),
        f"In the exposures, {old['clipped']:.2f} → {new['clipped']:.2f} % of the pixels newly reach 255, and the",
        f"color noise in brightened shadows is {old['noise']:.2f} → {new['noise']:.2f} levels;",
        f"the references have {old['reference noise']:.2f} → {new['reference noise']:.2f} in the same shadows.",
    ]
