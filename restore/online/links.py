"""Which files of a model can be fetched and imported, and from which of their links."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from restore.online.listing import Listed, Resource

# Types of files that can be imported, best first. Safetensors can hold no code, and spandrel knows what both hold.
_TYPES = ("safetensors", "pth", "pt", "ckpt", "onnx")

# Sites whose links show a page, with a button or a question before the file.
_PAGES = (
    "drive.google.com",
    "docs.google.com",
    "mega.nz",
    "mega.co.nz",
    "mediafire.com",
    "1drv.ms",
    "onedrive.live.com",
    "icedrive.net",
    "terabox.com",
    "yadi.sk",
    "disk.yandex.ru",
    "disk.yandex.com",
    "we.tl",
    "wetransfer.com",
    "gofile.io",
    "workupload.com",
    "upscale.wiki",
)


@dataclass(frozen=True)
class Offer:
    """A file of a model and the links that lead to it.

    Attributes:
        resource: the file.
        urls: that can be fetched.
        pages: that only a browser can open.
    """

    resource: Resource
    urls: tuple[str, ...]
    pages: tuple[str, ...]

    @property
    def suffix(self) -> str:
        """Of the file, with its dot."""
        return f".{self.resource.type.lower()}"


def offers(model: Listed) -> list[Offer]:
    """The files of a model that restore can import, best first: those that can be fetched before those that cannot."""
    known = [one for one in model.resources if one.type.lower() in _TYPES]
    known.sort(key=lambda one: _TYPES.index(one.type.lower()))
    found = [
        Offer(
            one,
            tuple(file_link(url) for url in one.urls if not is_page(url)),
            tuple(url for url in one.urls if is_page(url)),
        )
        for one in known
    ]
    return sorted(found, key=lambda one: not one.urls)


def is_page(url: str) -> bool:
    """Whether a link leads to a page and not to a file, as far as it is known."""
    try:
        host, path = (urlsplit(url).hostname or "").lower(), urlsplit(url).path
    except ValueError:
        return True
    if any(host == site or host.endswith(f".{site}") for site in _PAGES):
        return True
    if host == "github.com":
        return not any(part in path for part in ("/releases/download/", "/raw/", "/blob/"))
    return host == "huggingface.co" and not any(part in path for part in ("/resolve/", "/blob/"))


def file_link(url: str) -> str:
    """The link to a file whose page on GitHub or Hugging Face is linked to; any other link as it is."""
    parts = urlsplit(url)
    direct = {"github.com": "/raw/", "huggingface.co": "/resolve/"}.get((parts.hostname or "").lower())
    return parts._replace(path=parts.path.replace("/blob/", direct, 1)).geturl() if direct else url
