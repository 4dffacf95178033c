"""Reports are read back with another library than wrote them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from restore.cli.common import console
from restore.compare.job_report import JobPage
from restore.errors import RestoreError
from restore.files.listing import Unreadable
from restore.jobs.outcome import Outcome, Seconds
from restore.jobs.plan import Item
from restore.jobs.report import check_report, folder_record, record, write_report
from tests.compare.pages import facts

EVIL = '<script>alert("x")</script> & \'q\',\n"z".png'
SUMMARY = {
    "type": "summary",
    "enhanced": 1,
    "done": 0,
    "skipped": 0,
    "failed": 0,
    "input": "in",
    "output": "out",
    "model": "<b>sr</b>",
    "busy": {"network": 0.9},
}


def job_page() -> JobPage:
    return JobPage(workers=1)


def records() -> list[dict[str, object]]:
    good = Item(Path("in", EVIL), Path("out", EVIL), EVIL, EVIL)
    raw = Item(Path("in/\udcff.png"), Path("out/\udcff.png"), "", "")
    return [
        record(
            Outcome(
                good,
                "enhanced",
                seconds=Seconds(0.1, 2.34567, 0),
                size_in=(3, 4),
                size_out=(6, 8),
                belief=("<i>moon</i>", 0.91239),
            )
        ),
        record(Outcome(raw, "failed", "damaged <picture>")),
        folder_record(Unreadable(Path("in/locked"), "Permission denied")),
    ]


def test_json(tmp_path: Path) -> None:
    write_report(tmp_path / "new/r.json", records(), SUMMARY, console())
    read = json.loads((tmp_path / "new/r.json").read_text())
    assert read["summary"] == SUMMARY
    assert read["pictures"][0]["source"] == f"in/{EVIL}"
    assert read["pictures"][0]["size_out"] == [6, 8]
    assert [p["belief"] for p in read["pictures"]] == [{"kind": "<i>moon</i>", "share": 0.9124}, None, None]
    assert read["pictures"][0]["seconds"] == {"decode": 0.1, "network": 2.346, "encode": 0}
    assert read["pictures"][1]["source"] == "in/\udcff.png"
    assert [p["status"] for p in read["pictures"]] == ["enhanced", "failed", "failed"]
    assert read["pictures"][2]["error"] == "the folder cannot be read: Permission denied"


def test_csv(tmp_path: Path) -> None:
    write_report(tmp_path / "r.CSV", records(), SUMMARY, console())
    with (tmp_path / "r.CSV").open(newline="") as file:
        first, second, third = csv.DictReader(file)
    assert first["source"] == "in/" + EVIL.replace("\n", r"\n")
    assert (first["network_seconds"], first["size_in"], first["size_out"]) == ("2.346", "3x4", "6x8")
    assert (first["belief"], second["belief"]) == ("<i>moon</i> 91 %", "")
    assert (second["status"], second["error"], second["size_in"]) == ("failed", "damaged <picture>", "")
    assert third["source"] == "in/locked"


def test_html_is_escaped_and_complete(tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", records(), SUMMARY, console(), job_page)
    text = (tmp_path / "r.html").read_text()
    assert text.count("<script") == text.count("</script>") == 2
    assert "<b>sr" not in text
    assert "://" not in text.replace("http://www.w3.org/2000/svg", ""), "nothing is fetched from elsewhere"
    read = facts(tmp_path / "r.html")
    assert read["labels"] == ["before", "<b>sr</b>"]
    names = [EVIL.replace("\n", "\\n"), "\\udcff.png", "locked"]
    assert [row["name"] for row in read["rows"]] == names
    assert [row["status"] for row in read["rows"]] == ["enhanced", "failed", "failed"]
    assert read["rows"][1]["problems"] == ["damaged <picture>"]
    assert read["rows"][2]["problems"] == ["the folder cannot be read: Permission denied"]
    assert read["rows"][0]["cells"][-5:] == [0.1, 2.346, 0, "<i>moon</i>", 0.9124]
    assert "<i>" not in text
    assert ["input", "in"] in read["job"]
    assert ["busy", "network 0.9"] in read["job"]


def test_the_page_says_what_a_picture_was_taken_for(tmp_path: Path) -> None:
    item = Item(Path("in/a.png"), Path("out/a.png"), "a.png", "a.png")
    told = [record(Outcome(item, "enhanced", belief=("dark", 0.75))), record(Outcome(item, "failed", "no"))]
    write_report(tmp_path / "r.html", told, SUMMARY, console(), job_page)
    read = facts(tmp_path / "r.html")
    assert [head["label"] for head in read["columns"][-2:]] == ["kind", "share"]
    assert [row["cells"][-2:] for row in read["rows"]] == [["dark", 0.75], [None, None]]


def test_a_report_replaces_an_earlier_one_whole(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("x" * 100_000)
    write_report(tmp_path / "r.json", [], SUMMARY, console())
    assert json.loads((tmp_path / "r.json").read_text()) == {"pictures": [], "summary": SUMMARY}
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]


def test_a_page_says_where_pictures_came_from_and_what_their_results_are_called(tmp_path: Path) -> None:
    """What was asked for, not the lowest folder that all happen to be in."""
    items = [Item(Path(f"in/deep/{n}.jpg"), Path(f"out/deep/{n}-x2.png"), "", "") for n in "abc"]
    told = [record(Outcome(item, status)) for item, status in zip(items, ("enhanced", "done", "failed"), strict=True)]
    write_report(tmp_path / "r.html", told, SUMMARY, console(), job_page)
    read = facts(tmp_path / "r.html")
    assert ["input", "in"] in read["job"]
    assert [row["name"] for row in read["rows"]] == ["deep/a.jpg", "deep/b.jpg", "deep/c.jpg"]
    heads = [f"{head['group']} {head['label']}" for head in read["columns"]]
    place = heads.index("result name")
    assert [row["cells"][place] for row in read["rows"]] == ["deep/a-x2.png", "deep/b-x2.png", None]
    # One picture that was named; and names that say nothing new.
    single = record(Outcome(Item(Path("in/a.jpg"), Path("out/a.jpg"), "", ""), "enhanced"))
    write_report(tmp_path / "r.html", [single], {**SUMMARY, "input": "in/a.jpg"}, console(), job_page)
    read = facts(tmp_path / "r.html")
    assert [row["name"] for row in read["rows"]] == ["a.jpg"]
    assert "result" not in [head["group"] for head in read["columns"]]


def test_where_no_page_can_be_had_none_is_promised(tmp_path: Path) -> None:
    check_report(tmp_path / "r.json")
    with pytest.raises(RestoreError, match=r"choose from \.json, \.csv$"):
        check_report(tmp_path / "r.html")


def test_a_page_replaces_a_page_of_ours_alone(tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    page.write_text("<title>My own</title>")
    with pytest.raises(RestoreError, match=r"--report .*r\.html exists, and is not a page written by restore"):
        check_report(page, job_page)
    page.unlink()
    write_report(page, [], SUMMARY, console(), job_page)
    check_report(page, job_page)


@pytest.mark.parametrize("name", ["r.json", "r.csv"])
def test_what_is_no_report_is_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"my": "precious"}')
    with pytest.raises(RestoreError, match=rf"--report .*{name}: exists and is not a report"):
        check_report(tmp_path / name)
    (tmp_path / name).unlink()
    write_report(tmp_path / name, records(), SUMMARY, console())
    check_report(tmp_path / name)
    write_report(tmp_path / name, [], SUMMARY, console())
    check_report(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("r.txt", "'.txt' is not a report format"),
        ("dir.html", "is a folder"),
        ("file/r.json", "file is a file"),
        ("file/more/r.json", "file is a file"),
    ],
)
def test_impossible_reports(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "dir.html").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(RestoreError, match=says):
        check_report(tmp_path / name, job_page)
