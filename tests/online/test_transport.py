"""Requests go to HTTPS only, through few redirects, and repeat what may succeed later."""

from __future__ import annotations

import ssl

import pytest

from restore.errors import DownloadError
from restore.online import transport
from restore.online.transport import MissingError, TemporaryError, patiently, request
from tests.online.server import CERTIFICATE, Fault, Server


def fetch(url: str) -> bytes:
    with request(url) as reply:
        return reply.read(1 << 20)


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1/a",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "data:,a",
        "//127.0.0.1/a",
        "https://",
        "https://[",
        "https://127.0.0.1/a b",
        "https://127.0.0.1/\r\nHost: b",
        "https://ex\u202eample.org/a",
        "",
    ],
)
def test_only_https_links(link: str) -> None:
    with pytest.raises(DownloadError, match="not a valid https link"):
        fetch(link)


def test_a_moved_file_is_followed(server: Server) -> None:
    server.files["/new"] = b"content"
    server.faults["/old"] = [Fault(302, {"Location": "/new"})]
    assert fetch(f"{server.url}/old") == b"content"


@pytest.mark.parametrize("link", ["http://127.0.0.1:9/a", "file:///etc/passwd", "ftp://127.0.0.1/a"])
def test_no_redirect_leaves_https(server: Server, link: str) -> None:
    server.faults["/old"] = [Fault(302, {"Location": link})]
    with pytest.raises(DownloadError, match=r"not a valid https link|redirects too often, or to nowhere"):
        fetch(f"{server.url}/old")


def test_a_loop_ends(server: Server) -> None:
    server.faults["/a"] = [Fault(302, {"Location": f"/a?{i}"}) for i in range(1)]
    for i in range(20):
        server.faults[f"/a?{i}"] = [Fault(302, {"Location": f"/a?{i + 1}"})]
    with pytest.raises(DownloadError, match="redirects too often"):
        fetch(f"{server.url}/a")
    assert len(server.asked) <= 7


def test_refusals_say_what_to_do(server: Server) -> None:
    with pytest.raises(MissingError, match=r"/none: not there any more \(HTTP 404\)"):
        fetch(f"{server.url}/none")
    server.faults["/a"] = [Fault(403), Fault(503, {"Retry-After": "7"})]
    with pytest.raises(DownloadError, match="HTTP 403") as refused:
        fetch(f"{server.url}/a")
    assert not isinstance(refused.value, TemporaryError)
    with pytest.raises(TemporaryError, match="HTTP 503") as busy:
        fetch(f"{server.url}/a")
    assert busy.value.pause == 7


def test_a_stranger_s_certificate_is_not_trusted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["/a"] = b"content"
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DownloadError, match="certificate is not valid here.*SSL_CERT_FILE") as error:
        fetch(f"{server.url}/a")
    assert not isinstance(error.value, TemporaryError), "trying again would not help"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    assert fetch(f"{server.url}/a") == b"content"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE.with_name("none.pem")))
    with pytest.raises(DownloadError, match="REQUESTS_CA_BUNDLE=.*not a file of certificates"):
        fetch(f"{server.url}/a")


def test_proxies_of_the_environment_are_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(TemporaryError, match="cannot be reached"):
        fetch(f"{server.url}/a")
    assert server.asked == []
    server.files["/a"] = b"content"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert fetch(f"{server.url}/a") == b"content"


def test_attempts_are_limited_and_progress_renews_them(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(transport.time, "sleep", slept.append)
    said: list[str] = []

    def fail() -> None:
        raise TemporaryError("x: busy", 1000 if not slept else None)

    with pytest.raises(DownloadError, match="Tried 5 times; try again later"):
        patiently(fail, said.append)
    assert slept == [60, 3, 9, 27]
    assert said[0] == "x: busy; trying again in 60 s"
    further = iter([True] * 20 + [False] * 9)
    slept.clear()
    with pytest.raises(DownloadError):
        patiently(fail, said.append, lambda: next(further))
    assert len(slept) == 23


def test_tls_is_checked_by_default() -> None:
    context = transport._context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
