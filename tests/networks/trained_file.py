"""A network trained for a few steps, exported and verified, by the commands."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from restore.cli.main import main
from tests.conftest import picture, save


def trained_file(folder: Path, recipe: str, network: str, patch: int) -> tuple[Path, Path]:
    """Train a shipped recipe with a small network for ten steps; returns the run and its verified ``.onnx`` file."""
    for i in range(4):
        save(folder / f"photos/{i}.png", picture(72, 80, seed=i))
    run, file = folder / "run", folder / "mine.onnx"
    changes = (f"network={network}", f"data.patch={patch}", "data.holdout=1", "validation.crop=64")
    steps = ("train.steps=10", "train.batch=2")
    arguments = [part for change in (*changes, *steps) for part in ("--set", change)]
    train = ["train", recipe, "--data", folder / "photos", "--out", run, "--device", "cpu", "--workers", 0, *arguments]
    for command in (train, ["export", run, file], ["verify", file, "--against", run]):
        result = CliRunner().invoke(main, [str(one) for one in command])
        assert result.exit_code == 0, result.output
    return run, file
