"""Pictures as another program degrades them, to judge models on what training did not make.

    python scripts/corrupted_pairs.py PHOTOGRAPHS OUT [--every 2] [--first 0] [--severity 1] [--corruption NAME ...]

Writes every n-th PNG picture of a folder to OUT/target and, under each corruption of the package imagecorruptions, to
OUT/CORRUPTION, the same at each call. --reduce 4 shrinks them first, for models that enlarge. The corruptions are those
of Hendrycks and Dietterich, "Benchmarking neural network robustness to common corruptions and perturbations", ICLR
2019.

The package needs versions older than restore's, so this runs in an environment of its own, without restore:

    pip install imagecorruptions opencv-python-headless "numpy<2" "scipy<1.14" "setuptools<81"
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

CORRUPTIONS = ("jpeg_compression", "shot_noise", "defocus_blur")


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, help="folder of PNG files")
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--every", default=2, type=int, help="use every n-th picture (default: 2)")
    parser.add_argument("--first", default=0, type=int, help="the first picture to use, from 0 (default: 0)")
    parser.add_argument("--severity", default=1, type=int, choices=range(1, 6), help="from 1 to 5 (default: 1)")
    parser.add_argument("--reduce", default=1, type=int, help="shrink what is corrupted, by areas (default: 1)")
    parser.add_argument("--corruption", action="append", help=f"default: {', '.join(CORRUPTIONS)}")
    options = parser.parse_args()
    from imagecorruptions import corrupt

    for number, path in enumerate(sorted(options.photographs.glob("*.png"))):
        if number % options.every != options.first % options.every or number < options.first:
            continue
        clean = cv2.imread(str(path))
        if clean is None:
            raise SystemExit(f"{path}: cannot be read")
        write(options.out / "target" / path.name, clean)
        low = cv2.resize(clean, None, fx=1 / options.reduce, fy=1 / options.reduce, interpolation=cv2.INTER_AREA)
        for name in options.corruption or CORRUPTIONS:
            np.random.seed(number)  # the package draws from NumPy's global generator
            rgb = np.ascontiguousarray(low[..., ::-1])
            write(
                options.out / name / path.name, corrupt(rgb, corruption_name=name, severity=options.severity)[..., ::-1]
            )


def write(path: Path, pixels: np.ndarray) -> None:
    """Write a picture (H, W, 3), BGR, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), pixels):
        raise SystemExit(f"{path}: cannot be written")


if __name__ == "__main__":
    main()
