"""The audit of ``scripts/torture.py``, in short: its counts add up, and faults that are planted are found."""

from __future__ import annotations

import ctypes
import random
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from scripts.audit.accidents import ONE_ROUND, _claims, audit_accidents
from scripts.audit.commands import command, refused
from scripts.audit.findings import Audit
from scripts.audit.models import audit_models
from scripts.audit.mutants import audit_mutants
from scripts.audit.mutations import MUTATIONS, PNG_MUTATIONS, damaged
from scripts.audit.recipes import audit_recipes, hostile_recipes
from scripts.audit.scene import Ended, Scene, partial
from scripts.audit.whole_files import WholeFile, whole_files
from scripts.audit.worker import Answer, Limits, Worker

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and signals of Unix")


def times(count: int) -> Callable[[], bool]:
    left = iter([*repeat(True, count), *repeat(False, 99)])
    return lambda: next(left)


def ended(audit: Audit, part: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for (_, how), count in audit.counts[part].items():
        found[how] = found.get(how, 0) + count
    return found


def misbehaves(how: str) -> Answer:
    if how == "hang":
        time.sleep(60)
    elif how == "crash":
        ctypes.string_at(0)
    elif how == "raise":
        raise KeyError("not ours")
    elif how == "eat":
        return {"sum": int(np.ones(130_000_000, np.uint8).sum())}
    while how == "compute":
        pass
    return {"status": how}


@pytest.mark.slow
def test_what_breaks_a_limit_is_a_fault_and_the_worker_goes_on() -> None:
    with Worker(misbehaves, Limits(wall=1, memory=50_000_000)) as worker:
        assert "KeyError: 'not ours'" in worker.ask("raise")["fault"]
        if sys.platform == "linux":
            assert worker.ask("eat")["fault"] == "took 0.1 GB of memory"
        assert worker.ask("crash")["fault"].startswith("crashed (exit code -")
        assert worker.ask("behave") == {"status": "behave"}
        assert worker.ask("hang")["fault"] == "no end after 1 s"
    with Worker(misbehaves, Limits(cpu=1)) as worker:
        assert worker.ask("compute")["fault"] == "no end after 1 s of computing"


def some_files() -> list[WholeFile]:
    return [one for one in whole_files() if one.kind in ("PNG RGB", "JPEG", "TIFF LZW", "GIF animated")]


def test_mutants_are_counted_and_none_is_a_finding(tmp_path: Path) -> None:
    audit = Audit(seed=1, keep=tmp_path / "keep")
    audit_mutants(audit, tmp_path, times(40), whole=some_files())
    counts = ended(audit, "mutants")
    assert audit.findings == []
    assert sum(counts.values()) == 40
    assert set(counts) == {"decoded", "decoded with notes", "refused"}
    assert not (tmp_path / "keep").exists()


def hides_loss(job: tuple[str, str, str]) -> Answer:
    """A reader that says nothing of what is missing."""
    return {"status": "enhanced", "note": "", "pixels": str(Path(job[0]).stat().st_size)}


def test_a_reader_that_hides_losses_is_found(tmp_path: Path) -> None:
    audit = Audit(seed=1, keep=tmp_path / "keep")
    audit_mutants(audit, tmp_path, times(60), hides_loss, whole=some_files())
    counts = ended(audit, "mutants")
    assert sum(counts.values()) == 60
    assert counts["findings"] >= len(audit.findings) > 2
    assert any("its end is missing and the picture differs" in one.what for one in audit.findings)
    assert any("another decoder says: " in one.what for one in audit.findings)
    (kept,) = (path for path in audit.findings[0].kept.iterdir() if path.name.startswith("mutant-"))
    assert kept.stat().st_size
    assert "--seed 1 --only mutants" in (audit.findings[0].kept / "finding.txt").read_text()


def test_the_same_number_and_seed_give_the_same_damage() -> None:
    whole = [one.data for one in some_files()]
    first = [damaged(number, whole, seed=5) for number in range(400)]
    assert first == [damaged(number, whole, seed=5) for number in range(400)]
    assert first != [damaged(number, whole, seed=6) for number in range(400)]
    names = {name for one in first for name in one.how.split(" and ")}
    assert names == {one.__name__.lstrip("_") for one in (*MUTATIONS, *PNG_MUTATIONS)}


def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    audit, folder = Audit(seed=0, keep=tmp_path / "keep"), tmp_path / "audit"
    folder.mkdir()
    audit_accidents(audit, folder, lambda: False, "kills", count=6)
    assert audit.findings == []
    assert audit.counts["kills"] == {("1 kills", "right"): 1}


@pytest.mark.slow
@pytest.mark.parametrize("part", ONE_ROUND)
def test_accidents_of_each_kind(tmp_path: Path, part: str) -> None:
    audit, folder = Audit(seed=4, keep=tmp_path / "keep"), tmp_path / "audit"
    folder.mkdir()
    audit_accidents(audit, folder, times(4), part, count=12)
    assert audit.findings == []
    assert sum(audit.counts[part].values()) == 5


def test_a_job_that_claims_what_is_not_there_is_found(tmp_path: Path) -> None:
    scene = Scene(tmp_path, count=2)
    scene.__dict__["_undisturbed"] = ({"a.png": b"whole", "b.png": b"other"}, 1.0, 1.0)
    out, told = tmp_path / "out", tmp_path / "told"
    out.mkdir()
    (out / "a.png").write_bytes(b"whole")

    def claim(*names: str) -> None:
        lines = [
            f'{{"type": "picture", "source": "{name}", "target": "{out / name}", "status": "enhanced", "note": ""}}\n'
            for name in names
        ]
        told.write_text("".join(lines))

    claim("a.png")
    assert _claims(scene, told, out, set(), Ended(1, "", "", 1.0)) == ""
    assert "results are missing" in _claims(scene, told, out, set(), Ended(0, "", "", 1.0))
    claim("a.png", "b.png")
    assert "b.png is claimed, but not there" in _claims(scene, told, out, set(), Ended(1, "", "", 1.0))
    (out / "b.png").write_bytes(b"half")
    assert "it is not right" in _claims(scene, told, out, set(), Ended(1, "", "", 1.0))
    assert partial(scene, out) == "not complete or not right: b.png"
    assert "exit code -9" in _claims(scene, told, out, set(), Ended(-9, "", "", 1.0))


def test_hostile_models_are_refused(tmp_path: Path) -> None:
    audit = Audit(seed=1, keep=tmp_path / "keep")
    kinds = ("right", "truncated", "wrong scale", "metadata: deep list")
    audit_models(audit, tmp_path, times(4), kinds)
    assert audit.findings == []
    assert ended(audit, "models") == {"accepted": 2, "refused": 6}


def accepts(_: list[str]) -> Answer:
    return {"code": 0, "said": "fine"}


def test_an_accepted_model_that_should_not_be_is_found(tmp_path: Path) -> None:
    audit = Audit(seed=1, keep=tmp_path / "keep")
    audit_models(audit, tmp_path, lambda: False, ("wrong scale",), accepts)
    assert [one.what for one in audit.findings] == [
        "wrong scale: verify: accepted: fine", "wrong scale: enhance: accepted: fine",
    ]  # fmt: skip
    assert (audit.findings[0].kept / "model.onnx").stat().st_size


def runs_what_it_reads(arguments: list[str]) -> Answer:
    """A loader that imports what a recipe names."""
    import importlib

    importlib.import_module("audit_canary")
    return {"code": 2, "said": "restore: no\n"}


def test_a_hostile_recipe_is_refused(tmp_path: Path) -> None:
    """In this process, which may have torch already."""
    pytest.importorskip("torch")
    recipes = dict(hostile_recipes(random.Random(1), tmp_path / "ran"))
    (tmp_path / "data").mkdir()
    for kind in ("aliases", "deep list", "tag apply", "plug-in", "control characters"):
        (tmp_path / "r.yaml").write_bytes(recipes[kind])
        assert refused(command(["train", str(tmp_path / "r.yaml"), "--data", str(tmp_path / "data"), "--check"])) == ""
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_hostile_recipes_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    audit = Audit(seed=1, keep=tmp_path / "keep")
    audit_recipes(audit, tmp_path, times(40))
    assert audit.findings == []
    assert ended(audit, "recipes") == {"refused": 40}


def test_a_recipe_that_runs_is_found(tmp_path: Path) -> None:
    audit = Audit(seed=1, keep=tmp_path / "keep")
    audit_recipes(audit, tmp_path, lambda: False, ("plug-in",), runs_what_it_reads)
    (finding,) = audit.findings
    assert finding.what == "plug-in: it ran what the recipe names"


def test_answers_that_are_no_refusals() -> None:
    assert refused({"code": 2, "said": "restore: r.yaml: not a recipe\n"}) == ""
    assert "exit code 0" in refused({"code": 0, "said": "restore: fine\n"})
    assert "no message" in refused({"code": 1, "said": "Aborted!\n"})
    assert command(["no-such-command"])["code"] == 2


def test_alike_findings_are_counted_and_a_few_kept(tmp_path: Path) -> None:
    audit = Audit(seed=1, keep=tmp_path)
    for number in range(9):
        audit.found("mutants", "PNG", f"took {number} GB", ("a.png", b"x"))
    assert len(audit.findings) == len(list(tmp_path.iterdir())) == 3
    assert ended(audit, "mutants") == {"findings": 9}


def test_the_script_runs(tmp_path: Path) -> None:
    options = ["--minutes", "0", "--seed", "7", "--only", "models"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/torture.py"), *options], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.startswith("seed 7\nmodels: 2 cases: 2 accepted\n")
    assert done.stdout.endswith("seed 7: 0 findings\n")
