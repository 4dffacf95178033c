"""Section on a filter-removal model for its card: results filter by filter, and pictures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from light_card import trained
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from restore.data.degradations.jpeg import jpeg8
from restore.data.filters.library import FILTERS, blend, find_filter
from restore.data.filters.options import DEFAULT_NAMES, NO_FILTER, PhotoFilters, draw_filter, filtered, open_filters
from restore.data.folder import list_photos
from restore.data.sampling import generator
from restore.data.sources.base import hold_out
from restore.imaging.decode import read_rgb8
from restore.metrics.ciede2000 import ciede2000
from restore.metrics.learned.feature_distance import FeatureDistance
from restore.metrics.sr_protocol import score
from restore.runtime.cpu import usable_cores
from restore.runtime.model import Model
from restore.runtime.stream import enhance_pixels
from restore.training.recipe import Recipe
from restore.zoo.precision import Kind

Pixels = NDArray[np.uint8]
# Longer side of the measured pictures, and how many held-out ones of the training folders to use.
SIDE, HELD = 384, 24
# A strength that training draws rarely or never; and how many filters are stacked (training: two at most).
WEAK, LAYERS = 0.25, 3
# Deviation of another version of a filter in each channel's gain and gamma; JPEG quality of a posted picture.
DEPARTURE, QUALITY = 0.03, 80
_UNNAMED = ("weak", "layers", "other", "posted", "large")
METRICS = {"psnr": ("PSNR, dB", 2), "ssim": ("SSIM", 4), "ciede2000": ("CIEDE2000", 2), "features": ("features", 3)}
_SHOWN, _SHOWN_FILTERS = 192, ("clarendon", "nashville", "xpro2", "1977", "gingham", "toaster", "moon", "earlybird")
_CONTROL = " The control was trained with `control.yaml`, the same recipe without the losses on the code."
_TEXT = f"""\
{{table}}

{{apart}}

{{pictures}} photos not used in training: Kodak24 and some held out of the training folders, reduced to {SIDE} pixels
on the longer side. PSNR on RGB, SSIM on Y, CIEDE2000 averaged over the pixels. Gray-world gives each channel a gain
and an offset so that all three share one mean and deviation. The feature distance is our own metric: the mean relative
change of EfficientNet-Lite0's features.{{control}}

{{by_filter}}

The last column is how often the model names the filter. *weak* is a filter at strength {WEAK}, {{weak}}; *layers* are
{LAYERS} filters on top of each other at half strength, where training uses at most two; *other* are filters with each
channel's gain and gamma up to {100 * DEPARTURE:.0f} % off, as in another program's version; *posted* are filtered
photos saved as JPEG at quality {QUALITY}; *large* are Kodak24's photos at 768 x 512, each under one filter.
Inkwell, Moon and Willow discard color, which nothing can recover.
Half of the photos without a filter come back at {{half}} dB or more, and a tenth below {{most}} dB because the model
mistakes them for filtered. The mean is higher, because photos that come back bit for bit count as about 100 dB.

12 megapixels, without reading and writing files: {{twelve}} at the peak.

![Kodak24: filtered, restored and original](look.jpg)

Each filtered, restored and original: {", ".join(_SHOWN_FILTERS)}."""


def gray_world(pixels: Pixels) -> Pixels:
    """Give every channel the average mean and deviation of the three, by a gain and an offset."""
    values = pixels.reshape(-1, 3).astype(np.float64)
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    balanced = (values - mean) / deviation * deviation.mean() + mean.mean()
    made: Pixels = np.clip(np.round(balanced), 0, 255).astype(np.uint8).reshape(pixels.shape)
    return made


def held_out(recipe: Recipe, data: Path, testsets: Path) -> list[Pixels]:
    """Kodak24 and some of the recipe's held-out photos, small enough to measure thousands of results."""
    _, kept = hold_out(list_photos([data / name for name in recipe.data.train]), recipe.data.holdout)
    paths = [*list_photos([testsets / "Kodak24"]), *kept[:: max(1, len(kept) // HELD)][:HELD]]
    pictures = []
    for path in paths:
        picture = read_rgb8(path)
        factor = min(1.0, SIDE / max(picture.shape[:2]))
        size = (round(picture.shape[1] * factor), round(picture.shape[0] * factor))
        pictures.append(cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8))
    return pictures


def full_size(testsets: Path) -> list[Pixels]:
    """Kodak24 at its own size."""
    return [read_rgb8(path) for path in list_photos([testsets / "Kodak24"])]


def looks() -> dict[str, Callable[[Pixels, int], Pixels]]:
    """By name, how the n-th picture is filtered: each filter, none, and variants met in practice."""
    names = list(DEFAULT_NAMES)

    def one(name: str) -> Callable[[Pixels, int], Pixels]:
        return lambda photo, _: find_filter(name)(photo)

    def weak(photo: Pixels, number: int) -> Pixels:
        return blend(photo, find_filter(names[number % len(names)])(photo), WEAK)

    def layers(photo: Pixels, number: int) -> Pixels:
        for name in np.random.default_rng(number).choice(names, LAYERS, replace=False):
            photo = blend(photo, find_filter(name)(photo), 0.5)
        return photo

    def other(photo: Pixels, number: int) -> Pixels:
        options = PhotoFilters(names=(names[number % len(names)],), untouched=0, whole=1, jitter=DEPARTURE)
        return filtered(photo, draw_filter(options, generator(0, number)), open_filters(options, Path()))

    def large(photo: Pixels, number: int) -> Pixels:
        return find_filter(names[number % len(names)])(photo)

    def posted(photo: Pixels, number: int) -> Pixels:
        return jpeg8(large(photo, number), QUALITY)

    apart = dict(zip(_UNNAMED, (weak, layers, other, posted, large), strict=True))
    return {**{name: one(name) for name in names}, NO_FILTER: lambda photo, _: photo, **apart}


def measure_filters(model: Model, pictures: Sequence[Pixels], large: Sequence[Pixels], control: Path) -> dict[str, Any]:
    """Means over the pictures, by filter and by method, and how often the model names the filter correctly.

    Args:
        model: opened; for an 8-bit twin, no other method is measured.
        pictures: from :func:`held_out`.
        large: from :func:`full_size`; each is measured under one filter.
        control: a run without the losses on the code; skipped if it does not exist.
    """
    methods: dict[str, Callable[[Pixels], Pixels]] = {
        model.spec.name: lambda photo: enhance_pixels(photo, model, model.spec),
    }
    if model.spec.precision == "fp32":
        beside = {"identity": lambda photo: photo, "gray-world": gray_world}
        if control.exists():
            beside["control"] = trained(control)
        methods = {**beside, **methods}
    feature_distance = FeatureDistance()
    sets = [(cleans, [feature_distance.to(clean) for clean in cleans]) for cleans in (pictures, large)]

    def measured(item: tuple[str, Callable[[Pixels, int], Pixels]]) -> dict[str, Any]:
        look, lay = item
        cleans, distances = sets[look == "large"]
        seen = [lay(photo, number) for number, photo in enumerate(cleans)]
        rows = {}
        for name, method in methods.items():
            trio = zip(seen, cleans, distances, strict=True)
            values = [_values(method(photo), clean, distance) for photo, clean, distance in trio]
            rows[name] = {key: round(statistics.mean(one[key] for one in values), 4) for key in METRICS}
        beliefs = [model.believe(photo) for photo in seen]
        named = statistics.mean(belief is not None and belief.kind == look for belief in beliefs)
        return {"methods": rows, "named": round(named, 3)}

    wanted = looks()
    torch.set_num_threads(1)  # for many small pictures, one core each is faster than all cores for each
    with ThreadPoolExecutor(usable_cores()) as pool:
        done = track(pool.map(measured, wanted.items()), "Measuring", len(wanted))
        found = dict(zip(wanted, done, strict=True))
    return {"pictures": len(pictures), "looks": found, "unfiltered": unfiltered(model, pictures)}


def unfiltered(model: Model, pictures: Sequence[Pixels]) -> dict[str, float]:
    """The PSNR in dB that half of the unfiltered pictures reach, and that nine in ten reach.

    A mean would be meaningless: pictures that come back unchanged have no finite PSNR.
    """
    values = [_values(enhance_pixels(photo, model, model.spec), photo, lambda _: 0.0)["psnr"] for photo in pictures]
    return {"half": round(float(np.median(values)), 2), "most": round(float(np.percentile(values, 10)), 2)}


def _values(made: Pixels, clean: Pixels, distance: Callable[[Pixels], float]) -> dict[str, float]:
    # Without a filter the input is the target and its PSNR infinite: cap it at one value being off by one.
    both = score(made, clean, 1)
    best = 10 * np.log10(255**2 * clean.size)
    colors = ciede2000(made, clean, border=1)
    return {"psnr": min(both.psnr, best), "ssim": both.ssim, "ciede2000": colors, "features": distance(made)}


def means(found: Mapping[str, Any], looks: Sequence[str] = tuple(DEFAULT_NAMES)) -> dict[str, dict[str, float]]:
    """Means over the filters, by method."""
    rows = [found["looks"][name]["methods"] for name in looks]
    return {
        method: {key: round(statistics.mean(row[method][key] for row in rows), 4) for key in METRICS}
        for method in rows[0]
    }


def show_filters(model: Model, testsets: Path, file: Path) -> None:
    """Save photos of Kodak24 as JPEG, each filtered, restored and original, two to a row."""
    cells = []
    paths = list_photos([testsets / "Kodak24"])
    for path, name in zip(paths[:: len(paths) // len(_SHOWN_FILTERS)], _SHOWN_FILTERS, strict=False):
        photo = read_rgb8(path)
        under = find_filter(name)(photo)
        height, width = photo.shape[:2]
        size = (_SHOWN * width // max(height, width), _SHOWN * height // max(height, width))
        three = [
            cv2.resize(one, size, interpolation=cv2.INTER_AREA)
            for one in (under, enhance_pixels(under, model, model.spec), photo)
        ]
        pad = [(0, _SHOWN - three[0].shape[0]), (0, _SHOWN - three[0].shape[1]), (0, 0)]
        cells.append(np.concatenate([np.pad(one, pad, constant_values=255) for one in three], axis=1))
    rows = [np.concatenate(cells[i : i + 2], axis=1) for i in range(0, len(cells), 2)]
    Image.fromarray(np.concatenate(rows)).save(file, quality=90)


def section(facts: Mapping[Kind, Any], name: str, filters: PhotoFilters) -> str:
    """The section as Markdown; ``filters`` are the training options."""
    found = facts["fp32"]["filters"]
    lines = [
        f"| mean of {len(DEFAULT_NAMES)} filters | {' | '.join(said for said, _ in METRICS.values())} |",
        "|---" * 5 + "|",
    ]
    rows = dict(means(found))
    if "int8" in facts:
        rows[f"{name} int8"] = means(facts["int8"]["filters"])[name]
    for method, values in rows.items():
        cells = " | ".join(f"{values[key]:.{digits}f}" for key, (_, digits) in METRICS.items())
        lines.append(f"| {f'**{method}**' if method.startswith(name) else method} | {cells} |")
    twelve = [
        f"{kind}: {one['twelve']['seconds']} s and {one['twelve']['gigabytes']} GB" for kind, one in facts.items()
    ]
    return _TEXT.format(
        apart=_apart(found, name),
        weak=_weak(filters.strength[0]),
        **found["unfiltered"],
        table="\n".join(lines),
        pictures=found["pictures"],
        by_filter="\n".join(_by_filter(found, name)),
        control=_CONTROL if "control" in rows else "",
        twelve="; ".join(twelve),
    )


def _apart(found: Mapping[str, Any], name: str) -> str:
    """Means without the filters that discard color, and how often the filter is named."""
    rest = [look for look in DEFAULT_NAMES if not FILTERS[look].gray]
    rows = means(found, rest)
    said = ", ".join(f"{method} {values['psnr']:.2f} dB ({values['ciede2000']:.2f})" for method, values in rows.items())
    named = 100 * statistics.mean(found["looks"][look]["named"] for look in DEFAULT_NAMES)
    return (
        f"Over the {len(rest)} filters that keep color, with CIEDE2000 in parentheses: {said}. "
        f"It names {named:.0f} % of the filters."
    )


def _weak(least: float) -> str:
    """How training, whose weakest filters have strength ``least``, covers the weak ones."""
    return "weaker than any in training" if least > WEAK else f"rare in training, which goes down to {least}"


def _by_filter(found: Mapping[str, Any], name: str) -> list[str]:
    """A row for each filter, worst first, then the special cases."""
    looks = found["looks"]
    worst = sorted(DEFAULT_NAMES, key=lambda look: looks[look]["methods"][name]["psnr"])
    beside = [method for method in looks[worst[0]]["methods"] if method != name]
    head = f"| filter | {' | '.join(beside)} | **{name}** | SSIM | CIEDE2000 (before) | named |"
    lines = [head, "|---" * (5 + len(beside)) + "|"]
    for look in (*worst, NO_FILTER, *_UNNAMED):
        rows = looks[look]["methods"]
        psnr = [f"{rows[method]['psnr']:.2f}" for method in beside]
        if look == NO_FILTER:
            psnr[0] = "equal"
        mine, before = rows[name], rows["identity"]
        named = "" if look in _UNNAMED else f"{100 * looks[look]['named']:.0f} %"
        lines.append(
            f"| {look} | {' | '.join(psnr)} | **{mine['psnr']:.2f}** | {mine['ssim']:.4f} "
            f"| {mine['ciede2000']:.2f} ({before['ciede2000']:.2f}) | {named} |"
        )
    return lines
