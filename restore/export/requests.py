"""What ``restore export`` can be asked for: four jobs, each with the options that mean something for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class WeightsRequest:
    """Weights of a run or a published checkpoint, to a file in fp32 or fp16."""

    source: Path
    target: Path
    which: str = "last"
    precision: Literal["fp32", "fp16"] = "fp32"
    shape: tuple[int, int, int] | None = None
    opset: int = 18
    name: str | None = None
    spec: Mapping[str, str] = field(default_factory=dict)
    check: tuple[Path, ...] = ()
    overwrite: bool = False
    plugins: tuple[str, ...] = ()
    trust_recipe: bool = False


@dataclass(frozen=True)
class HalfRequest:
    """The fp16 twin of an fp32 file."""

    source: Path
    target: Path
    check: tuple[Path, ...] = ()
    overwrite: bool = False


@dataclass(frozen=True)
class Int8Request:
    """The int8 twin of an fp32 file. ``inputs`` is empty, or has a folder for each of ``check``."""

    source: Path
    target: Path
    calibrate: Path
    check: tuple[Path, ...]
    inputs: tuple[Path, ...] = ()
    pattern: str = "*"
    max_loss: float = 0.1
    overwrite: bool = False


@dataclass(frozen=True)
class ExplainRequest:
    """What each layer of an fp32 file loses by itself in 8 bits; nothing is written."""

    source: Path
    calibrate: Path


Request = WeightsRequest | HalfRequest | Int8Request | ExplainRequest
