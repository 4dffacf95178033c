"""Remember in the user's cache which backend was measured to be the fastest for a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from restore.utils.atomic_write import write_bytes
from restore.utils.json_text import parse_json
from restore.utils.user_folders import cache_folder

_FORMAT, _VERSION = "restore-backend", 1


@dataclass(frozen=True)
class Backend:
    """A way to run a model on the CPU.

    Attributes:
        device: ``cpu`` for onnxruntime itself, or ``openvino``.
        precision: ``fp32``, ``bf16`` or ``int8``.
    """

    device: str
    precision: str

    @property
    def label(self) -> str:
        """Its name in messages: ``onnxruntime fp32``, ``openvino bf16``."""
        return f"{'onnxruntime' if self.device == 'cpu' else self.device} {self.precision}"


@dataclass(frozen=True)
class Verdict:
    """The result of a measurement.

    Attributes:
        backend: the chosen one.
        text: a sentence about how it compares.
    """

    backend: Backend
    text: str


def read(key: Mapping[str, str]) -> Verdict | None:
    """The verdict for a key; None if there is none, or what is there cannot be read."""
    try:
        return _read(_file(key), key)
    except (OSError, RuntimeError):  # platformdirs finds no home
        return None


def write(key: Mapping[str, str], verdict: Verdict) -> Verdict:
    """Store a verdict, unless another process has just stored one for the same key.

    Returns:
        The stored verdict, so that processes that measure at the same time agree. It is the given one if there is no
        cache to write to.
    """
    content = {_FORMAT: _VERSION, "key": dict(key), "backend": asdict(verdict.backend), "text": verdict.text}
    data = (json.dumps(content, indent=2) + "\n").encode()
    try:
        file = _file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_bytes(file, data, overwrite=False)
        except FileExistsError:
            if known := _read(file, key):
                return known
            write_bytes(file, data)
    except (OSError, RuntimeError):
        pass
    return verdict


def _file(key: Mapping[str, str]) -> Path:
    name = hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()
    return cache_folder() / "backends" / f"{name[:32]}.json"


def _read(file: Path, key: Mapping[str, str]) -> Verdict | None:
    """Raises OSError other than for a missing file."""
    try:
        content = parse_json(file.read_bytes())
        if content[_FORMAT] != _VERSION or content["key"] != dict(key):
            return None
        backend, text = Backend(**content["backend"]), content["text"]
    except (ValueError, TypeError, KeyError, FileNotFoundError):
        return None
    known = backend.device in ("cpu", "openvino") and backend.precision in ("fp32", "bf16", "int8")
    return Verdict(backend, text) if known and isinstance(text, str) else None
