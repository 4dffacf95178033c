"""Text from outside (file names, model metadata) made safe for file names and terminals."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")
# File names that are devices on Windows, with any suffix.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
# Suffixes of model files and precisions.
_ENDINGS = (".onnx", ".int8", ".fp16")

# Unicode categories: control and format characters (direction marks, zero width), surrogates, line breaks.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def name_fault(name: str) -> str:
    """Why a model's name is not a valid file and folder name on every system; empty if it is."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        return f"{name!r}: a model's name has at most 80 letters, digits and . _ + -, and begins with a letter or digit"
    if name.split(".")[0].lower() in _DEVICES:
        return f"{name!r}: this is the name of a device on Windows"
    if name.lower().endswith(_ENDINGS):
        return f"{name!r}: remove the suffix, which is reserved for the kind of file"
    return ""


def name_of(path: Path) -> str:
    """Derive a valid model name from a file name."""
    stem = path.stem
    while stem.lower().endswith(_ENDINGS):
        stem = stem.rpartition(".")[0]
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", stem).strip("-._+")[:80].rstrip(".")
    return "imported" if name_fault(plain) else plain


def unseen(text: str) -> str:
    """The first control or format character in a text, which a terminal would interpret; empty if there is none."""
    return next((character for character in text if unicodedata.category(character) in _UNSEEN), "")


def printable(text: Path | str) -> str:
    """Escape control characters, line breaks and undecodable bytes, for example as ``\\x1b``."""
    return "".join(c if unicodedata.category(c) not in _UNSEEN else repr(c)[1:-1] for c in str(text))


def parse_shape(text: str) -> tuple[int, int, int]:
    """Parse ``256`` (one square picture) or ``4x256x320`` into batch, height and width.

    Raises:
        ValueError: the text has neither form, or a number is not within 1..65535.
    """
    parts = text.lower().split("x")
    if len(parts) not in (1, 3) or not all(part.isdecimal() and 0 < int(part) < 2**16 for part in parts):
        raise ValueError(f"{text!r}: write it as SIDE or BATCHxHEIGHTxWIDTH, for example 256 or 4x256x320")
    numbers = [int(part) for part in parts]
    return (1, numbers[0], numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1], numbers[2])
