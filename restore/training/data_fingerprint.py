"""Recognize whether a resumed run gets the photographs that it began with."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from restore.data.sources.base import TrainingData
from restore.utils.json_types import JsonObject


def fingerprint(data: TrainingData, root: Path) -> JsonObject:
    """Number and digest of the training photographs, by path below ``root`` and file size, and of the validation ones.

    The pixels that are validated on go into the digest, because scores depend on every one of them.
    """
    trained, validated = hashlib.sha256(), hashlib.sha256()
    count = 0
    for store in data.dataset.stores():
        for path in store.paths:
            count += 1
            name = os.path.relpath(path, root).encode("utf-8", "surrogateescape")
            size = path.stat().st_size if path.is_file() else -1
            trained.update(name + b"\0" + str(size).encode() + b"\n")
    for sample in data.samples:
        validated.update(sample.name.encode("utf-8", "surrogateescape") + str(sample.low.shape).encode())
        for pixels in (sample.low, sample.high):
            validated.update(b"none" if pixels is None else pixels.tobytes())
    return {"photographs": count, "training": trained.hexdigest()[:32], "validation": validated.hexdigest()[:32]}
