"""Addresses of folders and pictures in stores, such as ``s3://bucket/photos``. Imports nothing heavy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from restore.errors import RestoreError

# One letter is a drive of Windows. Layers are joined by "::", as in zip://::s3://bucket/photos.zip.
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]+::)*([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_LOCAL = ("file", "local")
# Compiled when first needed: every command imports this module.
_SECRETS = (
    (r"(://[^/@\s:]*):[^/@\s]*@", r"\1:***@"),
    # What follows a question mark may be a signature.
    (r"(://[^\s?]*)\?[^\s'\")>]+", r"\1?***"),
    (
        r"(?i)\b((?:[\w-]*(?:signature|token|secret|password|credential|passwd|apikey|account[_-]?key|"
        r"access[_-]?key(?:[_-]?id)?)|sig)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;<>)]+",
        r"\1***",
    ),
    (r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}", "***"),
    (r"(?i)\b(Bearer|Basic)\s+[\w.~+/=-]+", r"\1 ***"),
)


class AddressError(RestoreError):
    """An address cannot be used as it is."""


@dataclass(frozen=True)
class Address:
    """A folder or an object in a store.

    Attributes:
        text: as fsspec takes it; contains no credentials.
    """

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def protocol(self) -> str:
        """Of its first layer, for example ``s3``."""
        return re.split("::|://", self.text, maxsplit=1)[0].lower()

    @property
    def name(self) -> str:
        """The last part of its path; of a whole archive or bucket, its name."""
        first, *layers = self.text.split("::")
        parts = [part for part in first.partition("://")[2].split("/") if part]
        if parts or not layers:
            return parts[-1] if parts else ""
        return Path(layers[-1]).stem

    @property
    def suffix(self) -> str:
        """Of its name, in lower case; empty if it is written as a folder, with a slash at the end."""
        return "" if self._head.endswith("/") else Path(self.name).suffix.lower()

    @property
    def _head(self) -> str:
        """What precedes the layers below."""
        return self.text.split("::")[0]

    def below(self, name: str) -> str:
        """The address of an object in this folder, for people.

        Args:
            name: relative, with ``/``.
        """
        head, *layers = self.text.split("::")
        slash = "" if head.endswith("/") else "/"
        return "::".join([f"{head}{slash}{name}", *layers])


def is_address(text: str) -> bool:
    """Whether a text names something in a store, and not a file."""
    return _ADDRESS.match(text) is not None


def parse(text: str) -> Address | Path:
    """A path or an address as the user writes it.

    Raises:
        AddressError: it contains credentials, or ``..``. The message does not repeat them.
    """
    if not is_address(text):
        return Path(text)
    for layer in text.split("::"):
        _refuse_credentials(layer)
    if ".." in text.split("::")[0].split("/"):
        raise AddressError(f"{masked(text)}: a path in a store cannot contain '..': name the folder itself")
    scheme, _, path = text.partition("://")
    return Path(path) if scheme.lower() in _LOCAL else Address(text)


def _refuse_credentials(layer: str) -> None:
    why = "others could see it in the list of processes, and it would get into logs and reports"
    cure = "set them as environment variables or in the configuration of fsspec or of the store's own tools"
    try:
        parts = urlsplit(layer)
        named = parts.password is not None
    except ValueError:  # a host in broken brackets
        return
    if named:
        raise AddressError(f"{masked(layer)} contains a password: {why}; {cure}")
    if re.search(r"\?[^/]*=", layer):
        raise AddressError(f"{masked(layer)} contains options after a '?', which may be a token: {why}; {cure}")


def masked(text: str) -> str:
    """A text of others, such as an error's, without what looks like a credential."""
    for pattern, instead in _SECRETS:
        text = re.sub(pattern, instead, text)
    return text
