"""Text from outside (file names, model metadata) made safe for file names and terminals."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")
# Files of these names are devices on Windows, whatever their ending.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
# Endings that say the precision, or that the file is a model.
_ENDINGS = (".onnx", ".int8", ".fp16")

# Unicode categories: control and format characters (direction marks, zero width), surrogates, line breaks.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def name_fault(name: str) -> str:
    """What keeps a model's name from being one file's and one folder's on every system; empty if nothing does."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        return (
            f"{name!r}: a model's name is of letters, digits and . _ + -, 80 at most, and begins with a letter or digit"
        )
    if name.split(".")[0].lower() in _DEVICES:
        return f"{name!r}: on Windows a file of this name is a device"
    if name.lower().endswith(_ENDINGS):
        return f"{name!r}: leave out the ending, it says what kind of file it is"
    return ""


def name_of(path: Path) -> str:
    """A model's name for what is in a file, made of the file's."""
    stem = path.stem
    while stem.lower().endswith(_ENDINGS):
        stem = stem.rpartition(".")[0]
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", stem).strip("-._+")[:80].rstrip(".")
    return "imported" if name_fault(plain) else plain


def unseen(text: str) -> str:
    """The first character of a text that a terminal would obey rather than show; empty if there is none."""
    return next((character for character in text if unicodedata.category(character) in _UNSEEN), "")


def printable(text: Path | str) -> str:
    """A text on one line: control characters, line breaks and undecodable bytes become escapes such as ``\\x1b``."""
    return "".join(c if unicodedata.category(c) not in _UNSEEN else repr(c)[1:-1] for c in str(text))


def parse_shape(text: str) -> tuple[int, int, int]:
    """Batch, height and width out of ``256`` (one square picture) or ``4x256x320``.

    Raises:
        ValueError: the text is neither, or a number is not within 1..65535.
    """
    parts = text.lower().split("x")
    if len(parts) not in (1, 3) or not all(part.isdecimal() and 0 < int(part) < 2**16 for part in parts):
        raise ValueError(f"{text!r}: write it as SIDE or BATCHxHEIGHTxWIDTH, for example 256 or 4x256x320")
    numbers = [int(part) for part in parts]
    return (1, numbers[0], numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1], numbers[2])
