"""The copy of a catalogue in the user's cache folder. Nothing here uses the network."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from restore.utils.atomic_write import write_bytes
from restore.utils.json_text import parse_json
from restore.utils.user_folders import cache_folder

DEFAULT_CATALOGUE = "https://openmodeldb.info/api/v1/models.json"
# A mirror, or the catalogue of a company: a link or a file.
CATALOGUE_VARIABLE = "RESTORE_CATALOGUE"


@dataclass(frozen=True)
class Copy:
    """A catalogue as it was fetched.

    Attributes:
        text: JSON.
        etag: by which the server recognizes it; empty if it named none.
        checked: when the server last confirmed it, in seconds since 1970.
    """

    text: bytes
    etag: str
    checked: float

    @property
    def age(self) -> float:
        """Seconds since the server confirmed it; a clock that was set back makes it old, not new."""
        passed = time.time() - self.checked
        return passed if passed >= 0 else float("inf")


def default_catalogue() -> str:
    """The catalogue that is used unless another is named."""
    return os.environ.get(CATALOGUE_VARIABLE) or DEFAULT_CATALOGUE


def is_link(catalogue: str) -> bool:
    """Whether a catalogue is named by a link rather than a file."""
    return "://" in catalogue and not catalogue.lower().startswith("file:")


def read_copy(url: str) -> Copy | None:
    """The copy of a catalogue; None if there is none, or it cannot be read."""
    body, about = _paths(url)
    with suppress(OSError, ValueError, KeyError, TypeError):
        facts = parse_json(about.read_bytes())
        return Copy(body.read_bytes(), str(facts["etag"]), float(facts["checked"]))
    return None


def write_copy(url: str, copy: Copy) -> None:
    """Keep a copy. The cache is a convenience: that it cannot be written is no error."""
    body, about = _paths(url)
    facts = {"url": url, "etag": copy.etag, "checked": copy.checked}
    with suppress(OSError):
        body.parent.mkdir(parents=True, exist_ok=True)
        # First what can only make the copy look older than it is.
        write_bytes(body, copy.text)
        write_bytes(about, json.dumps(facts).encode())


def _paths(url: str) -> tuple[Path, Path]:
    stem = hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    folder = cache_folder() / "catalogues"
    return folder / f"{stem}.json", folder / f"{stem}.about.json"
