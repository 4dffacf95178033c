"""Where models are imported to and engines are kept: a release that looks elsewhere loses them."""

from __future__ import annotations

import sys
from pathlib import Path

import platformdirs
import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows

from restore.utils.user_folders import cache_folder, data_folder


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.skipif(sys.platform == "win32", reason="HOME is of other systems")
def test_on_linux(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "PlatformDirs", Unix)
    assert data_folder() == home / ".local/share/restore"
    assert cache_folder() == home / ".cache/restore"
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "d"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "c"))
    assert (data_folder(), cache_folder()) == (home / "d/restore", home / "c/restore")


@pytest.mark.skipif(sys.platform == "win32", reason="HOME is of other systems")
def test_on_macos(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "PlatformDirs", MacOS)
    assert data_folder() == home / "Library/Application Support/restore"
    assert cache_folder() == home / "Library/Caches/restore"


def test_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "PlatformDirs", Windows)
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda _name: "local")
    assert data_folder() == cache_folder() == Path("local/restore")
