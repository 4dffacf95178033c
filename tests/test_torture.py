"""The audit of ``scripts/torture.py``, in short: its counts add up, and faults that are planted are found."""

from __future__ import annotations

import ctypes
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from scripts.audit.accidents import ONE_ROUND, Ended, Scene, _claims, audit_accidents, partial
from scripts.audit.commands import command, refused
from scripts.audit.findings import Audit
from scripts.audit.models import audit_models
from scripts.audit.mutants import audit_mutants
from scripts.audit.mutations import MUTATIONS, PNG_MUTATIONS, damaged
from scripts.audit.recipes import audit_recipes
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


def hangs(_: object) -> Answer:
    time.sleep(60)
    return {}


def computes_without_end(_: object) -> Answer:
    while True:
        pass


def crashes(_: object) -> Answer:
    ctypes.string_at(0)
    return {}


def eats_memory(_: object) -> Answer:
    return {"sum": int(np.ones(150_000_000, np.uint8).sum())}


def raises(_: object) -> Answer:
    raise KeyError("not ours")


def good(argument: object) -> Answer:
    return {"status": argument}


@pytest.mark.parametrize(
    ("task", "limits", "says"),
    [
        (hangs, Limits(wall=0.5), "no end after 0.5 s"),
        (computes_without_end, Limits(cpu=1), "no end after 1 s of computing"),
        (crashes, Limits(), r"crashed \(exit code -11\)"),
        (raises, Limits(), "not ours"),
        pytest.param(
            eats_memory,
            Limits(memory=50_000_000),
            "took 0.1 GB of memory",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="as Linux tells it"),
        ),
    ],
)
def test_what_breaks_a_limit_is_a_fault_and_the_worker_goes_on(
    task: Callable[[object], Answer], limits: Limits, says: str
) -> None:
    with Worker(task, limits) as worker:
        fault = worker.ask("x")["fault"]
        assert re.search(says, fault), fault


def crashes_over_bombs(argument: object) -> Answer:
    return crashes(argument) if argument == "bomb" else good(argument)


def test_a_worker_that_died_is_replaced() -> None:
    with Worker(crashes_over_bombs) as worker:
        assert [worker.ask("a"), "fault" in worker.ask("bomb"), worker.ask("b")] == [
            {"status": "a"}, True, {"status": "b"},
        ]  # fmt: skip


def some_files() -> list[WholeFile]:
    return [one for one in whole_files() if one.kind in ("PNG RGB", "JPEG", "TIFF LZW", "GIF animated")]


def test_mutants_are_counted_and_none_is_a_finding(tmp_path: Path) -> None:
    audit = Audit(seed=1, keep=tmp_path / "keep")
    audit_mutants(audit, tmp_path, times(60), whole=some_files())
    counts = ended(audit, "mutants")
    assert audit.findings == []
    assert sum(counts.values()) == 60
    assert set(counts) == {"decoded", "decoded with notes", "refused"}
    assert not (tmp_path / "keep").exists()


def hides_loss(job: tuple[str, str, str]) -> Answer:
    """A reader that says nothing of what is missing."""
    return {"status": "enhanced", "note": "", "pixels": str(os.stat(job[0]).st_size)}


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


def test_a_kill_and_a_signal_lose_nothing(tmp_path: Path) -> None:
    for part in ("kills", "signals"):
        audit, folder = Audit(seed=3, keep=tmp_path / "keep"), tmp_path / part
        folder.mkdir()
        audit_accidents(audit, folder, lambda: False, part, count=6)
        assert audit.findings == []
        assert ended(audit, part) == {"right": 1}


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


def test_an_accepted_model_that_should_not_be_is_found(tmp_path: Path) -> None:
    from scripts.audit.models import _Hostile
    from scripts.audit.small_model import model

    def planted(_: random.Random) -> Iterator[_Hostile]:
        yield _Hostile("planted", model())

    audit = Audit(seed=1, keep=tmp_path / "keep")
    audit_models(audit, tmp_path, lambda: False, hostile=planted)
    assert [one.what.split(": ")[:3] for one in audit.findings] == [
        ["planted", "verify", "accepted"], ["planted", "enhance", "accepted"],
    ]  # fmt: skip
    assert (audit.findings[0].kept / "model.onnx").read_bytes() == model()


def runs_what_it_reads(arguments: list[str]) -> Answer:
    """A loader that imports what a recipe names."""
    import importlib

    importlib.import_module("audit_canary")
    return {"code": 2, "said": "restore: no\n"}


def test_hostile_recipes_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    audit = Audit(seed=1, keep=tmp_path / "keep")
    kinds = ("aliases", "deep list", "tag apply", "plug-in", "control characters")
    audit_recipes(audit, tmp_path, times(5), kinds)
    assert audit.findings == []
    assert ended(audit, "recipes") == {"refused": 5}


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
    options = ["--minutes", "0.02", "--seed", "7", "--only", "mutants"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/torture.py"), *options], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.startswith("seed 7\n")
    assert done.stdout.endswith("seed 7: 0 findings\n")
