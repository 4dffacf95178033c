"""Fetch a model of a catalogue: choose a file, ask about the license, download and check it."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from restore.errors import CatalogueError, DownloadError
from restore.online.catalogue import Catalogue, file_of
from restore.online.download import Expected, download, download_folder, sha256_of
from restore.online.licence import concern
from restore.online.links import Offer, offers
from restore.online.listing import Listed
from restore.online.search import find_listed
from restore.utils.text import printable


@dataclass(frozen=True)
class Found:
    """A model of a catalogue that can be fetched.

    Attributes:
        model: the catalogue's entry.
        offer: the file to fetch.
        source: the catalogue's link or path.
        local: whether the catalogue may name files on this computer.
    """

    model: Listed
    offer: Offer
    source: str
    local: bool

    @property
    def concern(self) -> str:
        """Why the user must be asked first; see :func:`restore.online.licence.concern`."""
        return concern(self.model.license)

    def lines(self) -> list[str]:
        """What the user should know before it is fetched, safe to print."""
        model, resource = self.model, self.offer.resource
        size = "size unknown" if resource.size is None else f"{resource.size / 1e6:.1f} MB"
        checked = f"SHA-256 {resource.sha256[:16]}..." if resource.sha256 else "no checksum in the catalogue"
        rows = [
            ("model", f"{model.id}: {model.architecture or 'unknown architecture'} x{model.scale:g}"),
            ("author", model.author or "unknown"),
            ("license", model.license or "unknown"),
            ("trained on", " ".join(model.dataset.split())[:200]),
            ("file", f"{resource.type}, {size}, {checked}"),
            ("from", self.offer.urls[0]),
        ]
        return [f"{name:<11}{printable(text)}" for name, text in rows if text]

    def given(self, url: str, consent: str) -> dict[str, str]:
        """The metadata of the imported model.

        Args:
            url: from which it was fetched.
            consent: the user's answer; empty if nothing was asked.
        """
        model = self.model
        digest = f", SHA-256 {self.offer.resource.sha256}" if self.offer.resource.sha256 else ""
        facts = {
            "licence": model.license,
            "author": model.author,
            "data": " ".join(model.dataset.split())[:300],
            "origin": f"{model.id} of {self.source}: {url}{digest}",
            "consent": f"{consent}, {date.today().isoformat()}" if consent else "",
        }
        return {name: printable(text) for name, text in facts.items() if text}


def find_online(catalogue: Catalogue, name: str) -> Found:
    """Find a model of a catalogue, and the file of it to fetch.

    Raises:
        CatalogueError: there is no such model, or none of its files can be fetched and imported.
    """
    model = find_listed(catalogue.listing.models, name, catalogue.source)
    channels = model.channels_in, model.channels_out
    if channels not in ((3, 3), (1, 1)):
        raise CatalogueError(
            f"{model.id}: takes {channels[0]} and returns {channels[1]} channels; restore runs models of RGB or of one "
            "channel"
        )
    found = offers(model)
    if not found:
        kinds = ", ".join(sorted({printable(one.type or one.platform) for one in model.resources})) or "no"
        raise CatalogueError(
            f"{model.id}: the catalogue has {kinds} files of it; restore imports .safetensors, .pth and .onnx"
        )
    if not found[0].urls:
        pages = "\n".join(f"  {printable(url)}" for one in found for url in one.pages) or "  none"
        license_ = f" --spec {shlex.quote(f'licence={printable(model.license)}')}" if model.license else ""
        raise CatalogueError(
            f"{model.id}: its links are pages, which only a browser can open:\n{pages}\n"
            f"Download it there, then: restore import FILE --name {model.id}{license_}"
        )
    return Found(model, found[0], catalogue.source, catalogue.local)


def fetch(found: Found, say: Callable[[str], None], progress: Callable[[int, int | None], None]) -> tuple[Path, str]:
    """Fetch the file of a model, from the first of its links that has it.

    Args:
        found: the model.
        say: receives messages.
        progress: called with the bytes so far and in total.

    Returns:
        The file, in the cache, and the link that it came from.

    Raises:
        DownloadError: no link leads to the file that the catalogue promises.
        OSError: the disk is full or not writable.
    """
    resource = found.offer.resource
    expected = Expected(resource.size, resource.sha256)
    target = download_folder() / f"{found.model.id}{found.offer.suffix}"
    if resource.sha256 and target.is_file() and sha256_of(target) == resource.sha256:
        say(f"{target}: is here already")
        return target, found.offer.urls[0]
    *_, last = found.offer.urls
    for url in found.offer.urls:
        try:
            if url.lower().startswith("file:"):
                _copy(found, url, target, expected)
            else:
                download(url, target, expected, say, progress)
            return target, url
        except DownloadError as error:
            if url == last:
                pages = " or ".join(map(printable, found.offer.pages))
                hint = f". A browser may find it at {pages}" if pages else ""
                raise DownloadError(f"{found.model.id}: could not be fetched: {error}{hint}") from error
            say(f"{error}; trying the next link")
    raise AssertionError("a model that is found has a link")


def _copy(found: Found, link: str, target: Path, expected: Expected) -> None:
    """Copy a file that a catalogue on this computer names, checked."""
    if not found.local:
        raise DownloadError(f"{printable(link)}: a catalogue from the network must not name files on this computer")
    path = file_of(link)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(path, target)
    except FileNotFoundError as error:
        raise DownloadError(f"{path}: no such file") from error
    if expected.size is not None and (size := target.stat().st_size) != expected.size:
        target.unlink()
        raise DownloadError(f"{path}: has {size:,} bytes and not the {expected.size:,} of the catalogue")
    if expected.sha256 and (digest := sha256_of(target)) != expected.sha256:
        target.unlink()
        raise DownloadError(f"{path}: its SHA-256 is {digest}, and the catalogue's {expected.sha256}")
