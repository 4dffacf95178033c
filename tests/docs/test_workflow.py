"""What runs on GitHub is what runs here: the same commands, on every Python that the package says it takes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def jobs() -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_it_runs_what_is_run_here(jobs: dict[str, Any]) -> None:
    ours = (ROOT / ".ci/run").read_text()
    for command in [*commands(jobs["lint"])[1:], *commands(jobs["test"])[1:]]:
        assert re.sub(r" --extra-index-url \S+", "", command) in ours


def test_every_python_is_tested(jobs: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = jobs["test"]["strategy"]["matrix"]["python"]
    assert project["requires-python"] == f">={versions[0]}"
    named = [c.rpartition(" ")[2] for c in project["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert named == versions
    assert versions == [f"3.{minor}" for minor in range(11, 15)]


def test_the_lowest_versions_are_tested(jobs: dict[str, Any]) -> None:
    """On the oldest Python, with the extras that the other tests have."""
    lowest, newest = commands(jobs["lowest"]), commands(jobs["test"])
    pins = re.search(r"check_lowest.py --pins (\S+) --extra train --extra dev$", lowest[0])
    assert pins is not None
    assert lowest[1] == newest[0].replace("'.[train,dev]'", f"'.[train,dev]' -c {pins[1]}")
    assert lowest[2] == newest[1].partition(" #")[0]
    oldest = jobs["test"]["strategy"]["matrix"]["python"][0]
    (python,) = [step["with"] for step in jobs["lowest"]["steps"] if "setup-python" in step.get("uses", "")]
    assert python["python-version"] == oldest


def test_the_wheel_is_tried_where_nothing_else_is(jobs: dict[str, Any]) -> None:
    (tried,) = [command for command in commands(jobs["wheel"]) if "venv" in command]
    for part in ('pip" install dist/*.whl', "restore enhance samples enlarged", "make_sbom.py"):
        assert part in tried
