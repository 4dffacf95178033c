"""``restore evaluate``: what is measured, how it is reported, and what is rejected."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from restore.cli.main import main
from restore.imaging.color.conversions import luma
from restore.metrics.ciede2000 import ciede2000
from restore.metrics.niqe import niqe
from restore.metrics.sr_protocol import bicubic, reduce
from tests.conftest import picture, save

ROOT = Path(os.environ.get("RESTORE_TESTSETS", "/nonexistent"))


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["evaluate", *(str(a) for a in arguments)], prog_name="restore")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def facts(*arguments: object) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def pairs(tmp_path: Path) -> tuple[Path, Path]:
    """References, and results that differ from them more and more."""
    draw = np.random.default_rng(0)
    for i in range(4):
        high = picture(200, 240 + 10 * i, seed=i)
        save(tmp_path / f"good/{i}.png", high)
        made = np.clip(high + draw.normal(0, 2 + 3 * i, high.shape), 0, 255).astype(np.uint8)
        save(tmp_path / f"mine/{i}.png", made)
    return tmp_path / "good", tmp_path / "mine"


def test_results_of_a_folder_are_what_skimage_says(pairs: tuple[Path, Path]) -> None:
    good, mine = pairs
    found = facts("--data", good, "--predictions", mine, "--border", 2)
    for row in found["pictures"]:
        a, b = (np.asarray(Image.open(folder / f"{row['name']}.png"))[2:-2, 2:-2] for folder in (mine, good))
        assert row["model"]["psnr"] == pytest.approx(peak_signal_noise_ratio(b, a, data_range=255))
        _, full = structural_similarity(
            *(luma(x).astype(float) for x in (a, b)),
            gaussian_weights=True,
            use_sample_covariance=False,
            data_range=255,
            full=True,
        )
        assert row["model"]["ssim"] == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-9)
    assert found["average"]["model"]["psnr"] == pytest.approx(np.mean([r["model"]["psnr"] for r in found["pictures"]]))
    assert found["protocol"] == "PSNR in dB on RGB (8 bits), border 2; SSIM on Y (BT.601, 8 bits), border 2"
    low, high = found["intervals"]["mine"]["psnr"]
    assert low < found["average"]["model"]["psnr"] < high
    assert found["baseline"] is None


def test_on_and_scale_choose_what_is_measured(pairs: tuple[Path, Path]) -> None:
    good, mine = pairs
    as_enlarged = facts("--data", good, "--predictions", mine, "--scale", 3)
    assert as_enlarged["protocol"] == "PSNR in dB and SSIM on Y (BT.601, 8 bits), border 3"
    on_y = facts("--data", good, "--predictions", mine, "--on", "y", "--border", 3)
    assert on_y["average"] == as_enlarged["average"]
    on_rgb = facts("--data", good, "--predictions", mine, "--on", "rgb", "--border", 0, "--metric", "ssim")
    a, b = (np.asarray(Image.open(folder / "0.png")).astype(float) for folder in (mine, good))
    options = {"gaussian_weights": True, "use_sample_covariance": False, "data_range": 255, "full": True}
    wanted = [structural_similarity(a[..., i], b[..., i], **options)[1][5:-5, 5:-5].mean() for i in range(3)]
    assert on_rgb["pictures"][0]["model"]["ssim"] == pytest.approx(np.mean(wanted), abs=1e-9)


def test_a_model_is_measured_as_its_results_are(photos: Path, tmp_path: Path, small_model: Path) -> None:
    """By enhancing the very low resolution with ``restore enhance``, and measuring that."""
    for path in (photos / "a").glob("*.png"):
        low, _ = reduce(np.asarray(Image.open(path)), 2)
        save(tmp_path / "low" / path.name, low)
    CliRunner().invoke(main, ["enhance", str(tmp_path / "low"), str(tmp_path / "made"), "--model", str(small_model)])
    model = facts("--model", small_model, "--data", photos / "a")
    made = facts("--predictions", tmp_path / "made", "--data", photos / "a", "--scale", 2)
    assert made["average"]["model"] == pytest.approx(model["average"]["model"])
    both = facts("--model", small_model, "--predictions", tmp_path / "made", "--data", photos / "a")
    assert both["methods"] == ["bicubic", "small", "made"]
    assert both["average"]["methods"]["made"] == pytest.approx(both["average"]["methods"]["small"])
    assert both["average"]["baseline"] == model["average"]["baseline"]


def test_several_models_and_their_gains(photos: Path, small_model: Path) -> None:
    found = facts("--model", small_model, "--model", "sr-x2", "--data", photos / "a", "--metric", "psnr")
    assert found["methods"] == ["bicubic", "small", "sr-x2"]
    gain = found["gains"]["sr-x2"]["psnr"]
    by_picture = [row["methods"]["sr-x2"]["psnr"] - row["methods"]["bicubic"]["psnr"] for row in found["pictures"]]
    assert gain["mean"] == pytest.approx(np.mean(by_picture))
    assert gain["interval"][0] <= gain["mean"] <= gain["interval"][1]
    assert "model" not in found
    twice = run("--model", small_model, "--model", small_model, "--data", photos / "a")
    assert (twice.exit_code, "is given twice" in twice.output) == (2, True)
    mixed = run("--model", "sr-x2", "--model", "sr-x4", "--data", photos / "a")
    assert mixed.exit_code == 2
    assert "sr-x2 x2, sr-x4 x4" in mixed.output


def test_the_first_folder_of_several_is_the_baseline(pairs: tuple[Path, Path], tmp_path: Path) -> None:
    good, mine = pairs
    found = facts("--data", good, "--predictions", good, "--predictions", mine, "--metric", "psnr", "--metric", "ssim")
    assert found["baseline"] == "good"
    assert found["average"]["baseline"] == {"psnr": None, "ssim": pytest.approx(1)}
    assert found["gains"]["mine"]["psnr"] == {"mean": None, "interval": None}
    assert found["gains"]["mine"]["ssim"]["mean"] < 0
    text = run("--data", good, "--predictions", good, "--predictions", mine).output
    assert "inf" in text


def test_every_metric_in_every_form(pairs: tuple[Path, Path]) -> None:
    good, mine = pairs
    arguments = ["--data", good, "--predictions", mine, "--border", 0]
    metrics = ["psnr", "ssim", "ms-ssim", "ciede2000", "niqe"]
    arguments += [word for name in metrics for word in ("--metric", name)]
    found = facts(*arguments)
    a, b = (np.asarray(Image.open(folder / "3.png")) for folder in (mine, good))
    assert found["pictures"][3]["model"]["ciede2000"] == pytest.approx(ciede2000(a, b))
    assert found["pictures"][3]["model"]["niqe"] == pytest.approx(niqe(a))
    assert found["metrics"]["ciede2000"] == {"title": "CIEDE2000", "unit": None, "higher_is_better": False}
    rows = list(csv.DictReader(io.StringIO(run(*arguments, "--csv").stdout)))
    assert [row["picture"] for row in rows] == ["0", "1", "2", "3", "average"]
    assert float(rows[3]["ciede2000"]) == found["pictures"][3]["model"]["ciede2000"]
    assert float(rows[4]["ms-ssim"]) == found["average"]["model"]["ms-ssim"]
    markdown = run(*arguments, "--markdown").stdout
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert f"| mine | {found['average']['model']['psnr']:.2f} " in markdown
    text = run(*arguments).stdout
    assert "CIEDE2000 on L*a*b* of sRGB (D65), border 0" in text
    assert "95% bootstrap intervals of the mean over 4 pictures (10,000 resamples, seed 0)" in text
    means = next(line for line in text.splitlines() if line.startswith("average "))
    assert means.split()[1] == f"{found['average']['model']['psnr']:.2f}"


def test_many_columns_show_the_means_alone(pairs: tuple[Path, Path], tmp_path: Path) -> None:
    good, mine = pairs
    several = [word for name in "abcde" for word in ("--predictions", tmp_path / name)]
    for name in "abcde":
        (tmp_path / name).symlink_to(mine)
    text = run("--data", good, *several).stdout
    assert "picture" not in text.splitlines()[3]
    assert "gain over" in text


def test_names_in_markdown_are_text(tmp_path: Path) -> None:
    save(tmp_path / "good/a.png", picture(40, 40))
    save(tmp_path / "x|y*z/a.png", picture(40, 40, seed=1))
    out = run("--data", tmp_path / "good", "--predictions", tmp_path / "x|y*z", "--markdown").stdout
    assert r"| x\|y\*z |" in out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no control characters in a name")
@pytest.mark.parametrize("form", [[], ["--csv"], ["--markdown"], ["--json"]])
def test_names_of_control_characters_do_not_reach_the_terminal(tmp_path: Path, form: list[str]) -> None:
    folders = [tmp_path / "red\x1b[31m", tmp_path / "two\nlines"]
    for folder in (tmp_path / "good", *folders):
        save(folder / "a\x1b[7m.png", picture(40, 40))
    given = [word for folder in folders for word in ("--predictions", folder)]
    result = run("--data", tmp_path / "good", *given, *form)
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert "two\nlines" not in result.output
    assert r"two\nlines" in result.output.replace("\\\\", "\\"), "Markdown and JSON escape the escape"


def test_a_model_that_calls_itself_by_control_characters(photos: Path, tmp_path: Path, small_model: Path) -> None:
    import onnx

    model = onnx.load(small_model)
    for entry in model.metadata_props:
        entry.value = entry.value.replace('"small"', '"sm\\u001b[31mall"')
    onnx.save(model, tmp_path / "m.onnx")
    result = run("--model", tmp_path / "m.onnx", "--data", photos / "a")
    assert result.exit_code == 2, "refused: no name of a model"
    assert "\x1b" not in result.output
    assert r"sm\x1b[31mall" in result.output


def test_pictures_without_references(pairs: tuple[Path, Path]) -> None:
    good, mine = pairs
    found = facts("--predictions", mine)
    assert found["pictures"][2]["model"]["niqe"] == pytest.approx(niqe(np.asarray(Image.open(mine / "2.png"))))
    two = facts("--predictions", good, "--predictions", mine)
    assert two["baseline"] == "good"
    assert two["gains"]["mine"]["niqe"]["mean"] == pytest.approx(
        two["average"]["methods"]["mine"]["niqe"] - two["average"]["methods"]["good"]["niqe"]
    )
    refused = run("--predictions", mine, "--metric", "ssim")
    assert refused.exit_code == 2
    assert "'ssim' needs references: give their folder with --data" in refused.output
    assert "niqe" in refused.output


def test_a_pattern_chooses_from_more(pairs: tuple[Path, Path]) -> None:
    """What does not match is no surplus; nor is a file of the same name and another ending, alone."""
    good, mine = pairs
    assert [one["name"] for one in facts("--data", good, "--predictions", mine, "--pattern", "[13].*")["pictures"]] == [
        "1",
        "3",
    ]
    Image.open(mine / "1.png").save(mine / "1.jpg")
    assert [one["name"] for one in facts("--predictions", mine, "--pattern", "1.*")["pictures"]] == ["1", "1"]


def test_a_benchmark_and_results_named_as_its_low_resolution(tmp_path: Path, small_model: Path) -> None:
    """As a network that was run over the set's own files leaves them."""
    high = picture(48, 64)
    low, _ = reduce(high, 2)
    save(tmp_path / "Set5/HR/baby.png", high)
    save(tmp_path / "Set5/LR_bicubic/X2/babyx2.png", low)
    save(tmp_path / "made/babyx2.png", bicubic(low, 2))
    text = run("--data", tmp_path / "Set5", "--model", small_model, "--predictions", tmp_path / "made").output
    assert "Set5 (1 picture, expected 5), by its layout HR and LR_bicubic/X2" in text
    assert "low resolution: given files" in text
    found = facts("--data", tmp_path / "Set5", "--model", small_model, "--predictions", tmp_path / "made")
    assert found["average"]["methods"]["made"] == found["average"]["baseline"]


def write(folder: Path, name: str, pixels: np.ndarray) -> Path:
    import cv2

    folder.mkdir(exist_ok=True)
    assert cv2.imwrite(str(folder / name), pixels)
    return folder


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda mine: save(mine / "1.png", picture(100, 250)), "1.png: 250 x 100 pixels, but its reference"),
        (lambda mine: (mine / "1.png").unlink(), "no result of 1.png"),
        (lambda mine: save(mine / "more.png", picture(9, 9)), "more.png without a reference in"),
        (lambda mine: (mine / "2.png").rename(mine / "two.png"), "no result of 2.png, and two.png without a reference"),
        (lambda mine: save(mine / "1.jpg", picture(9, 9)), "are both results of 1.png: keep one"),
        (
            lambda mine: write(mine, "1.png", picture(200, 250).astype(np.uint16) * 257),
            "1.png: 16 bits per channel, but",
        ),
        (lambda mine: save(mine / "1.png", picture(200, 250, 1)), "1.png is gray, but its reference"),
        (lambda mine: (mine / "1.png").write_bytes(b"no"), "1.png"),
        (lambda mine: [p.unlink() for p in mine.iterdir()], "no pictures found"),
    ],
)
def test_wrong_results_are_named_with_the_cure(pairs: tuple[Path, Path], spoil, says: str) -> None:
    good, mine = pairs
    spoil(mine)
    result = run("--data", good, "--predictions", mine)
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output


def test_what_may_differ_when_it_is_said(pairs: tuple[Path, Path]) -> None:
    good, mine = pairs
    arguments = ["--data", good, "--predictions", mine]
    before = facts(*arguments)["average"]["model"]
    for i in range(4):
        pixels = np.asarray(Image.open(mine / f"{i}.png"))
        write(mine, f"{i}.png", pixels[..., ::-1].astype(np.uint16) * 257)
    assert "--mixed-depth" in run(*arguments).output
    assert facts(*arguments, "--mixed-depth")["average"]["model"] == before
    save(good / "0.png", np.asarray(Image.open(good / "0.png"))[..., :1])
    assert "--mixed-channels" in run(*arguments, "--mixed-depth").output
    assert facts(*arguments, "--mixed-depth", "--mixed-channels")["average"]["model"]["psnr"] < before["psnr"]


def test_floating_point_files_are_refused_by_name(pairs: tuple[Path, Path]) -> None:
    """Nan among them: no metric ever sees one."""
    import tifffile

    good, mine = pairs
    (mine / "1.png").unlink()
    tifffile.imwrite(mine / "1.tif", np.full((200, 250, 3), np.nan, np.float32))
    result = run("--data", good, "--predictions", mine)
    assert result.exit_code == 2
    assert "1.tif" in result.output
    assert "float" in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data", "{good}"], "nothing to measure: give --model, or --predictions"),
        (["--model", "sr-x2"], "give --data with the reference pictures"),
        ([], "give --data"),
        (["--data", "{good}", "--predictions", "{mine}", "--metric", "pnsr"], "Did you mean 'psnr'?"),
        (["--data", "{good}", "--predictions", "{mine}", "--weights", "features=x"], "add --metric features"),
        (["--data", "{good}", "--predictions", "{mine}", "--weights", "nothing=x"], "no metric 'nothing'"),
        (["--data", "{good}", "--predictions", "{mine}", "--predictions", "{mine}"], "is given twice"),
        (["--data", "{good}", "--predictions", "{good}/none"], "no such folder"),
        (["--data", "{good}", "--model", "sr-x2", "--scale", "3"], "sr-x2 enlarges 2 times; remove --scale"),
        (["--data", "{good}", "--predictions", "{mine}", "--border", "100"], "0.png: PSNR of mine: nothing is left"),
        (["--data", "{good}", "--predictions", "{mine}", "--prediction-name", "x"], "or FROM=TO"),
    ],
)
def test_wrong_use(pairs: tuple[Path, Path], arguments: list[str], says: str) -> None:
    result = run(*(a.format(good=pairs[0], mine=pairs[1]) for a in arguments))
    assert result.exit_code == 2
    assert says in result.output


def test_a_picture_too_small_for_a_metric_is_named(tmp_path: Path) -> None:
    for folder in ("good", "mine"):
        save(tmp_path / folder / "a.png", picture(100, 100))
    arguments = ["--data", tmp_path / "good", "--predictions", tmp_path / "mine", "--metric"]
    result = run(*arguments, "ms-ssim")
    assert result.exit_code == 2
    assert "good/a.png: MS-SSIM of mine: MS-SSIM needs 176 x 176 pixels, not 98 x 98" in result.output
    assert "two blocks of 96 x 96" in run(*arguments, "niqe").output


def test_names_may_differ_as_it_is_said(pairs: tuple[Path, Path]) -> None:
    good, mine = pairs
    before = facts("--data", good, "--predictions", mine)["average"]
    for path in list(good.iterdir()):
        path.rename(good / f"{path.stem}_gt.png")
    assert run("--data", good, "--predictions", mine).exit_code == 2
    assert facts("--data", good, "--predictions", mine, "--prediction-name", "_gt=")["average"] == before


def test_the_metrics_are_listed() -> None:
    from restore.metrics.registry import METRICS

    lines = run("--list").output.splitlines()
    assert [line.split()[0] for line in lines] == list(METRICS)
    assert all("is better" in line for line in lines)


def test_measuring_in_numpy_imports_no_torch(pairs: tuple[Path, Path]) -> None:
    code = (
        "import sys\nfrom restore.cli.main import main\n"
        f"main(['evaluate', '--data', {str(pairs[0])!r}, '--predictions', {str(pairs[1])!r}, '--metric', 'psnr', "
        "'--metric', 'niqe', '--metric', 'ciede2000'], standalone_mode=False)\n"
        "print(sorted({'torch', 'scipy', 'basicsr'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


def test_without_torch_a_learned_metric_says_what_to_install(pairs: tuple[Path, Path]) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\nfrom restore.cli.main import main\n"
        f"main(['evaluate', '--data', {str(pairs[0])!r}, '--predictions', {str(pairs[1])!r}, '--metric', 'features'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'restore[metrics]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not ROOT.is_dir(), reason="RESTORE_TESTSETS does not name a folder")
@pytest.mark.parametrize(("scale", "published"), [(2, (33.66, 0.9299)), (4, (28.42, 0.8104))])
def test_set5_needs_neither_pattern_nor_names(scale: int, published: tuple[float, float]) -> None:
    found = facts("--model", f"sr-x{scale}", "--data", ROOT / "Set5")
    assert found["data"] == f"Set5 (5 pictures), by its layout x{scale}/*_HR and x{scale}/*_LR"
    assert found["average"]["baseline"]["psnr"] == pytest.approx(published[0], abs=0.02)
    assert found["average"]["baseline"]["ssim"] == pytest.approx(published[1], abs=0.001)


def test_hidden_folders_are_left_out(pairs: tuple[Path, Path]) -> None:
    """Programs that show pictures keep small copies in them."""
    good, mine = pairs
    before = facts("--data", good, "--predictions", mine)
    for folder in (good, mine):
        save(folder / ".thumbs/0.png", picture(8, 8))
    assert facts("--data", good, "--predictions", mine) == before
    assert facts("--data", good, "--predictions", mine, "--pattern", "**/*.png")["average"] == before["average"]


def test_names_by_a_template(pairs: tuple[Path, Path], tmp_path: Path) -> None:
    good, mine = pairs
    before = facts("--data", good, "--predictions", mine)["average"]
    for path in good.iterdir():
        path.rename(path.with_stem(f"{path.stem}_HR"))
    for path in mine.iterdir():
        path.rename(path.with_stem(f"mine_{path.stem}"))
    named = ("--prediction-name", "{stem}_HR=mine_{stem}")
    assert facts("--data", good, "--predictions", mine, *named)["average"] == before
    (mine / "mine_1.png").unlink()
    result = run("--data", good, "--predictions", mine, *named)
    assert "no result of 1_HR.png (looked for 'mine_1')" in result.output + result.stderr
