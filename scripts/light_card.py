"""Section on a low-light model for its card: results on held-out scenes and low-light photos, and pictures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
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
from restore.runtime.model import Model
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
    """The exponent with the highest mean PSNR on these very pictures: an upper bound for a single curve."""

    def mean(exponent: float) -> float:
        return statistics.mean(score(gamma(exponent)(low), high, 1).psnr for low, high in found)

    return max(GAMMAS, key=mean)


def measure_light(model: Model, scenes: Path, testsets: Path, photos: list[Path], start: Path) -> dict[str, Any]:
    """Means over the pairs for reporting, and of NIQE over the low-light photographs, by method; and the judgment.

    Args:
        model: opened.
        scenes: what scripts/scene_pairs.py wrote.
        testsets: holds lowlight/LIME and Kodak24.
        photos: that the recipe holds out.
        start: the run that it began with.
    """
    found = pairs(scenes, "report")
    before, after = trained(start), of_file(model)
    exponent = best_gamma(found)
    methods: dict[str, Callable[[Pixels], Pixels]] = {
        "identity": lambda low: low,
        "CLAHE": clahe,
        f"gamma {exponent:g}": gamma(exponent),
        "before": before,
    }
    methods[model.spec.name] = after
    dark = [read_rgb8(path) for path in sorted((testsets / "lowlight/LIME").iterdir())]
    distance = FeatureDistance()
    rows = {}
    for name, method in methods.items():
        scores = []
        for low, high in found:
            made = method(low)
            both = score(made, high, 1)
            scores.append({"psnr": both.psnr, "ssim": both.ssim, "features": distance(made, high)})
        rows[name] = {key: round(statistics.mean(one[key] for one in scores), 4) for key in scores[0]}
        rows[name]["niqe"] = round(statistics.mean(niqe(method(picture), 0) for picture in dark), 4)
    plain = {"Kodak24": list_photos([testsets / "Kodak24"]), "held out": photos}
    judged = {said: judge(method, scenes, plain) for said, method in (("before", before), ("after", after))}
    return {"pairs": len(found), "dark": len(dark), "methods": rows, **judged}


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
            f"{light['pairs']} exposures of 12 scenes: of the 24 that are not trained on, every other one is for",
            "tuning and the rest are reported here. An exposure counts if it is not much brighter than its reference,",
            "which exposure fusion makes of the sequence. PSNR on RGB, SSIM on Y. The gamma is the best single one for",
            "these very pictures. The feature distance is our own: the mean relative change of EfficientNet-Lite0's",
            f"features. NIQE is taken over the {light['dark']} photographs of LIME, lower is better. *Before* are the",
            "weights that `start.yaml` gives, which were shipped once.",
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
    """What becomes of photographs that need nothing, by the earlier weights and by these."""
    columns = {
        "change": "mean change",
        "most": "largest",
        "above 2": "above 2",
        "above 8": "above 8",
        "white": "newly 255",
    }
    lines = [
        f"| as they are | mean brightness | photographs | {' | '.join(columns.values())} |",
        f"|{'---|' * (3 + len(columns))}",
    ]
    for name, judged in after["plain"].items():
        for of, row in judged["classes"].items():
            old = before["plain"][name]["classes"][of]
            units = (" %" if key in ("above 2", "above 8", "white") else "" for key in columns)
            cells = (f"{old[key]:.2f} → {row[key]:.2f}{unit}" for key, unit in zip(columns, units, strict=True))
            lines.append(f"| {name} | {of} | {row['count']} | {' | '.join(cells)} |")
    lifts = [
        f"{name}: {before['plain'][name]['backgrounds']['lift']:.1f} → {one['lift']:.1f} levels, at most "
        f"{before['plain'][name]['backgrounds']['most']:.1f} → {one['most']:.1f}, in {one['count']} photographs"
        for name, one in ((name, judged["backgrounds"]) for name, judged in after["plain"].items())
    ]
    old, new = before["exposures"], after["exposures"]
    return [
        *lines,
        "",
        "Photographs that need nothing, before → now: the mean absolute change of a picture in levels of 255, the",
        "largest, how many change by more than 2 and by more than 8, and pixels that newly reach 255 in a channel.",
        "",
        f"Large black areas are lifted by ({'; '.join(lifts)}). Of the exposures, {old['clipped']:.2f} → "
        f"{new['clipped']:.2f} %",
        f"of the pixels newly reach 255. The color noise in shadows that are lifted is {old['noise']:.2f} → "
        f"{new['noise']:.2f} levels; the same",
        f"places of the references have {new['reference noise']:.2f}.",
    ]
