"""The walker: what is a picture of a folder, in which order, and what is said of folders that cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from restore.errors import DataError
from restore.files.listing import glob_pictures, list_pictures, scan, walk


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "b.png",
        "a/z.JPG",
        "a/.z.png",
        "a.png",
        ".thumbs/b.png",
        "a-b/c.png",
        "notes.txt",
        "c/d/e.webp",
        "f.gif",
    ):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "tree"


def below(folder: Path, paths: list[Path]) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in paths]


def test_the_order_is_that_of_paths_and_hidden_ones_are_left_out(tree: Path) -> None:
    found = list_pictures(tree)
    assert below(tree, found) == ["a/z.JPG", "a-b/c.png", "a.png", "b.png", "c/d/e.webp"]
    assert found == sorted(found)
    assert scan(tree).ignored == 1
    assert below(tree, scan(tree).pictures) == ["a/z.JPG", "a-b/c.png", "a.png", "b.png", "c/d/e.webp", "f.gif"]


def test_a_pattern_keeps_to_the_same_rules(tree: Path) -> None:
    assert below(tree, glob_pictures(tree, "**/*.png")) == ["a-b/c.png", "a.png", "b.png"]
    assert below(tree, glob_pictures(tree, "*")) == ["a.png", "b.png"]
    assert glob_pictures(tree, ".thumbs/*") == []
    assert glob_pictures(tree / "c", "../*.png") == [tree / "c/../a.png", tree / "c/../b.png"]


def test_a_hidden_folder_that_is_named_is_read(tree: Path) -> None:
    assert list_pictures(tree / ".thumbs") == [tree / ".thumbs/b.png"]
    assert glob_pictures(tree / ".thumbs", "*") == [tree / ".thumbs/b.png"]


@pytest.mark.skipif(os.name == "nt", reason="links and pipes")
def test_links_and_pipes(tree: Path) -> None:
    (tree / "linked").symlink_to(tree / "a")
    (tree / "around").symlink_to(tree)
    (tree / "link.png").symlink_to(tree / "b.png")
    (tree / "broken.png").symlink_to(tree / "none.png")
    os.mkfifo(tree / "pipe.png")
    names = below(tree, list_pictures(tree))
    assert {"link.png", "broken.png"} <= set(names), "reading a broken link says what is wrong"
    assert not [name for name in names if name.startswith(("linked", "around", "pipe"))]


def test_it_reads_one_folder_at_a_time(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (seen.append(Path(path).name), scandir(path))[1])
    assert next(walk(tree, print)).name == "z.JPG"
    assert seen == ["tree", "a"]


def test_folders_that_cannot_be_read(tree: Path, locked_folders: None) -> None:
    (tree / "locked").mkdir()
    (found,) = scan(tree).unreadable
    assert (found.folder, found.reason) == (tree / "locked", "Permission denied")
    assert len(scan(tree).pictures) == 6
    with pytest.raises(DataError, match="locked: the folder cannot be read: Permission denied"):
        list_pictures(tree)
    with pytest.raises(DataError, match="none: no such folder"):
        list_pictures(tree / "none")


BEGINNINGS = {
    "jpg": b"\xff\xd8\xff\xe0",
    "png": b"\x89PNG\r\n\x1a\n",
    "webp": b"RIFF\n\0\0\0WEBP",
    "tif": b"MM\0*",
    "bmp": b"BM" + bytes(8) + b"\x36\0\0\0\x28\0\0\0",
    "gif": b"GIF87a",
    "avif": b"\0\0\0\x18ftypavif",
    "heic": b"\0\0\0\x18ftypmif1",
    "jp2": b"\0\0\0\x0cjP  \r\n\x87\n",
    "jxl": b"\xff\x0a",
}


def test_files_without_a_suffix_are_known_by_their_content(tmp_path: Path) -> None:
    for name, beginning in BEGINNINGS.items():
        (tmp_path / name).write_bytes(beginning + bytes(9))
    for name in ("Makefile", "BMarks", "empty"):
        (tmp_path / name).write_bytes(b"BMarks are not bitmaps, nor are these rules: all" if name != "empty" else b"")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    found = scan(tmp_path)
    assert [path.name for path in found.pictures] == sorted(BEGINNINGS)
    assert found.ignored == 4
    assert [path.name for path in scan(tmp_path, {".png"}).pictures] == ["png"]


def test_suffixes_of_the_web_and_of_cameras(tmp_path: Path) -> None:
    names = ["a.jfif", "b.JPE", "c.jpg_large", "d.jxl", "e.avifs", "f.HIF", "g.heics"]
    for name in names:
        (tmp_path / name).touch()
    assert [path.name for path in scan(tmp_path).pictures] == names
