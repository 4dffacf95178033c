"""Catalogues in OpenModelDB's published form: read, searched, cached, and refused when they are none."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from restore.cli.main import main
from restore.errors import CatalogueError, DownloadError, ModelError
from restore.online import catalogue as module
from restore.online.cached import Copy, read_copy, write_copy
from restore.online.catalogue import open_catalogue
from restore.online.licence import concern
from restore.online.links import file_link, is_page, offers
from restore.online.listing import Listed, parse_listing
from restore.online.search import by_name, find_listed, matching
from restore.utils.text import unseen
from restore.zoo.find import find
from tests.online.server import Fault, Server, catalogue, entry

FILE = b"weights"


def listed(**changes: object) -> Listed:
    return parse_listing(catalogue(x=entry("https://a.org/x.pth", FILE, **changes)), "c").models["2x-x"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture
def some(tmp_path: Path) -> Path:
    models = catalogue(
        photo=entry("https://a.org/a.pth", FILE, name="Photo_x2", license="BSD-3-Clause"),
        drawing=entry("https://mega.nz/b", FILE, name="Drawing", tags=["anime"], license=None, author=["a", "b"]),
        broken={"name": "no scale"},
    )
    path = tmp_path / "models.json"
    path.write_bytes(models)
    return path


def test_entries_are_read(some: Path) -> None:
    found = open_catalogue(str(some))
    assert sorted(found.listing.models) == ["2x-drawing", "2x-photo"]
    assert found.listing.refused == 1
    photo, drawing = found.listing.models["2x-photo"], found.listing.models["2x-drawing"]
    assert (photo.name, photo.scale, photo.license, photo.channels_in) == ("Photo_x2", 2, "BSD-3-Clause", 3)
    assert photo.resources[0].size == len(FILE)
    assert (drawing.author, drawing.license) == ("a, b", "")
    assert open_catalogue(some.as_uri()).listing == found.listing


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 0},
        {"scale": "2x"},
        {"scale": float("nan")},
        {"size": -1},
        {"size": 1 << 60},
        {"sha256": "../x"},
        {"urls": ["a"] * 1000},
        {"urls": "https://a.org"},
        {"tags": {"a": 1}},
        {"author": [["a"]]},
        {"description": "a" * 100_000},
        {"inputChannels": 0},
        {"resources": [[]]},
    ],
)
def test_entries_that_make_no_sense_are_left_out(change: dict[str, object]) -> None:
    text = json.dumps(
        {"2x-x": entry("https://a.org/x.pth", FILE, **change), "2x-y": entry("https://a.org/y.pth", FILE)}
    )
    found = parse_listing(text.encode(), "c")
    assert list(found.models) == ["2x-y"]
    assert found.refused == 1


@pytest.mark.parametrize(
    "name", ["../../x", "a/b", "", ".x", "con", "x\x1b[31m", "a" * 300, "x.onnx", "C:\\x", "\u202ex"]
)
def test_hostile_ids_are_left_out(name: str) -> None:
    text = json.dumps({name: entry("https://a.org/x.pth", FILE), "2x-y": entry("https://a.org/y.pth", FILE)})
    assert list(parse_listing(text.encode(), "c").models) == ["2x-y"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"a": 1}',
        b'{"a":' * 2_000_000,
        b"[" * 10_000_000,
        b'{"2x-a":{"resources":' + b"[" * 5_000_000 + b"]" * 5_000_000 + b"}}",
        b'{"a": NaN',
    ],
    ids=["empty", "page", "list", "null", "bytes", "number", "objects", "lists", "closed-lists", "nan"],
)
def test_what_is_no_catalogue_is_an_error(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(text)
    began = time.perf_counter()
    with pytest.raises(CatalogueError, match=r"c.json: not a catalogue of models: "):
        open_catalogue(str(tmp_path / "c.json"))
    assert time.perf_counter() - began < 5


def test_files_are_limited_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CatalogueError, match="none.json: cannot be read: No such file"):
        open_catalogue(str(tmp_path / "none.json"))
    monkeypatch.setattr(module, "MOST_BYTES", 1 << 20)
    (tmp_path / "c.json").write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(CatalogueError, match="more than 1 MB"):
        open_catalogue(str(tmp_path / "c.json"))
    with pytest.raises(CatalogueError, match="names another computer"):
        open_catalogue("file://else/c.json")
    with pytest.raises(DownloadError, match="not a valid https link"):
        open_catalogue("http://127.0.0.1/models.json")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [1e9]
    monkeypatch.setattr(time, "time", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def test_a_link_is_asked_once_a_day(server: Server, clock: Callable[[float], None]) -> None:
    url = f"{server.url}/models.json"
    server.files["/models.json"] = catalogue(a=entry("https://a.org/a.pth", FILE))
    assert list(open_catalogue(url).listing.models) == ["2x-a"]
    clock(3600)
    again = open_catalogue(url)
    assert again.age == 3600
    assert len(server.asked) == 1
    clock(24 * 3600)
    assert open_catalogue(url).age == 0, "confirmed"
    assert server.asked[-1].headers["If-None-Match"]
    assert open_catalogue(url).age == 0
    assert len(server.asked) == 2
    clock(25 * 3600)
    server.files["/models.json"] = catalogue(b=entry("https://a.org/a.pth", FILE))
    assert list(open_catalogue(url).listing.models) == ["2x-b"]
    clock(-99 * 3600)  # a clock that was wrong
    open_catalogue(url)
    assert len(server.asked) == 4


def test_an_old_copy_serves_if_the_server_does_not(server: Server, clock: Callable[[float], None]) -> None:
    url, said = f"{server.url}/models.json", list[str]()
    server.files["/models.json"] = catalogue(a=entry("https://a.org/a.pth", FILE))
    open_catalogue(url)
    clock(3 * 24 * 3600)
    server.faults["/models.json"] = [Fault(503)] * 9
    assert list(open_catalogue(url, said.append).listing.models) == ["2x-a"]
    assert said[-1].endswith("Using the copy of 3 days ago")
    server.faults["/models.json"] = [Fault(503, {"Retry-After": "0"}), Fault(after=10)]
    assert open_catalogue(url, said.append).age == 0
    server.files["/models.json"] = b"<html>maintenance</html>"
    clock(3 * 24 * 3600)
    with pytest.raises(CatalogueError):
        open_catalogue(url)
    assert read_copy(url).text.startswith(b"{"), "what is no catalogue does not replace one"


def test_without_a_copy_the_reason_is_told(server: Server) -> None:
    with pytest.raises(DownloadError, match="models.json: not there any more"):
        open_catalogue(f"{server.url}/models.json")
    server.files["/big.json"] = b" " * (module.MOST_BYTES + 1)
    with pytest.raises(CatalogueError, match="more than 32 MB"):
        open_catalogue(f"{server.url}/big.json")


@pytest.mark.parametrize("damage", [b"", b"{", b"[" * 100_000, b"\xff"])
def test_a_damaged_cache_is_fetched_again(server: Server, damage: bytes, cache: Path) -> None:
    url = f"{server.url}/models.json"
    server.files["/models.json"] = catalogue(a=entry("https://a.org/a.pth", FILE))
    open_catalogue(url)
    for file in (cache / "catalogues").iterdir():
        file.write_bytes(damage)
        assert list(open_catalogue(url).listing.models) == ["2x-a"]


def test_search(some: Path) -> None:
    models = open_catalogue(str(some)).listing.models
    for words in (["PHOTO"], ["x2", "bsd"], ["compact", "2x", "photo_"], ["somebody"]):
        assert [model.id for model in matching(models, words)] == ["2x-photo"], words
    assert len(matching(models, [])) == 2
    assert matching(models, ["photo", "anime"]) == []
    assert by_name(models, "photo_X2") is by_name(models, "2x-PHOTO") is models["2x-photo"]
    with pytest.raises(CatalogueError, match="did you mean 2x-drawing"):
        find_listed(models, "2x-drawin", "c")
    twice = {**models, "4x-photo": models["2x-photo"].model_copy(update={"id": "4x-photo"})}
    with pytest.raises(CatalogueError, match="choose one of 2x-photo, 4x-photo"):
        find_listed(twice, "Photo_x2", "c")


def test_models_online(some: Path) -> None:
    shown = run("models", "--online", "--catalogue", some)
    assert shown.exit_code == 0, shown.output
    photo, drawing = (next(line for line in shown.stdout.splitlines() if name in line) for name in ("photo", "drawing"))
    assert photo.split() == ["2x-photo", "compact", "x2", "0.0", "MB", "BSD-3-Clause", "general-upscaler,", "photo"]
    assert "by browser" in drawing
    assert "2 of 2 models" in shown.stderr
    assert "1 entries were not understood" in shown.stderr
    found = json.loads(run("models", "--online", "anime", "--json", "--catalogue", some).stdout)
    assert [one["id"] for one in found] == ["2x-drawing"]
    assert "add --online" in run("models", "photo").output


def test_text_of_a_catalogue_is_safe_to_print(tmp_path: Path) -> None:
    wild = "\x1b[31mred\u202e\n[bold]"
    one = entry("https://a.org/\x1b.pth", FILE, name=wild, author=wild, license=wild, tags=[wild], architecture=wild)
    (tmp_path / "c.json").write_bytes(catalogue(x=one))
    for arguments in (["models", "--online"], ["models", "--online", "--json"], ["get", "2x-x"]):
        said = run(*arguments, "--catalogue", tmp_path / "c.json").output
        assert unseen(said.replace("\n", "")) == ""
        assert "[bold]" in said


def test_a_model_that_is_not_here_is_offered_from_the_cache(
    server: Server, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    url = f"{server.url}/models.json"
    monkeypatch.setenv("RESTORE_CATALOGUE", url)
    server.files["/models.json"] = catalogue(
        fine=entry("https://a.org/a.pth", FILE, size=4_900_000, license="BSD-3-Clause"), other=entry([], FILE)
    )
    with pytest.raises(ModelError, match="no model named '2x-fine'; "):
        find("2x-fine")
    assert run("models", "--online").exit_code == 0
    asked = len(server.asked)
    with pytest.raises(ModelError) as error:
        find("2x-Fine")
    assert str(error.value) == ("no model named '2x-Fine' here; 'restore get 2x-fine' brings it (4.9 MB, BSD-3-Clause)")
    with pytest.raises(ModelError, match="did you mean 'sr-x"):
        find("sr-x3")
    write_copy(url, Copy(b"[", "", 1e9))
    with pytest.raises(ModelError, match="no model named '2x-fine'; "):
        find("2x-fine")
    assert len(server.asked) == asked, "only 'get' and 'models --online' ask"


@pytest.mark.parametrize(
    ("license_", "kind"),
    [
        ("MIT", ""),
        ("GPL-3.0-only", ""),
        ("apache-2.0", ""),
        ("CC-BY-NC-4.0 OR MIT", ""),
        ("CC0-1.0", ""),
        ("CC-BY-NC-SA-4.0", "does not permit commercial use"),
        ("LicenseRef-noncommercial", "does not permit commercial use"),
        ("MIT AND CC-BY-NC-4.0", "does not permit commercial use"),
        ("", "no license is named"),
        ("  ", "no license is named"),
        ("SSPL-1.0", "restore does not know the license"),
        ("MIT AND SSPL-1.0", "restore does not know the license"),
        ("nothing", "restore does not know the license"),
    ],
)
def test_which_licenses_are_asked_about(license_: str, kind: str) -> None:
    assert kind in concern(license_)
    assert bool(concern(license_)) == bool(kind)


@pytest.mark.parametrize(
    ("link", "page"),
    [
        ("https://github.com/a/b/releases/download/v1/x.pth", False),
        ("https://github.com/a/b/raw/main/x.pth", False),
        ("https://github.com/a/b/releases/tag/v1", True),
        ("https://huggingface.co/a/b/resolve/main/x.pth", False),
        ("https://huggingface.co/a/b", True),
        ("https://drive.google.com/file/d/1/view", True),
        ("https://mega.nz/file/a#b", True),
        ("https://www.mediafire.com/file/a", True),
        ("https://example.org/x.pth", False),
        ("https://notmega.nz.example.org/x.pth", False),
        ("https://[", True),
    ],
)
def test_pages_are_told_from_files(link: str, page: bool) -> None:
    assert is_page(link) == page


def test_files_to_fetch_in_order() -> None:
    assert file_link("https://github.com/a/b/blob/main/x.pth") == "https://github.com/a/b/raw/main/x.pth"
    assert file_link("https://huggingface.co/a/b/blob/main/x.pth") == "https://huggingface.co/a/b/resolve/main/x.pth"
    kinds = [
        {"platform": "ncnn", "type": "zip", "urls": ["https://a.org/x.zip"]},
        {"platform": "onnx", "type": "onnx", "urls": ["https://a.org/x.onnx"]},
        {"platform": "pytorch", "type": "safetensors", "urls": ["https://mega.nz/x"]},
        {"platform": "pytorch", "type": "pth", "urls": ["https://mega.nz/x", "https://a.org/x.pth"]},
    ]
    found = offers(listed(resources=kinds))
    assert [one.suffix for one in found] == [".pth", ".onnx", ".safetensors"]
    assert found[0].urls == ("https://a.org/x.pth",)
    assert found[0].pages == ("https://mega.nz/x",)
