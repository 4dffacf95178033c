"""The one place that uses the network: HTTPS requests.

Python's own client, since the base installation has no other. It takes proxies from the environment (``https_proxy``,
``no_proxy``), and certificates from the system or the file that ``SSL_CERT_FILE`` names.
"""

from __future__ import annotations

import http.client
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar
from urllib.parse import urlsplit
from urllib.request import Request

from restore import __version__
from restore.errors import DownloadError
from restore.utils.text import printable

_T = TypeVar("_T")

# Seconds without a byte after which a connection has failed.
_TIMEOUT = 30.0
_REDIRECTS = 5
# Seconds before each further attempt; a server may ask for more, up to the limit.
_PAUSES = (1.0, 3.0, 9.0, 27.0)
_LONGEST_PAUSE = 60.0
_BUSY = {408, 425, 429, 500, 502, 503, 504}
# Files of certificates that other clients take from the environment; OpenSSL itself knows SSL_CERT_FILE.
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class TemporaryError(DownloadError):
    """An attempt failed in a way that the next may not.

    Attributes:
        pause: seconds that the server asks to wait; None if it says nothing.
    """

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


class RangeError(TemporaryError):
    """The server's file is shorter than the part asked for begins: it is another one now."""


class MissingError(DownloadError):
    """The server has no such file."""


@dataclass(frozen=True)
class Response:
    """The answer to a request.

    Attributes:
        status: 200, 206 (a part) or 304 (not modified).
        headers: of the answer.
        read: returns at most so many bytes; none at the end, or raises TemporaryError.
    """

    status: int
    headers: Mapping[str, str]
    read: Callable[[int], bytes]

    @property
    def length(self) -> int | None:
        """Bytes to come; None if the server does not say."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isdecimal() else None


def check_url(url: str) -> None:
    """Reject a link that is not HTTPS.

    Raises:
        DownloadError: it is something else.
    """
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https" and parts.hostname and url.isascii() and url.isprintable() and " " not in url
    except ValueError:
        secure = False
    if not secure:
        raise DownloadError(f"{printable(url)}: not a valid https link; nothing else is fetched")


@contextmanager
def request(url: str, headers: Mapping[str, str] | None = None) -> Iterator[Response]:
    """Send a GET request.

    Args:
        url: must be HTTPS, and so must all links that it redirects to.
        headers: added to the request.

    Raises:
        TemporaryError: no connection, or the server is busy.
        MissingError: it has no such file.
        DownloadError: it refuses, or redirects too often or elsewhere than to HTTPS.
    """
    check_url(url)
    sent = {"User-Agent": f"restore/{__version__}", "Accept-Encoding": "identity", **(headers or {})}
    with _explained(url):
        try:
            reply = _opener().open(Request(url, headers=sent), timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            if error.code != http.client.NOT_MODIFIED:
                raise
            reply = error

    def read(most: int) -> bytes:
        with _explained(url):
            data: bytes = reply.read(most)
            return data

    with reply:
        yield Response(reply.status or 0, reply.headers, read)


def patiently(attempt: Callable[[], _T], say: Callable[[str], None], advanced: Callable[[], bool] | None = None) -> _T:
    """Repeat what fails temporarily, with growing pauses.

    Args:
        attempt: raises TemporaryError to be repeated.
        say: receives a message before each repetition.
        advanced: whether the attempt got further than the one before, which starts the count anew.

    Raises:
        DownloadError: the last attempt's.
    """
    failures = 0
    while True:
        try:
            return attempt()
        except TemporaryError as error:
            failures = 1 if advanced is not None and advanced() else failures + 1
            if failures > len(_PAUSES):
                raise DownloadError(f"{error}. Tried {failures} times; try again later") from error
            pause = _PAUSES[failures - 1] if error.pause is None else min(error.pause, _LONGEST_PAUSE)
            say(f"{error}; trying again in {pause:g} s")
            time.sleep(pause)


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    max_redirections = _REDIRECTS

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        check_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    # Not build_opener, which also opens http, ftp, file and data links.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(context=_context()),
        _OnlyHttps(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _context() -> ssl.SSLContext:
    named = next((name for name in _BUNDLES if os.environ.get(name)), None)
    if os.environ.get("SSL_CERT_FILE") or named is None:
        return ssl.create_default_context()
    path = os.environ[named]
    try:
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise DownloadError(f"{named}={path}: not a file of certificates: {error}") from error


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn the errors of a request into DownloadError."""
    where = printable(url)
    try:
        yield
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(where, error) from error
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise DownloadError(
                f"{where}: its certificate is not valid here: {reason.verify_message}. If your network replaces "
                "certificates, let SSL_CERT_FILE name its file of certificates"
            ) from error
        raise TemporaryError(f"{where}: cannot be reached: {printable(str(reason))}") from error
    except http.client.InvalidURL as error:
        raise DownloadError(f"{where}: not a valid link: {printable(str(error))}") from error
    except (TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException) as error:
        why = printable(str(error) or type(error).__name__)
        raise TemporaryError(f"{where}: the connection broke: {why}") from error


def _refusal(where: str, error: urllib.error.HTTPError) -> DownloadError:
    code = error.code
    if code in (404, 410):
        return MissingError(f"{where}: not there any more (HTTP {code})")
    if 300 <= code < 400:
        return DownloadError(f"{where}: redirects too often, or to nowhere (HTTP {code})")
    if code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
        return RangeError(f"{where}: has changed meanwhile (HTTP {code})", 0)
    text = f"{where}: the server answers HTTP {code} {printable(error.reason)}"
    if code not in _BUSY:
        return DownloadError(text)
    after = error.headers.get("Retry-After", "")
    return TemporaryError(text, float(after) if after.isdecimal() else None)
