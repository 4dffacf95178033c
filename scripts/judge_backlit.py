"""Measure whether a light model improves dark pictures and leaves well-exposed ones alone.

    python scripts/judge_backlit.py MODEL SCENES --plain NAME=FOLDER [--plain ...] [--half report] [--look FOLDER]

MODEL is a model file or a run's folder. SCENES is the output of scripts/scene_pairs.py: exposures of held-out scenes
and their references. Every other scene is for tuning (`--half tune`), the rest are for reporting. A plain folder holds
well-exposed photographs; --look writes each of them before and after.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from restore.data.folder import list_photos
from restore.data.sources.exposures import in_sequence
from restore.imaging.decode import read_rgb8
from restore.metrics.sr_protocol import score
from restore.runtime.model import Model, open_model
from restore.runtime.stream import enhance_pixels
from restore.training.trained_network import load_trained
from restore.training.validation import enlarge

Pixels = NDArray[np.uint8]
Half = Literal["tune", "report", "all"]
Enhance = Callable[[Pixels], Pixels]
# Longest side of a plain photograph, pixels.
LONGEST = 1024
# Classes of mean brightness, 0..255, by their lower ends.
CLASSES = (0, 60, 80, 100)
# A pixel below this level of 255 is black. A connected black area of at least this share of a picture is intentional.
BLACK, LARGE = 16, 0.01
# A pixel of a brightened shadow is darker than this before, and at least this many times as bright afterwards.
SHADOW, LIFTED = 40, 1.5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--plain", action="append", default=[], metavar="NAME=FOLDER", help="well-exposed photographs")
    parser.add_argument("--half", choices=("tune", "report", "all"), default="report", help="of the scenes")
    parser.add_argument("--look", type=Path, help="write every plain photograph before and after to this folder")
    options = parser.parse_args()
    enhance = trained(options.model) if options.model.is_dir() else of_file(open_model(options.model, "cpu"))
    plain = {name: list_photos([Path(folder)]) for name, folder in (one.split("=", 1) for one in options.plain)}
    print(json.dumps(judge(enhance, options.scenes, plain, options.half), indent=2))
    if options.look:
        look(enhance, [path for paths in plain.values() for path in paths], options.look)


def of_file(model: Model) -> Enhance:
    """The result of a model file, as a function."""
    return lambda pixels: enhance_pixels(pixels, model, model.spec)


def trained(run_folder: Path) -> Enhance:
    """The result of a run's network, as in validation: both sides even."""
    _, network, _ = load_trained(run_folder)

    def enhance(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="symmetric")
        return enlarge(network, even, torch.device("cpu"))[:height, :width]

    return enhance


def judge(enhance: Enhance, scenes: Path, plain: Mapping[str, list[Path]], half: Half = "report") -> dict[str, Any]:
    """Measure a model on exposures of held-out scenes and on well-exposed photographs.

    Args:
        enhance: maps a picture, uint8 (H, W, 3), to one of the same size.
        scenes: written by scripts/scene_pairs.py.
        plain: photographs by the name of their set.
        half: of the scenes.
    """
    found: dict[str, Any] = {"half": half, "exposures": exposures(enhance, pairs(scenes, half))}
    found["plain"] = {name: photographs(enhance, paths) for name, paths in plain.items()}
    return found


def pairs(scenes: Path, half: Half) -> list[tuple[Pixels, Pixels]]:
    """Inputs and references of one half of the scenes, which are distinguished by their references."""
    paths = in_sequence(list((scenes / "held/input").glob("*.png")))
    if not paths:
        raise SystemExit(f"{scenes / 'held'}: no pairs; write them with scripts/scene_pairs.py")
    numbers: dict[bytes, int] = {}
    wanted = {"tune": (0,), "report": (1,), "all": (0, 1)}[half]
    found = []
    for path in paths:
        reference = scenes / "held/target" / path.name
        number = numbers.setdefault(reference.read_bytes(), len(numbers))
        if number % 2 in wanted:
            found.append((read_rgb8(path), read_rgb8(reference)))
    return found


def exposures(enhance: Enhance, found: Sequence[tuple[Pixels, Pixels]]) -> dict[str, Any]:
    """PSNR and SSIM against the references, and the color noise in brightened shadows."""
    rows, classes = [], []
    for low, high in found:
        made = enhance(low)
        both = score(made, high, 1)
        noise = chroma_noise(low, made)
        rows.append(
            {
                "psnr": both.psnr,
                "ssim": both.ssim,
                "identity": score(low, high, 1).psnr,
                "clipped": newly(made, low, 255),
                "noise": noise,
                "reference noise": None if noise is None else chroma_noise(low, high, made),
            }
        )
        classes.append(brightness(low))
    means = {key: _mean([row[key] for row in rows]) for key in rows[0]}
    of_class = {
        name: {
            "count": classes.count(name),
            **{key: _mean(_of(rows, classes, name, key)) for key in ("identity", "psnr")},
        }
        for name in sorted(set(classes), key=_order)
    }
    return {"count": len(rows), **means, "classes": of_class}


def photographs(enhance: Enhance, paths: Sequence[Path]) -> dict[str, Any]:
    """How much well-exposed photographs change, by brightness."""
    rows, classes, lifts = [], [], []
    for path in paths:
        before = small(read_rgb8(path))
        after = enhance(before)
        change = float(np.abs(after.astype(int) - before).mean())
        rows.append({"change": change, "white": newly(after, before, 255), "black": newly(after, before, 0)})
        classes.append(brightness(before))
        if (lift := black_lift(before, after)) is not None:
            lifts.append(lift)
    found: dict[str, Any] = {}
    for name in ["all", *sorted(set(classes), key=_order)]:
        some = [row for row, of in zip(rows, classes, strict=True) if name in ("all", of)]
        changes = [row["change"] for row in some]
        found[name] = {
            "count": len(some),
            "change": _mean(changes),
            "most": round(max(changes), 2),
            "above 2": round(100 * statistics.mean(change > 2 for change in changes), 1),
            "above 8": round(100 * statistics.mean(change > 8 for change in changes), 1),
            "white": _mean([row["white"] for row in some]),
            "most white": round(max(row["white"] for row in some), 2),
            "black": _mean([row["black"] for row in some]),
        }
    backgrounds = {"count": len(lifts), "lift": _mean(lifts), "most": round(max(lifts, default=0.0), 2)}
    return {"classes": found, "backgrounds": backgrounds}


def small(pixels: Pixels) -> Pixels:
    """The picture with its longest side reduced to at most ``LONGEST``."""
    height, width = pixels.shape[:2]
    factor = min(1.0, LONGEST / max(height, width))
    size = (round(width * factor), round(height * factor))
    reduced: Pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return reduced


def brightness(pixels: Pixels) -> str:
    """The class of a picture by its mean, such as ``60 to 80``."""
    number = sum(float(pixels.mean()) >= least for least in CLASSES)
    return f"{CLASSES[number - 1]} to {CLASSES[number]}" if number < len(CLASSES) else f"above {CLASSES[-1]}"


def newly(after: Pixels, before: Pixels, level: int) -> float:
    """Percentage of pixels that newly reach ``level`` in any channel."""
    return 100 * float(((after == level) & (before != level)).any(axis=2).mean())


def luma(pixels: Pixels) -> NDArray[np.float32]:
    """Luma of BT.601 on 0..255, black to white."""
    values: NDArray[np.float32] = cv2.cvtColor(pixels.astype(np.float32), cv2.COLOR_RGB2GRAY)
    return values


def black_lift(before: Pixels, after: Pixels) -> float | None:
    """By how many levels large black areas were brightened on average; None without such areas.

    Black is darker than ``BLACK``. Areas are what remains after an opening with a square of 1/64 of the longer side; an
    area is large if it covers ``LARGE`` of the picture.
    """
    dark = luma(before)
    side = max(3, max(dark.shape) // 64)
    areas = cv2.morphologyEx((dark < BLACK).astype(np.uint8), cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    _, labels, facts, _ = cv2.connectedComponentsWithStats(areas)
    large = [i for i in range(1, len(facts)) if facts[i, cv2.CC_STAT_AREA] >= LARGE * dark.size]
    mask = np.isin(labels, large)
    return float((luma(after)[mask] - dark[mask]).mean()) if large else None


def chroma_noise(before: Pixels, after: Pixels, lifted_by: Pixels | None = None) -> float | None:
    """Deviation of the color from its surroundings in brightened shadows, levels of 255; None without such shadows.

    Args:
        before: the dark picture.
        after: the picture whose color is measured.
        lifted_by: the picture that defines which shadows were brightened; None for ``after``.
    """
    lifted = luma(after if lifted_by is None else lifted_by)
    shadows = (luma(before) < SHADOW) & (lifted > LIFTED * luma(before)) & (lifted < 220)
    if shadows.mean() < LARGE:
        return None
    chroma = cv2.cvtColor(after, cv2.COLOR_RGB2YCrCb)[..., 1:].astype(np.float32)
    rest = chroma - cv2.GaussianBlur(chroma, (0, 0), 2)
    return float(rest[shadows].std())


def look(enhance: Enhance, paths: Sequence[Path], folder: Path) -> None:
    """Write each photograph next to its result, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        before = small(read_rgb8(path))
        both = [before, enhance(before)]
        wide = before.shape[1] > before.shape[0]
        Image.fromarray(np.concatenate(both, axis=0 if wide else 1)).save(folder / f"{path.stem}.png")


def _of(rows: Sequence[dict[str, Any]], classes: Sequence[str], name: str, key: str) -> list[Any]:
    return [row[key] for row, of in zip(rows, classes, strict=True) if of == name]


def _order(name: str) -> int:
    return int(name.split()[-1]) + name.startswith("above")


def _mean(values: Sequence[float | None]) -> float:
    """The mean of the values that are not None; 0 if there are none."""
    given = [value for value in values if value is not None]
    return round(statistics.mean(given), 4) if given else 0.0


if __name__ == "__main__":
    main()
