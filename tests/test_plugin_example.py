"""The example package works both ways: installed, found by its entry points, and as a plug-in beside a recipe."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import picture, save

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "tests" / "plugin_example"

RECIPE = """\
name: clear
task: restoration
scale: 1
network: {kind: example-separable, width: 8, blocks: 1}
data: {train: [photos], patch: 24, holdout: 1, example_haze: {transmission: [0.5, 0.6]}}
validation: {every: 2, crop: 32, metric: example-mae}
losses:
  - {kind: example-huber}
  - {kind: contrastive, weight: 0.01, encoder: {kind: example-sobel}, objective: {kind: example-sigmoid}}
train: {steps: 4, batch: 2, save_every: 4, precision: fp32}
"""
COMMANDS = """\
train recipe.yaml --data . --out run --device cpu --threads 1 --workers 0 PLUGIN
export run clear.onnx PLUGIN
enhance photos/0.png enhanced/0.png --model clear.onnx --device cpu
degrade photos/0.png degraded.png --recipe fringes.yaml PLUGIN
filter photos/0.png blue.png --name example-cyanotype PLUGIN
evaluate --predictions enhanced --data references --metric example-mae PLUGIN
"""
# All commands in one process, for loading torch takes seconds.
RUN = """
import shlex, sys
from restore.cli.main import main
for line in sys.stdin:
    try:
        main(shlex.split(line), standalone_mode=False)
    except SystemExit as end:
        assert not end.code, line
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["installed", "plugin"])
def test_the_example_trains_exports_and_enhances(way: str, tmp_path: Path) -> None:
    for i in range(3):
        save(tmp_path / "photos" / f"{i}.png", picture(40, 50, seed=i))
    shutil.copytree(tmp_path / "photos", tmp_path / "references", ignore=lambda *_: ["1.png", "2.png"])
    (tmp_path / "fringes.yaml").write_text("after: [{kind: example-fringes, share: [0.04, 0.05]}]\n")
    paths, flag = [str(ROOT)], ""
    if way == "installed":
        paths.append(str(install(tmp_path)))
    else:
        shutil.copytree(EXAMPLE / "restore_example", tmp_path / "restore_example")
        flag = "--plugin restore_example.register"
    (tmp_path / "recipe.yaml").write_text(RECIPE + ("plugins: [restore_example.register]\n" if flag else ""))
    script = tmp_path / "bin" / "run.py"  # like a console script: not in the current folder
    script.parent.mkdir()
    script.write_text(RUN)
    done = subprocess.run(
        [sys.executable, script],
        input=COMMANDS.replace("PLUGIN", flag),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "example-mae" in (tmp_path / "run/log.jsonl").read_text()
    assert Image.open(tmp_path / "enhanced/0.png").size == (50, 40)
    assert Image.open(tmp_path / "degraded.png").size == (25, 20)
    colors = np.asarray(Image.open(tmp_path / "blue.png").convert("RGB"))
    assert (colors[..., 2] >= colors[..., 0]).all()
    assert "MAE" in done.stdout


def install(folder: Path) -> Path:
    """The example as pip installs it, without a network."""
    pytest.importorskip("setuptools")
    source, target = folder / "source", folder / "installed"
    shutil.copytree(EXAMPLE, source)  # building writes into it
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    done = subprocess.run([*command, "--target", target, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target
