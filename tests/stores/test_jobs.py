"""``restore enhance`` from and to stores: as from and to folders."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from restore.jobs import store_plan
from restore.stores import listing
from tests.cli.test_enhance import contents, inside
from tests.conftest import picture, save
from tests.stores.conftest import SECRET, Bucket, Server

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install '.[dev]'")

Buckets = Callable[[], Bucket]
FIXED = ("--device", "cpu", "--precision", "fp32", "--threads", "1")


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, bytes]:
    """Four small pictures by their names."""
    names = ("a/1.png", "a/2.jpg", "b/c/3.webp", "4.png")
    return {
        name: save(tmp_path / "photos" / name, picture(20 + i, 24, seed=i)).read_bytes() for i, name in enumerate(names)
    }


@pytest.fixture
def local(pictures: dict[str, bytes], tmp_path: Path) -> dict[str, bytes]:
    """What a job on a folder makes of them."""
    assert enhance(tmp_path / "photos", tmp_path / "expected")[0] == 0
    return contents(tmp_path / "expected")


def enhance(*arguments: object) -> tuple[int, str, str]:
    return inside(*arguments, *FIXED)


def filled(box: Bucket, pictures: dict[str, bytes], folder: str = "in/") -> str:
    for name, data in pictures.items():
        box[folder + name] = data
    box.server.requests.clear()
    return box.at(folder)


def records(text: str) -> dict[str, dict[str, str]]:
    *pictures, _ = map(json.loads, text.splitlines())
    return {one["source"].rpartition("/")[2]: one for one in pictures}


def test_results_are_those_of_a_folder_byte_for_byte(
    bucket: Buckets,
    server: Server,
    pictures: dict[str, bytes],
    local: dict[str, bytes],
    tmp_path: Path,
) -> None:
    source, out = bucket(), bucket()
    code, said, _ = enhance(filled(source, pictures), out.at("large"))
    assert (code, said.split(";")[0]) == (0, "4 enhanced")
    assert out.results() == {f"large/{name}": data for name, data in local.items()}
    puts = [key for key in server.asked("PUT", out.name) if "journal" not in key]
    assert sorted(puts) == sorted(out.results()), "one request for each result"
    assert sorted(server.asked("GET", source.name)) == sorted(f"in/{name}" for name in pictures), "each read once"


def test_either_end_may_be_a_folder(
    bucket: Buckets, pictures: dict[str, bytes], local: dict[str, bytes], tmp_path: Path
) -> None:
    box = bucket()
    assert enhance(filled(box, pictures), tmp_path / "out")[0] == 0
    assert contents(tmp_path / "out") == local
    assert enhance(tmp_path / "photos", box.at("out"))[0] == 0
    assert {name.removeprefix("out/"): data for name, data in box.results().items() if name.startswith("out/")} == local
    # Both go on, by the journal where the results are.
    for source, out in ((box.at("in"), tmp_path / "out"), (tmp_path / "photos", box.at("out"))):
        code, said, _ = enhance(source, out, "--resume")
        assert (code, said.split(";")[0]) == (0, "0 enhanced, 4 already done")


def test_from_an_archive_into_memory(pictures: dict[str, bytes], local: dict[str, bytes], tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    with zipfile.ZipFile(tmp_path / "holiday.zip", "w") as archive:
        for name, data in pictures.items():
            archive.writestr(name, data)
    assert enhance(f"zip://::{tmp_path / 'holiday.zip'}", "memory://out")[0] == 0
    found = {name.removeprefix("/out/"): memory.cat_file(name) for name in memory.find("/out") if "journal" not in name}
    assert found == local
    again = enhance(f"zip://::{tmp_path / 'holiday.zip'}", "memory://out", "--resume")
    assert again[1].startswith("0 enhanced, 4 already done")


def test_several_inputs_keep_their_names(
    bucket: Buckets, pictures: dict[str, bytes], local: dict[str, bytes], tmp_path: Path
) -> None:
    box = bucket()
    filled(box, pictures, "one/")
    box["two/x.png"] = pictures["4.png"]
    code, said, _ = enhance(box.at("one"), box.at("two/x.png"), tmp_path / "photos", box.at("out"), "--shard", "1/1")
    assert (code, said.split(";")[0]) == (0, "9 enhanced")
    made = {name.removeprefix("out/"): data for name, data in box.results().items() if name.startswith("out/")}
    expected = {f"{folder}/{name}": data for folder in ("one", "photos") for name, data in local.items()}
    assert made == {**expected, "x.png": local["4.png"]}


def test_single_pictures(bucket: Buckets, pictures: dict[str, bytes], local: dict[str, bytes], tmp_path: Path) -> None:
    box = bucket()
    source = filled(box, pictures) + "a/1.png"
    assert enhance(source, tmp_path / "one.png")[0] == 0
    assert (tmp_path / "one.png").read_bytes() == local["a/1.png"]
    assert enhance(source, box.at("out/one.png"))[0] == 0
    assert enhance(tmp_path / "photos/a/1.png", box.at("out/folder/"))[0] == 0
    assert box["out/one.png"] == box["out/folder/1.png"] == local["a/1.png"]
    code, _, told = enhance(source, box.at("out/one.png"))
    assert (code, "1 output already exists, first s3://" in told) == (2, True)
    assert enhance(source, box.at("out/one.png"), "--overwrite")[0] == 0
    code, _, told = enhance(box.at("missing.png"), tmp_path / "two.png")
    assert (code, "missing.png: no such picture or folder" in told) == (2, True)


def test_going_on_reads_the_journal_and_no_object(bucket: Buckets, server: Server, pictures: dict[str, bytes]) -> None:
    source, out = bucket(), bucket()
    filled(source, pictures)
    assert enhance(source.at("in"), out.at("x"))[0] == 0
    server.requests.clear()
    code, said, _ = enhance(source.at("in"), out.at("x"), "--resume")
    assert (code, said.split(";")[0]) == (0, "0 enhanced, 4 already done")
    assert server.asked("GET", source.name) == []
    assert all("/.restore-journal/" in key for key in server.asked("GET", out.name))


def test_going_on_does_what_is_left_and_touches_nothing_foreign(
    bucket: Buckets, pictures: dict[str, bytes], local: dict[str, bytes]
) -> None:
    source, out = bucket(), bucket()
    at = filled(source, pictures), out.at("x")
    assert enhance(*at)[0] == 0
    source["in/a/1.png"] = pictures["4.png"]  # changed: its result is outdated
    del out["x/a/2.jpg"]  # removed: made again
    out["x/4.png"] = b"edited"  # changed since: kept
    source["in/new.png"] = pictures["a/1.png"]
    out["x/new.png"] = b"foreign"
    code, said, _ = enhance(*at, "--resume", "--json")
    found = records(said)
    assert code == 1
    assert {name: one["status"] for name, one in found.items()} == {
        "1.png": "enhanced",
        "2.jpg": "enhanced",
        "3.webp": "done",
        "4.png": "failed",
        "new.png": "failed",
    }
    assert "was changed since restore wrote it" in found["4.png"]["error"]
    assert "is not a result of restore" in found["new.png"]["error"]
    assert out["x/a/1.png"] == local["4.png"]
    assert (out["x/4.png"], out["x/new.png"]) == (b"edited", b"foreign")
    assert enhance(*at, "--resume", "--overwrite")[0] == 0
    assert out["x/new.png"] == local["a/1.png"]


def test_other_options_make_results_outdated(bucket: Buckets, pictures: dict[str, bytes]) -> None:
    source, out = bucket(), bucket()
    at = filled(source, pictures), out.at()
    assert enhance(*at)[0] == 0
    code, said, _ = enhance(*at, "--resume", "--quality", "60")
    assert (code, said.split(";")[0]) == (0, "4 enhanced")


def test_existing_results(bucket: Buckets, server: Server, pictures: dict[str, bytes]) -> None:
    source, out = bucket(), bucket()
    at = filled(source, pictures), out.at("x")
    out["x/4.png"] = b"foreign"
    code, _, told = enhance(*at)
    assert (code, f"1 output already exists, first {out.at('x/4.png')}" in told) == (2, True)
    assert out.keys() == ["x/4.png"], "nothing was written"
    code, said, _ = enhance(*at, "--dry-run", "--skip-existing")
    assert (code, f"{source.at('in/a/1.png')} -> {out.at('x/a/1.png')}" in said) == (0, True)
    assert out.keys() == ["x/4.png"]
    server.requests.clear()
    code, said, _ = enhance(*at, "--skip-existing")
    assert (code, said.split(";")[0]) == (0, "3 enhanced, 1 skipped because their results exist")
    assert "in/4.png" not in server.asked("GET", source.name)
    assert out["x/4.png"] == b"foreign"
    assert enhance(*at, "--overwrite")[1].startswith("4 enhanced")
    assert out["x/4.png"] != b"foreign"


def test_shards_share_the_work(bucket: Buckets, pictures: dict[str, bytes], local: dict[str, bytes]) -> None:
    source, out = bucket(), bucket()
    at, counts = (filled(source, pictures), out.at()), []
    for index in (1, 2, 3):
        code, said, _ = enhance(*at, "--shard", f"{index}/3")
        counts.append(int(said.split()[0]))
        assert code == 0
    assert sum(counts) == 4
    assert out.results() == local
    # Whichever number of them goes on.
    code, said, _ = enhance(*at, "--resume", "--shard", "1/2")
    code2, said2, _ = enhance(*at, "--resume", "--shard", "2/2")
    assert (code, code2) == (0, 0)
    assert said.startswith("0 enhanced")
    assert said2.startswith("0 enhanced")


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_reports(suffix: str, bucket: Buckets, pictures: dict[str, bytes], tmp_path: Path) -> None:
    source, out, report = bucket(), bucket(), tmp_path / f"report.{suffix}"
    filled(source, {**pictures, "bad.png": b"no picture"})
    assert enhance(source.at("in"), out.at("x"), "--report", report)[0] == 1
    text = report.read_text("utf-8")
    rows = json.loads(text)["pictures"] if suffix == "json" else list(csv.DictReader(io.StringIO(text)))
    assert {row["source"]: (row["target"], row["status"]) for row in rows} == {
        **{source.at(f"in/{name}"): (out.at(f"x/{name}"), "enhanced") for name in pictures},
        source.at("in/bad.png"): (out.at("x/bad.png"), "failed"),
    }
    if suffix == "json":
        assert text == json.dumps(json.loads(text), indent=2) + "\n"
        assert json.loads(text)["summary"]["failed"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--watch",), "--watch works with folders"),
        (("--report", "page.html"), "choose .json or"),
        (("--report", "s3://bucket/r.json"), "a report is a file on this machine"),
        (("--keep-times",), "--keep-times"),
        (("--resume", "--skip-existing"), "remove one"),
    ],
)
def test_options_that_cannot_work(options: tuple[str, ...], said: str) -> None:
    code, _, told = enhance("s3://bucket/in", "s3://bucket/out", *options)
    assert (code, said in told) == (2, True)


def test_an_output_inside_the_input(bucket: Buckets, pictures: dict[str, bytes]) -> None:
    box = bucket()
    filled(box, pictures)
    for out in ("in", "in/large", "in/a/"):
        code, _, told = enhance(box.at("in/"), box.at(out))
        assert (code, "choose another folder" in told) == (2, True)
    assert enhance(f"zip://::{box.at('x.zip')}", "zip://::y.zip")[0] == 2


def test_odd_keys_stay_below_the_output(bucket: Buckets, pictures: dict[str, bytes], tmp_path: Path) -> None:
    s3_backends = pytest.importorskip("moto.s3.models").s3_backends
    box, data = bucket(), pictures["4.png"]
    odd = ("../up.png", "a/../../up2.png", "/lead.png", "a//b.png", "./c.png")
    fine = ("sp ace+plus%2e%2e.png", "ü/#hash?.png", "x../y..png", "~/$HOME.png", "-rf.png")
    # URLs are normalized on the way: the objects are put where moto keeps them.
    for key in (*odd, *fine):
        s3_backends["123456789012"]["aws"].put_object(box.name, f"in/{key}", data)
    out = tmp_path / "deep/er/out"
    code, said, _ = enhance(box.at("in"), out, "--json")
    found = {one["source"]: one["status"] for one in map(json.loads, said.splitlines()) if one["type"] == "picture"}
    assert code == 1
    assert {name for name, status in found.items() if status == "failed"} == {box.at(f"in/{key}") for key in odd}
    assert set(contents(out)) == set(fine)
    everything = {path.name for path in tmp_path.rglob("*.png") if "photos" not in path.parts}
    assert everything == {Path(name).name for name in fine}


def test_two_pictures_with_one_result(bucket: Buckets, pictures: dict[str, bytes]) -> None:
    source, out = bucket(), bucket()
    box = {
        "a.png": pictures["4.png"],
        "A.png": pictures["4.png"],
        "b.jpg": pictures["a/2.jpg"],
        "b.png": pictures["4.png"],
    }
    code, said, _ = enhance(filled(source, box), out.at(), "--format", "png", "--json")
    found = records(said)
    assert code == 1
    assert [found[name]["status"] for name in ("A.png", "a.png", "b.jpg", "b.png")] == [
        "enhanced",
        "failed",
        "enhanced",
        "failed",
    ]
    assert "use --name '{stem}-{ext}'" in found["b.png"]["error"]
    assert enhance(source.at("in"), out.at("y"), "--format", "png", "--name", "{stem}-{ext}")[0] == 1
    assert {name for name in out.results() if name.startswith("y/b")} == {"y/b-jpg.png", "y/b-png.png"}


def test_animations_are_recognized_by_their_content(bucket: Buckets, tmp_path: Path) -> None:
    from PIL import Image

    frames = [Image.fromarray(picture(12, 12, seed=i)) for i in (1, 2)]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "one.gif")
    box = bucket()
    filled(box, {path.name: path.read_bytes() for path in tmp_path.glob("*.gif")})
    assert enhance(box.at("in"), box.at("out"), "--frames", "all")[0] == 0
    assert {name for name in box.results() if name.startswith("out/")} == {"out/two.gif", "out/one.png"}


def test_pages_of_the_listing_go_through_one_after_the_other(
    bucket: Buckets, server: Server, pictures: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing that changes between its pages does no harm: what is new behind is done, what is gone fails alone."""
    monkeypatch.setattr(listing, "PAGE", 2)
    monkeypatch.setattr(store_plan, "PAGE", 2)
    source, out, lists = bucket(), bucket(), []
    filled(source, {f"{i}.png": pictures["4.png"] for i in range(6)})

    def fault(asked: str) -> None:
        if asked.startswith(f"GET /{source.name}") and "list-type" in asked:
            lists.append(asked)
            if len(lists) == 2:
                del source["in/3.png"]
                source["in/0-new.png"] = source["in/9-new.png"] = pictures["4.png"]

    server.fault = fault
    code, said, _ = enhance(source.at("in"), out.at(), "--json")
    found = {name: one["status"] for name, one in records(said).items()}
    assert len(lists) >= 3
    assert found.pop("0-new.png", "unseen") in ("unseen", "enhanced")
    gone = found.pop("3.png", "unseen")
    assert gone in ("unseen", "failed")
    assert code == (gone == "failed")
    assert found == {f"{i}.png": "enhanced" for i in (0, 1, 2, 4, 5)} | {"9-new.png": "enhanced"}
    begun = [json.loads(line)["begun"] for line in out.journal() if line.startswith(b'{"begun"')]
    assert len(begun) >= 3


def test_a_busy_store_is_waited_for(bucket: Buckets, server: Server, pictures: dict[str, bytes]) -> None:
    source, out = bucket(), bucket()
    at, asked_before = (filled(source, pictures), out.at()), set()

    def fault(asked: str) -> tuple[int, str] | None:
        if asked in asked_before:
            return None
        asked_before.add(asked)  # the first time only
        return 503, "SlowDown"

    server.fault = fault
    code, said, _ = enhance(*at)
    assert (code, said.split(";")[0]) == (0, "4 enhanced")


def test_several_objects_are_read_at_once(
    bucket: Buckets, server: Server, pictures: dict[str, bytes], tmp_path: Path
) -> None:
    source, lock, now, most = bucket(), threading.Lock(), [0], [0]
    filled(source, {f"{i:02}.png": pictures["4.png"] for i in range(16)})

    def fault(asked: str) -> None:
        if asked.endswith(".png"):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            time.sleep(0.2)
            with lock:
                now[0] -= 1

    server.fault = fault
    assert enhance(source.at("in"), tmp_path / "out")[0] == 0
    assert 4 <= most[0] <= 8


def test_an_expired_credential_ends_the_job_at_once(
    bucket: Buckets, server: Server, pictures: dict[str, bytes], tmp_path: Path
) -> None:
    source, out, report = bucket(), bucket(), tmp_path / "r.json"
    filled(source, {f"{i:03}.png": pictures["4.png"] for i in range(30)})
    left = [10]

    def fault(asked: str) -> tuple[int, str] | None:
        if asked.startswith("GET") and "list-type" not in asked:
            left[0] -= 1
        return (400, "ExpiredToken") if left[0] < 0 else None

    server.fault = fault
    code, said, told = enhance(source.at("in"), out.at(), "--report", report, "--json", "--workers", "2")
    assert code == 1
    assert "the credentials have expired: log in again, then continue with --resume" in told
    assert len(server.asked("GET", source.name)) < 20, "no more than those under way"
    server.fault = lambda _asked: None
    everything = [said, told, report.read_text(), *(line.decode() for line in out.journal())]
    assert not any(SECRET in text or "AKIAOFNOBODY" in text for text in everything)
    done = len(out.results())
    assert 5 <= done <= 10
    # What was written after the last part of the journal is made again.
    code, said, _ = enhance(source.at("in"), out.at(), "--resume")
    assert code == 0
    assert len(out.results()) == 30


def test_an_object_that_vanishes_is_one_failed_picture(
    bucket: Buckets, server: Server, pictures: dict[str, bytes]
) -> None:
    source, out = bucket(), bucket()
    filled(source, pictures)

    def fault(asked: str) -> None:
        if asked.endswith("/in/a/1.png") and "in/a/2.jpg" in source:
            server.fault = lambda _asked: None
            del source["in/a/2.jpg"], source["in/a/1.png"]

    server.fault = fault
    code, said, _ = enhance(source.at("in"), out.at(), "--json", "--workers", "1")
    found = records(said)
    assert code == 1
    assert "removed after the folder was listed" in found["1.png"]["error"]
    assert found["3.webp"]["status"] == "enhanced"


def test_a_store_that_hangs_is_one_failed_picture(bucket: Buckets, server: Server, pictures: dict[str, bytes]) -> None:
    source, out, ended = bucket(), bucket(), threading.Event()
    filled(source, pictures)
    server.fault = lambda asked: ended.wait(20) and None if asked.endswith("/in/a/1.png") else None
    try:
        code, said, _ = enhance(source.at("in"), out.at(), "--json", "--read-timeout", "1")
    finally:
        ended.set()
    found = records(said)
    assert code == 1
    assert [found[name]["status"] for name in ("1.png", "2.jpg", "3.webp", "4.png")] == [
        "failed",
        "enhanced",
        "enhanced",
        "enhanced",
    ]
    assert "allow more time with --read-timeout" in found["1.png"]["error"]


def test_copies_are_removed(
    bucket: Buckets, pictures: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    source, seen = bucket(), []
    unlink = Path.unlink

    def counted(self: Path, missing_ok: bool = False) -> None:
        seen.extend(len(list(self.parent.iterdir())) for _ in "1" if "scratch" in str(self))
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", counted)
    filled(source, {f"{i:03}.png": pictures["4.png"] for i in range(30)})
    assert enhance(source.at("in"), tmp_path / "out", "--workers", "2")[0] == 0
    assert list((tmp_path / "scratch").iterdir()) == []
    assert 0 < max(seen) < 20, "copies are there while they are needed"
