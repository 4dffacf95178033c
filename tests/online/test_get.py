"""``restore get``: from a catalogue to a model at hand, or to an error that leaves nothing."""

from __future__ import annotations

import hashlib
import pickle
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from restore.cli import get as command
from restore.cli.main import main
from restore.runtime.model import file_spec
from restore.zoo.find import find
from tests.conftest import picture, save
from tests.export.test_import import Harmful
from tests.online.server import Fault, Server, catalogue, entry


def run(*arguments: object, **more: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments], **more)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str, dict[str, str], bytes]]:
    """What would have been imported: importing itself takes seconds."""
    found: list[tuple[Path, str, dict[str, str], bytes]] = []

    def note(file: Path, name: str, _folder: object, given: dict[str, str], *_: object, **__: object) -> None:
        found.append((file, name, given, file.read_bytes()))

    monkeypatch.setattr("restore.cli.get.run_import", note)
    return found


def offered(server: Server, data: bytes, **changes: object) -> list[str]:
    """Options of a catalogue with one model, 2x-tiny, whose file is served."""
    server.files["/w.pth"] = data
    changes.setdefault("urls", [f"{server.url}/w.pth"])
    server.files["/models.json"] = catalogue(tiny=entry("", data, **changes))
    return ["--catalogue", f"{server.url}/models.json"]


def no_weights(cache: Path) -> bool:
    """Whether the cache holds no file that could be taken for a model."""
    return not [path for path in cache.rglob("*") if path.suffix in (".pth", ".part", ".onnx")]


def test_from_the_catalogue_to_a_picture(server: Server, checkpoint: bytes, tmp_path: Path, cache: Path) -> None:
    """The file has moved, its first server breaks off, and its name is hostile."""
    urls = ["https://drive.google.com/x", f"{server.url}/gone.pth", f"{server.url}/..%2f..%2f%1b[31m.pth?a=../../x"]
    options = offered(server, checkpoint, urls=urls, license="CC-BY-NC-4.0", dataset="Some\nphotos")
    server.faults["/..%2f..%2f%1b[31m.pth?a=../../x"] = [Fault(302, {"Location": "/w.pth"})] * 2
    server.faults["/w.pth"] = [Fault(after=3000)]
    done = run("get", "Tiny Compact", "--yes", *options)
    assert done.exit_code == 0, done.output
    assert "CC-BY-NC-4.0 does not permit commercial use: accepted by --yes" in done.output
    assert "restore enhance IN OUT --model 2x-tiny" in done.output
    spec = file_spec(find("2x-tiny"))
    assert (spec.name, spec.scale, spec.licence, spec.author) == ("2x-tiny", 2, "CC-BY-NC-4.0", "somebody")
    assert spec.data == "Some photos"
    assert spec.origin.startswith(f"2x-tiny of {server.url}/models.json: {urls[2]}, SHA-256 ")
    assert spec.origin.endswith(hashlib.sha256(checkpoint).hexdigest())
    assert spec.consent.startswith("accepted (CC-BY-NC-4.0) by --yes, 20")
    assert server.asked[-1].headers["Range"] == "bytes=3000-"
    assert no_weights(cache), "the checkpoint is not needed any more"
    save(tmp_path / "a.png", picture(16, 20))
    assert run("enhance", tmp_path / "a.png", tmp_path / "b.png", "--model", "2x-tiny").exit_code == 0
    again = run("get", "2x-tiny", *options)
    assert again.exit_code == 2
    assert "already exists: add --overwrite" in again.output


def test_a_catalogue_on_disk_may_name_files(tmp_path: Path, cache: Path, imported: list) -> None:
    (tmp_path / "w.pth").write_bytes(b"weights")
    link = (tmp_path / "w.pth").as_uri()
    (tmp_path / "c.json").write_bytes(catalogue(tiny=entry(link, b"weights")))
    assert run("get", "2x-tiny", "--catalogue", tmp_path / "c.json").exit_code == 0
    ((_, name, given, data),) = imported
    assert (name, data) == ("2x-tiny", b"weights")
    assert "consent" not in given, "nothing was asked about MIT"
    (tmp_path / "w.pth").write_bytes(b"longer than promised")
    assert (
        "has 20 bytes and not the 7 of the catalogue"
        in run("get", "2x-tiny", "--catalogue", tmp_path / "c.json").output
    )
    (tmp_path / "w.pth").write_bytes(b"another")
    refused = run("get", "2x-tiny", "--catalogue", tmp_path / "c.json")
    assert refused.exit_code == 1
    assert "w.pth: its SHA-256 is" in refused.output
    assert no_weights(cache)


def test_a_catalogue_from_the_network_may_not(server: Server, tmp_path: Path, imported: list) -> None:
    (tmp_path / "w.pth").write_bytes(b"weights")
    options = offered(server, b"weights", urls=[(tmp_path / "w.pth").as_uri()])
    refused = run("get", "2x-tiny", *options)
    assert refused.exit_code == 1
    assert "must not name files on this computer" in refused.output
    assert imported == []


@pytest.mark.parametrize(
    ("served", "faults", "says"),
    [
        (b"another", [], "not the promised file: its SHA-256 is"),
        (b"weig", [], "has 4 bytes and not 7 bytes that the catalogue promises"),
        (None, [], "not there any more (HTTP 404)"),
        (b"weights", [Fault(503, {"Retry-After": "0"})] * 9, "HTTP 503 Service Unavailable. Tried 4 times"),
        (b"weights", [Fault(after=3), *[Fault(after=0)] * 9], "ended after 3 of 7 bytes. Tried 4 times"),
        (b"weights", [Fault(302, {"Location": "http://127.0.0.1/w.pth"})], "not a valid https link"),
        (b"weights", [Fault(302, {"Location": "/w.pth"})] * 9, "redirects too often"),
    ],
    ids=["hash", "short", "404", "503", "truncated", "http", "loop"],
)
def test_what_goes_wrong_is_told_and_nothing_is_imported(
    server: Server, cache: Path, imported: list, served: bytes | None, faults: list[Fault], says: str
) -> None:
    options = offered(server, b"weights")
    server.faults["/w.pth"] = list(faults)
    if served is None:
        del server.files["/w.pth"]
    else:
        server.files["/w.pth"] = served
    failed = run("get", "2x-tiny", *options)
    assert failed.exit_code == 1
    assert says in failed.output
    assert imported == []
    assert not (cache / "downloads/2x-tiny.pth").exists()
    # And once it is right again, the same command succeeds.
    server.faults["/w.pth"], server.files["/w.pth"] = [], b"weights"
    assert run("get", "2x-tiny", *options).exit_code == 0
    assert imported[0][3] == b"weights"


def test_busy_servers_are_asked_again(server: Server, imported: list) -> None:
    options = offered(server, b"weights")
    server.faults["/w.pth"] = [Fault(503), Fault(429)]
    done = run("get", "2x-tiny", *options)
    assert done.exit_code == 0
    assert "HTTP 503 Service Unavailable; trying again in" in done.output
    assert imported[0][3] == b"weights"


@pytest.mark.parametrize(
    ("license_", "answer", "consent"),
    [
        ("CC-BY-NC-4.0", "y\n", "accepted (CC-BY-NC-4.0) when asked, 20"),
        (None, "y\n", "accepted (no license) when asked, 20"),
        (None, "n\n", ""),
        (None, "\n", ""),
        ("MIT", "", ""),
    ],
)
def test_the_license_is_asked_about(
    server: Server, imported: list, monkeypatch: pytest.MonkeyPatch, license_: object, answer: str, consent: str
) -> None:
    options = offered(server, b"weights", license=license_)
    refused = run("get", "2x-tiny", *options, input="")
    if license_ != "MIT":
        assert refused.exit_code == 2
        assert "add --yes if you accept" in refused.output
        assert "/w.pth" not in server.paths()
    monkeypatch.setattr(command, "_can_ask", lambda: True)
    imported.clear()
    done = run("get", "2x-tiny", *options, input=answer)
    if license_ == "MIT" or consent:
        assert done.exit_code == 0, done.output
        ((_, _, given, _),) = imported
        assert given.get("consent", "").startswith(consent)
        assert given.get("licence", None) == license_
    else:
        assert done.exit_code == 1
        assert imported == []
        assert "/w.pth" not in server.paths()


def test_pages_are_said_to_be_pages(server: Server, imported: list) -> None:
    options = offered(server, b"weights", urls=["https://mega.nz/file/x", "https://drive.google.com/x"])
    refused = run("get", "2x-tiny", *options)
    assert refused.exit_code == 2
    assert "its links are pages, which only a browser can open:\n  https://mega.nz/file/x\n" in refused.output
    assert "restore import FILE --name 2x-tiny --spec licence=MIT" in refused.output
    offered(server, b"weights", urls=["https://mega.nz/file/x"], license="'; touch x #")
    server.files["/models.json?2"] = server.files["/models.json"]
    hostile = run("get", "2x-tiny", "--catalogue", f"{server.url}/models.json?2").output
    assert "--spec 'licence='\"'\"'; touch x #'" in hostile, "whoever copies it runs nothing else"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"inputChannels": 4}, "takes 4 and returns 3 channels"),
        ({"type": "zip", "platform": "ncnn"}, "the catalogue has zip files of it"),
        ({"resources": []}, "the catalogue has no files of it"),
    ],
)
def test_what_restore_cannot_run_is_not_fetched(server: Server, imported: list, change: dict, says: str) -> None:
    refused = run("get", "2x-tiny", *offered(server, b"weights", **change))
    assert refused.exit_code == 2
    assert says in refused.output
    assert "no model named 'none'" in run("get", "none", *offered(server, b"weights")).output
    assert server.paths().count("/w.pth") == 0


@pytest.mark.parametrize("kind", ["zip", "pickle"])
def test_no_code_in_a_file_runs(server: Server, kind: str, tmp_path: Path, cache: Path) -> None:
    mark = tmp_path / "was here"
    held = {"params": torch.zeros(2), "more": Harmful(mark)}
    if kind == "zip":
        torch.save(held, tmp_path / "x.pth")
    else:
        (tmp_path / "x.pth").write_bytes(pickle.dumps(held, protocol=2))
    refused = run("get", "2x-tiny", *offered(server, (tmp_path / "x.pth").read_bytes()))
    assert refused.exit_code == 2
    assert "contains more than weights" in refused.output
    assert not mark.exists()
    assert not (tmp_path / "models").exists()


def test_another_name(server: Server, imported: list) -> None:
    options = offered(server, b"weights")
    assert run("get", "2x-tiny", "--name", "mine", *options).exit_code == 0
    assert imported[0][1] == "mine"
    assert "an included model has this name" in run("get", "2x-tiny", "--name", "sr-x2", *options).output
    assert "letters, digits" in run("get", "2x-tiny", "--name", "../x", *options).output


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_it_runs_in_a_child_process(monkeypatch: pytest.MonkeyPatch) -> None:
    from restore.cli import supervisor
    from restore.cli.supervise import OWN_PROCESS

    class Child(supervisor.Supervisor):
        def run(self, arguments: list[str]) -> int:
            assert self._model == "2x-tiny"
            return 7

    monkeypatch.setattr(supervisor, "Supervisor", Child)
    assert CliRunner().invoke(main, ["get", "2x-tiny"], obj=OWN_PROCESS).exit_code == 7
