"""A server, an empty cache, and a tiny published network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from restore.online import transport
from restore.zoo.find import SEARCH_VARIABLE
from tests.online.server import CERTIFICATE, Server, serving


@pytest.fixture(scope="module")
def _server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def server(_server: Server, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Server:
    """It serves nothing yet; its certificate is trusted, and nothing waits long."""
    _server.forget()
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(transport, "_PAUSES", (0.0, 0.0, 0.0))
    return _server


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CACHE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    monkeypatch.setenv(SEARCH_VARIABLE, str(tmp_path / "models"))
    monkeypatch.delenv("RESTORE_CATALOGUE", raising=False)
    from restore.utils.user_folders import cache_folder

    return cache_folder()


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A tiny network as its authors publish it."""
    from tests.export.published import build, save

    return save(build("compact"), tmp_path_factory.mktemp("published") / "x.pth").read_bytes()
