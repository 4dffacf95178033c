"""The four requests of ``restore export``, each with its own options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class WeightsRequest:
    """Export the weights of a run or a third-party checkpoint in fp32 or fp16."""

    source: Path
    target: Path
    which: str = "last"
    precision: Literal["fp32", "fp16"] = "fp32"
    shape: tuple[int, int, int] | None = None
    opset: int = 18
    name: str | None = None
    spec: Mapping[str, str] = field(default_factory=dict)
    check: tuple[Path, ...] = ()
    flow_steps: int | None = None
    seed: int | None = None
    overwrite: bool = False
    plugins: tuple[str, ...] = ()
    trust_recipe: bool = False


@dataclass(frozen=True)
class HalfRequest:
    """Make the fp16 twin of an fp32 file, next to it if there is no ``target``."""

    source: Path
    target: Path | None
    check: tuple[Path, ...] = ()
    overwrite: bool = False


@dataclass(frozen=True)
class Int8Request:
    """Make the int8 twin of an fp32 file, next to it if there is no ``target``.

    ``inputs`` is empty, or has one folder per ``check``.
    """

    source: Path
    target: Path | None
    calibrate: Path
    check: tuple[Path, ...]
    inputs: tuple[Path, ...] = ()
    pattern: str = "*"
    max_loss: float = 0.1
    overwrite: bool = False


@dataclass(frozen=True)
class ExplainRequest:
    """Report the loss of quantizing each layer of an fp32 file alone; nothing is written."""

    source: Path
    calibrate: Path


Request = WeightsRequest | HalfRequest | Int8Request | ExplainRequest
