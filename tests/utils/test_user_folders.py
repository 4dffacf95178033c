"""Where notes of a job are kept if the usual folder cannot be written to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from restore.utils.user_folders import notes_folder


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path


def test_it_is_in_the_cache_folder(folders: Path) -> None:
    assert notes_folder("jobs/a") == folders / "cache/restore/jobs/a"
    assert notes_folder("jobs/a").is_dir()
    assert list((folders / "tmp").iterdir()) == []


def test_or_in_a_temporary_folder_of_ones_own(folders: Path) -> None:
    (folders / "cache").write_text("no folder can be made in a file")
    found = notes_folder("jobs/a")
    assert found == notes_folder("jobs/a")
    assert found.is_dir()
    assert found.is_relative_to(folders / "tmp")
    assert found.parents[1].stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.name == "nt", reason="temporary folders belong to the user there")
def test_never_in_one_that_others_prepared(folders: Path) -> None:
    (folders / "cache").write_text("no folder can be made in a file")
    theirs = folders / "tmp" / f"restore-{os.getuid()}"
    theirs.mkdir()
    theirs.chmod(0o777)
    with pytest.raises(PermissionError, match="others can write to it; set XDG_CACHE_HOME or TMPDIR"):
        notes_folder("jobs/a")
    theirs.rmdir()
    (folders / "elsewhere").mkdir()
    theirs.symlink_to(folders / "elsewhere")
    with pytest.raises(PermissionError, match="others can write"):
        notes_folder("jobs/a")
