"""``restore compare``, and the page as a file: what is in it, and that it is whole or not there."""

from __future__ import annotations

import io
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from rich.console import Console

from restore.cli.common import console
from restore.compare import measure_row as one_row
from restore.compare import page as pages
from restore.compare.measure_row import memory
from restore.compare.options import PageOptions
from restore.compare.page import Page, write_page
from restore.compare.source import PageSource, looked_at
from restore.imaging import header
from restore.imaging.color.conversions import luma
from restore.imaging.decode import read_rgb8
from restore.metrics.psnr import psnr
from restore.metrics.sr_protocol import bicubic, score
from tests.compare.pages import EVIL, compare, embedded, facts, pair_of_folders, rows
from tests.conftest import picture, save
from tests.imaging.samples import exif_block


def test_two_folders(tmp_path: Path) -> None:
    before, after = pair_of_folders(tmp_path)
    result = compare(before, after, "--out", tmp_path / "new/page.html")
    assert result.exit_code == 0, result.output
    assert "3 compared" in result.output
    page = tmp_path / "new/page.html"
    assert [p.name for p in page.parent.iterdir()] == ["page.html"]
    read = facts(page)
    assert (read["labels"], read["base"], read["states"]) == (["before", "out"], 0, False)
    for i in range(3):
        row = rows(page)[f"{i}.png"]
        assert (row["status"], row["problems"]) == ("compared", [])
        assert row["cell"]["before size"] == [80, 60]
        assert row["cell"]["out size"] == [160, 120]
        assert row["cell"]["out file"] == (after / f"{i}.png").stat().st_size
        for version, folder in zip(row["versions"], (before, after), strict=True):
            shown = np.asarray(embedded(page, version["pixels"])).astype(int)
            assert np.abs(shown - read_rgb8(folder / f"{i}.png")).mean() < 6
            assert (version["shown"], version["quality"]) == (version["size"], 92)


def test_the_mean_difference_is_that_of_the_enlarged_picture(tmp_path: Path) -> None:
    save(tmp_path / "in/x.png", np.full((40, 50, 3), 100, np.uint8))
    large = np.full((80, 100, 3), 100, np.uint8)
    large[:40] = [104, 100, 102]
    save(tmp_path / "out/x.png", large)
    assert compare(tmp_path / "in", tmp_path / "out", "--out", tmp_path / "p.html").exit_code == 0
    assert rows(tmp_path / "p.html")["x.png"]["cell"]["out difference"] == 1.0


def test_a_reference_measures_as_evaluate_does(tmp_path: Path) -> None:
    low, high, made = picture(50, 60), picture(100, 120, seed=1), picture(100, 120, seed=2)
    save(tmp_path / "in/x.png", low), save(tmp_path / "ref/x.png", high)
    save(tmp_path / "a/x.png", made), save(tmp_path / "b/x.png", high)
    folders = [tmp_path / name for name in ("in", "a", "b")]
    result = compare(*folders, "--reference", tmp_path / "ref", "--out", tmp_path / "p.html")
    assert result.exit_code == 0, result.output
    assert facts(tmp_path / "p.html")["base"] == 3
    cell = rows(tmp_path / "p.html")["x.png"]["cell"]
    for label, pixels in (("before", bicubic(low, 2)), ("a", made)):
        expected = score(pixels, high, 2)
        assert cell[f"{label} PSNR"] == pytest.approx(expected.psnr, abs=1e-5)
        assert cell[f"{label} SSIM"] == pytest.approx(expected.ssim, abs=1e-5)
        assert cell[f"{label} difference"] > 1
    assert (cell["b PSNR"], cell["b SSIM"], cell["b difference"]) == ("infinite", 1.0, 0.0)
    assert "reference PSNR" not in cell


def test_pictures_of_one_page_are_measured_in_one_way(tmp_path: Path) -> None:
    """A mean over two protocols means nothing: what lacks its original, or is of an odd size, is measured as the rest."""
    for i in range(5):
        low, high = picture(40, 50, seed=i), picture(81, 100, seed=10 + i)
        save(tmp_path / f"in/{i}.png", low if i else picture(30, 50))
        save(tmp_path / f"out/{i}.png", picture(80, 100, seed=20 + i)), save(tmp_path / f"ref/{i}.png", high)
    (tmp_path / "in/1.png").unlink()
    (tmp_path / "in/2.png").write_bytes(b"no picture")
    arguments = [tmp_path / "in", tmp_path / "out", "--reference", tmp_path / "ref"]
    for options in ([], ["--most", 1]):
        assert compare(*arguments, "--out", tmp_path / "p.html", *options).exit_code == 1
        found = rows(tmp_path / "p.html")
        for i in (0, 2, 3, 4):
            made, high = picture(80, 100, seed=20 + i), picture(81, 100, seed=10 + i)[:80]
            expected = psnr(luma(made), luma(high), 2)
            assert found[f"{i}.png"]["cell"]["out PSNR"] == pytest.approx(expected, abs=1e-5), i
    about = {head["label"]: head.get("about") for head in facts(tmp_path / "p.html")["columns"]}
    assert about["PSNR"] == "mean squared error on a logarithmic scale; on Y (BT.601, 8 bits), border 2"


@pytest.mark.parametrize("options", [[], ["--beside"], ["--most", 1], ["--reference"]])
def test_each_header_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[object]) -> None:
    before, after = pair_of_folders(tmp_path, 3)
    asked: list[Path] = []
    read = header.read_size
    monkeypatch.setattr(header, "read_size", lambda path: asked.append(path) or read(path))
    options = ["--reference", after] if options == ["--reference"] else options
    assert compare(before, after, *options, "--out", tmp_path / "p.html").exit_code == 0
    assert len(asked) == (9 if "--reference" in options else 6)


def test_what_a_picture_takes_is_known_of_those_that_pillow_does_not(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif",
        np.zeros((100, 200, 2), np.uint16),
        photometric="minisblack",
        extrasamples=["unassalpha"],
    )
    source = looked_at(PageSource("x.tif", (tmp_path / "x.tif", tmp_path / "x.tif")))
    assert memory(source, None) > 2 * 100 * 200 * 4
    page = Page("t", "s", ["a", "b"], [source])
    write_page(tmp_path / "p.html", page, PageOptions(most_pixels=39_999), console())
    row = rows(tmp_path / "p.html")["x.tif"]
    assert (row["thumbnail"], row["cell"]["a size"]) == (None, [200, 100])
    assert row["problems"] == ["too large to show on this page"]
    write_page(tmp_path / "p.html", page, PageOptions(most_pixels=40_000), console())
    assert rows(tmp_path / "p.html")["x.tif"]["problems"] == []


def test_what_cannot_be_compared_is_named_and_the_rest_is(tmp_path: Path) -> None:
    before, after = pair_of_folders(tmp_path, 4)
    shutil.copytree(after, tmp_path / "more")
    (after / "0.png").unlink()
    (after / "1.png").write_bytes(b"no picture")
    (tmp_path / "more/2.png").unlink()
    save(after / "stray.png", picture(20, 30))
    (before / "3.png").write_bytes((before / "3.png").read_bytes()[:300])
    result = compare(before, after, tmp_path / "more", "--out", tmp_path / "p.html")
    assert result.exit_code == 1
    assert "4 compared, 1 could not be" in result.output
    found = rows(tmp_path / "p.html")
    assert {name: row["status"] for name, row in found.items()} == {
        "0.png": "in part",
        "1.png": "in part",
        "2.png": "in part",
        "3.png": "in part",
        "stray.png": "missing",
    }
    assert found["0.png"]["problems"] == [f"no match in {after}"]
    assert re.match(rf"{after}/1\.png: not a picture", found["1.png"]["problems"][0])
    assert f"{before}/3.png" in found["3.png"]["problems"][0]
    assert [v and bool(v["pixels"]) for v in found["0.png"]["versions"]] == [True, None, True]
    assert [v and bool(v["pixels"]) for v in found["3.png"]["versions"]] == [False, True, True]
    assert found["3.png"]["cell"]["out difference"] is None
    assert found["stray.png"]["thumbnail"] is None
    for name, row in found.items():
        assert row["problems"][0] in result.output, name


def opencvs(code: int, text: str) -> cv2.error:
    error = cv2.error(text)
    error.code, error.err = code, text
    return error


@pytest.mark.parametrize("step", ["difference", "for_measures", "measure", "display_copy", "thumbnail"])
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError, "not enough memory"),
        (lambda: opencvs(cv2.Error.StsNoMem, "Failed to allocate"), "not enough memory"),
        (lambda: opencvs(cv2.Error.StsAssert, "size.width > 0"), "cannot be shown: size.width > 0"),
    ],
)
def test_what_one_picture_meets_with_ends_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: Callable[[], Exception], says: str
) -> None:
    before, after = pair_of_folders(tmp_path, 3)
    work, calls = getattr(one_row, step), 0

    def failing(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise error()
        return work(*arguments)

    monkeypatch.setattr(one_row, step, failing)
    options = ["--reference", after, "--out", tmp_path / "p.html", "--workers", 1]
    assert compare(before, after, *options).exit_code == 1
    found = rows(tmp_path / "p.html")
    bad = [name for name, one in found.items() if one["problems"]]
    assert len(bad) == 1
    assert len(found[bad[0]]["problems"]) == 1
    assert says in found[bad[0]]["problems"][0]
    assert all(
        one["thumbnail"] and one["cell"]["out difference"] == 0 for name, one in found.items() if name not in bad
    )
    assert found[bad[0]]["cell"]["out size"] == [160, 120], "what is known of it is told"


def test_nothing_readable_is_a_page_with_reasons(tmp_path: Path) -> None:
    for name in ("in/x.png", "out/x.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    assert compare(tmp_path / "in", tmp_path / "out", "--out", tmp_path / "p.html").exit_code == 1
    row = rows(tmp_path / "p.html")["x.png"]
    assert row["status"] == "failed"
    assert len(row["problems"]) == 2


def test_another_shape_is_told(tmp_path: Path) -> None:
    save(tmp_path / "in/x.png", picture(100, 150)), save(tmp_path / "out/x.png", picture(300, 300))
    assert compare(tmp_path / "in", tmp_path / "out", "--out", tmp_path / "p.html").exit_code == 1
    assert "300 x 300 has another shape than 150 x 100" in rows(tmp_path / "p.html")["x.png"]["problems"][0]


def test_a_turned_picture_is_shown_upright(tmp_path: Path) -> None:
    pixels = picture(40, 60)
    save(tmp_path / "in/x.png", np.rot90(pixels), exif=exif_block(6)), save(tmp_path / "out/x.png", pixels)
    assert compare(tmp_path / "in", tmp_path / "out", "--out", tmp_path / "p.html").exit_code == 0
    row = rows(tmp_path / "p.html")["x.png"]
    assert row["cell"]["before size"] == [60, 40]
    assert row["cell"]["out difference"] == 0
    assert embedded(tmp_path / "p.html", row["versions"][0]["pixels"]).size == (60, 40)


def test_a_page_is_no_larger_than_asked_and_says_what_was_reduced(tmp_path: Path) -> None:
    before, after = pair_of_folders(tmp_path, 4, size=(400, 500))
    assert compare(before, after, "--out", tmp_path / "p.html", "--max-mb", 1, "--max-side", 700).exit_code == 0
    assert 300_000 < (tmp_path / "p.html").stat().st_size <= 1_000_000
    one, other = rows(tmp_path / "p.html")["0.png"]["versions"]
    assert one["quality"] < 92
    assert max(other["shown"]) <= 700
    assert other["size"] == [1000, 800]


def test_a_page_that_cannot_be_small_enough_says_so(tmp_path: Path) -> None:
    before, after = pair_of_folders(tmp_path, 20, size=(200, 200))
    sources = [PageSource(f"{i}.png", (before / f"{i}.png", after / f"{i}.png")) for i in range(20)]
    for megabytes, beside, told in ((0.1, False, True), (0.1, True, False), (5, False, False), (None, False, False)):
        said = Console(file=io.StringIO(), soft_wrap=True)
        options = PageOptions(megabytes=megabytes, beside=beside)
        written = write_page(tmp_path / "p.html", Page("t", "s", ["a", "b"], sources), options, said)
        expected = f"{written.bytes / 1e6:.1f} MB, more than the limit of 0.1"
        assert (expected in said.file.getvalue()) is told


def test_more_pictures_than_are_shown_are_in_the_table(tmp_path: Path) -> None:
    before, after = pair_of_folders(tmp_path, 9, size=(20, 30))
    result = compare(before, after, "--out", tmp_path / "p.html", "--most", 3)
    assert result.exit_code == 0
    assert "9 compared, 6 of them only in the table" in result.output
    found = rows(tmp_path / "p.html")
    assert [name for name, row in found.items() if row["thumbnail"]] == ["0.png", "3.png", "6.png"]
    assert all(row["cell"]["out difference"] > 0 for row in found.values())
    assert facts(tmp_path / "p.html")["notes"] == [
        "Pictures are shown for 3 rows, evenly spread; the table lists all 9."
    ]


@pytest.mark.parametrize("options", [[], ["--beside"]])
def test_the_same_whatever_the_number_of_workers(tmp_path: Path, options: list[str]) -> None:
    before, after = pair_of_folders(tmp_path, 7)
    for workers in (1, 5):
        out = tmp_path / str(workers) / "p.html"
        assert compare(before, after, "--out", out, "--workers", workers, *options).exit_code == 0
    one, other = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*") if p.is_file()} for n in "15"
    )
    assert one == other


def test_labels(tmp_path: Path) -> None:
    before, after = pair_of_folders(tmp_path)
    shutil.copytree(after, tmp_path / "b/out")
    out = tmp_path / "p.html"
    assert compare(before, after, tmp_path / "b/out", "--out", out).exit_code == 0
    assert facts(out)["labels"] == ["before", f"{tmp_path.name}/out", "b/out"]
    assert compare(before, after, "--label", "old", "--label", "<b>new</b>", "--out", out).exit_code == 0
    assert facts(out)["labels"] == ["old", "<b>new</b>"]
    assert "<title>old · &lt;b&gt;new&lt;/b&gt;</title>" in out.read_text()
    assert "<b>new" not in out.read_text()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--out", "p.txt"], "the name must end in .html"),
        (["--out", "in.html"], "is a folder: name a file"),
        (["--out", "mine.html"], "is not a page written by restore"),
        (["--out", "mine2.html", "--beside"], "mine2-files exists, and was not written by restore"),
        (["--out", "mine3.html", "--beside"], "mine3-files exists, and was not written by restore"),
        (["--out", "out/p.html", "--beside"], "its pictures would be inside"),
        (["--out", "p.html", "--label", "a"], "--label is given 1 times for 2 folders"),
        (["--out", "p.html", "--label", "a", "--label", "a"], "two versions have the label 'a'"),
        (["--out", "p.html", "--reference", "nowhere"], "nowhere: no such file or folder"),
        (["--out", "p.html", "--name", "{model}"], "replace {model} by its value"),
    ],
)
def test_wrong_use_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], says: str
) -> None:
    pair_of_folders(tmp_path, 1)
    (tmp_path / "in.html").mkdir()
    (tmp_path / "mine.html").write_text("<p>mine")
    (tmp_path / "mine2-files").mkdir()
    (tmp_path / "mine3-files").symlink_to("nowhere")
    monkeypatch.chdir(tmp_path)
    there = sorted(tmp_path.rglob("*"))
    result = compare("in", "out", *options)
    assert result.exit_code == 2
    assert says in result.output
    assert sorted(tmp_path.rglob("*")) == there
    assert (tmp_path / "mine.html").read_text() == "<p>mine"


def test_beside_replaces_its_own_folder_whole(tmp_path: Path) -> None:
    before, after = pair_of_folders(tmp_path, 3)
    out = tmp_path / "pages/p.html"
    assert compare(before, after, "--out", out, "--beside").exit_code == 0
    assert {p.name for p in out.parent.iterdir()} == {"p.html", "p-files"}
    assert len(list((out.parent / "p-files").glob("*.jpg"))) == 9
    (after / "2.png").unlink()
    assert compare(before, after, "--out", out, "--beside").exit_code == 1
    names = {p.name for p in (out.parent / "p-files").iterdir()}
    referred = {
        r.split("/")[1]
        for row in rows(out).values()
        for v in row["versions"]
        if v
        for r in (v["pixels"], v["map"])
        if r
    }
    assert names == referred | {"written-by-restore.txt"}
    assert {p.name for p in out.parent.iterdir()} == {"p.html", "p-files"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_beside_follows_a_link(tmp_path: Path) -> None:
    """Pictures may be kept on another disk: what the link leads to is replaced, and nothing is left behind."""
    before, after = pair_of_folders(tmp_path, 2)
    out = tmp_path / "pages/p.html"
    assert compare(before, after, "--out", out, "--beside").exit_code == 0
    (tmp_path / "disk").mkdir()
    (out.parent / "p-files").rename(tmp_path / "disk/p")
    (out.parent / "p-files").symlink_to(tmp_path / "disk/p")
    (after / "1.png").unlink()
    assert compare(before, after, "--out", out, "--beside").exit_code == 1
    assert (out.parent / "p-files").readlink() == tmp_path / "disk/p"
    assert len(list((tmp_path / "disk/p").glob("*.jpg"))) == 3
    assert {p.name for p in out.parent.iterdir()} == {"p.html", "p-files"}
    assert [p.name for p in (tmp_path / "disk").iterdir()] == ["p"]


def test_names_do_not_end_the_script_or_reach_the_markup(tmp_path: Path) -> None:
    for name in EVIL:
        save(tmp_path / "in" / name, picture(20, 30)), save(tmp_path / "out" / name, picture(20, 30))
    assert compare(tmp_path / "in", tmp_path / "out", "--out", tmp_path / "p.html").exit_code == 0
    text = (tmp_path / "p.html").read_text()
    assert text.count("<script") == text.count("</script>") == 2
    assert text.count("<template") == text.count("</template>") == 3 * len(EVIL)
    assert "<img src=x" not in text
    assert set(rows(tmp_path / "p.html")) == {name.replace("\n", "\\n").replace("\t", "\\t") for name in EVIL}, (
        "what would break a line is shown as an escape"
    )


def test_memory_holds_a_few_pictures_whatever_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are asked for one by one, and their copies are not kept."""
    import gc

    from restore.compare.preview import Copy

    before, after = pair_of_folders(tmp_path, 24, size=(20, 30))
    alive = []
    kept = pages.row_facts

    def counting(*arguments: object) -> object:
        if arguments[1] in (0, 12, 23):
            gc.collect()
            alive.append(sum(type(thing) is Copy for thing in gc.get_objects()))
        return kept(*arguments)

    monkeypatch.setattr(pages, "row_facts", counting)
    assert compare(before, after, "--out", tmp_path / "p.html", "--workers", 2).exit_code == 0
    assert len(alive) == 3
    assert max(alive) <= 4 * (2 * 2 + 1), "four copies of each that is on its way"


def test_a_failure_in_the_midst_leaves_the_earlier_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = pair_of_folders(tmp_path, 3)
    sources = [PageSource(f"{i}.png", (before / f"{i}.png", after / f"{i}.png")) for i in range(3)]
    page = Page("t", "s", ["a", "b"], sources)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for beside in (False, True):
        options = PageOptions(beside=beside)
        out = tmp_path / f"pages-{beside}/p.html"
        write_page(out, page, options, console())
        there = {p: p.read_bytes() for p in out.parent.rglob("*") if p.is_file()}
        with monkeypatch.context() as patch:
            patch.setattr(pages, "row_facts", fail)
            with pytest.raises(OSError, match="No space"):
                write_page(out, page, options, console())
        assert {p: p.read_bytes() for p in out.parent.rglob("*") if p.is_file()} == there


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("options", [[], ["--beside"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_half_written(tmp_path: Path, number: signal.Signals, options: list[str]) -> None:
    before, after = pair_of_folders(tmp_path, 60, size=(300, 400), different=2)
    out = tmp_path / "pages/p.html"
    command = [sys.executable, "-m", "restore", "compare", before, after, "--out", out, "--workers", "2", *options]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 60
    while not (out.parent.is_dir() and any(out.parent.iterdir())):
        assert time.monotonic() < limit
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert list(out.parent.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("options", [[], ["--beside"]])
def test_what_a_killed_run_left_is_gone_after_the_next(tmp_path: Path, options: list[str]) -> None:
    before, after = pair_of_folders(tmp_path, 60, size=(300, 400), different=2)
    out = tmp_path / "pages/p.html"
    command = [sys.executable, "-m", "restore", "compare", before, after, "--out", out, *options]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while not (out.parent.is_dir() and any(out.parent.iterdir())):
        assert time.monotonic() < limit
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert [p.name[:9] for p in out.parent.iterdir()] == [".restore-"] * (2 if options else 1)
    assert compare(before, after, "--out", out, "--most", 1, *options).exit_code == 0
    assert {p.name for p in out.parent.iterdir()} == ({"p.html", "p-files"} if options else {"p.html"})


def test_compare_runs_without_torch(tmp_path: Path) -> None:
    before, after = pair_of_folders(tmp_path, 1)
    code = (
        "import sys\nfrom restore.cli.main import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as done: assert done.code == 0, done.code\n"
        "print(sorted({'torch', 'onnxruntime'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, "compare", before, after, "--out", tmp_path / "p.html"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
