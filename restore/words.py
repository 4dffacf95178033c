"""Words of others, before they become a file's name or reach a terminal."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")
# Files of these names are devices on Windows, whatever their ending.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
# They tell the precision, or that it is a model.
_ENDINGS = (".onnx", ".int8", ".fp16")

# Control characters, those that turn the direction of writing or are not seen, and ends of lines and paragraphs.
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


def shown(text: str) -> str:
    """A text on one line, with what a terminal would obey written out: ``\\x1b``."""
    return "".join(c if unicodedata.category(c) not in _UNSEEN else repr(c)[1:-1] for c in text)
