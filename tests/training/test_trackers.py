"""Runs are recorded elsewhere too; a tracker that fails, hangs or is missing does not harm the run."""

from __future__ import annotations

import io
import json
import sys
import threading
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from restore.cli.main import main
from restore.cli.train import train as train_command
from restore.errors import MissingExtraError, TrackerError
from restore.training import loop
from restore.training.trackers import in_background
from restore.training.trackers.base import Status, TrackedRun, Tracker
from restore.training.trackers.in_background import InBackground
from restore.training.trackers.mlflow_tracker import MlflowTracker
from restore.training.trackers.open_trackers import TRACKERS, open_trackers
from restore.training.trackers.wandb_tracker import WandbTracker
from restore.training.train import Options, start
from tests.conftest import picture, save

RECIPE = """\
name: test
scale: 2
network: {kind: plain, width: 8, depth: 1}
data: {train: [.], patch: 12, holdout: 1}
validation: {every: 10, crop: 32}
train: {steps: 20, batch: 1, save_every: 5}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for seed in range(2):
        save(folder / f"{seed}.png", picture(40, 48, seed=seed))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return folder


def go(data: Path, *trackers: str, resume: bool = False, changes: tuple[str, ...] = ()) -> tuple[bool, str]:
    said = io.StringIO()
    options = Options(None, resume, changes, "cpu", threads=1, workers=0, trackers=trackers)
    recipe = None if resume else data.parent / "recipe.yaml"
    done = start(recipe, data, data.parent / "run", options, Console(file=said, width=500))
    return done, said.getvalue()


class Fake(Tracker):
    """Remembers the calls; raises what ``fails`` returns for a step."""

    made: ClassVar[list[Fake]]
    fails: Callable[[int], Exception | None] = staticmethod(lambda step: None)

    def __init__(self, run: TrackedRun, before: str = "") -> None:
        self.id = before or f"id-{len(self.made)}"
        self.run, self.before = run, before
        self.calls: list[tuple[object, ...]] = []
        self.made.append(self)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        if (error := self.fails(step)) is not None:
            raise error
        self.calls.append(("scalars", step, dict(values)))

    def picture(self, step: int, name: str, picture: np.ndarray) -> None:
        assert picture.dtype == np.uint8
        assert picture.shape[2] == 3
        self.calls.append(("picture", step, name))

    def close(self, status: Status) -> None:
        self.calls.append(("close", status))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[Fake]:
    """Takes the place of W&B, as if that were installed."""

    class Fresh(Fake):
        made: ClassVar[list[Fake]] = []

    monkeypatch.setitem(TRACKERS, "wandb", Fresh)
    monkeypatch.setitem(sys.modules, "wandb", types.ModuleType("wandb"))
    sys.modules["wandb"].__spec__ = types.SimpleNamespace(origin="here")
    return Fresh


def interrupted(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    original = loop.update

    def update(run: Any, *samples: Any) -> Any:
        run.stopping = run.step + 1 == step
        return original(run, *samples)

    monkeypatch.setattr(loop, "update", update)


def test_the_command_offers_what_there_is() -> None:
    (option,) = (one for one in train_command.params if one.name == "trackers")
    assert {"tensorboard", *option.type.choices} == set(TRACKERS)


def test_everything_in_the_log_is_recorded(data: Path, fake: type[Fake]) -> None:
    assert go(data, "wandb")[0]
    (tracker,) = fake.made
    run = data.parent / "run"
    logged = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    numbers = [{"step": call[1], **call[2]} for call in tracker.calls if call[0] == "scalars"]
    assert numbers == logged
    assert [call for call in tracker.calls if call[0] == "picture"] == [
        ("picture", 10, "validation"),
        ("picture", 20, "validation"),
    ]
    assert tracker.calls[-1] == ("close", "finished")
    assert tracker.run.recipe["train"]["steps"] == 20
    assert tracker.run.recipe_yaml == (run / "recipe.yaml").read_text()
    assert list((run / "tensorboard").glob("events*")), "beside TensorBoard"


def test_nothing_is_recorded_unasked(data: Path, fake: type[Fake]) -> None:
    go(data)
    assert fake.made == []
    assert not (data.parent / "run/trackers.json").exists()


def test_a_resumed_run_goes_on_with_its_record(data: Path, fake: type[Fake], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        interrupted(patched, 6)
        assert not go(data, "wandb")[0]
    assert fake.made[0].calls[-1] == ("close", "interrupted")
    with monkeypatch.context() as patched:
        interrupted(patched, 12)
        _, said = go(data, resume=True)
    assert "wandb recorded this run until now; add --tracker wandb to go on with it" in said
    assert len(fake.made) == 1, "without being asked, it sends nothing"
    assert go(data, "wandb", resume=True)[0]
    assert fake.made[1].before == fake.made[0].id
    steps = [call[1] for call in fake.made[1].calls if call[0] == "scalars"]
    assert min(steps) >= 12


def test_a_new_run_in_the_folder_of_one_that_never_saved_has_a_new_record(data: Path, fake: type[Fake]) -> None:
    run = data.parent / "run"
    run.mkdir()
    (run / "trackers.json").write_text('{"wandb": "old"}')
    assert go(data, "wandb")[0]
    assert fake.made[0].before == ""
    assert json.loads((run / "trackers.json").read_text()) == {"wandb": "id-0"}


def test_a_tracker_that_fails_does_not_end_the_run(data: Path, fake: type[Fake]) -> None:
    fake.fails = staticmethod(lambda step: OSError("connection lost\nat length") if step == 10 else None)
    done, said = go(data, "wandb")
    assert done
    assert "wandb: it failed at step 10: connection lost. The run goes on\n" in said
    assert "wandb: 1 of 6 records are missing there" in said
    assert "at length" not in said
    assert ("scalars", 20) in [call[:2] for call in fake.made[0].calls], "later records are tried again"
    assert fake.made[0].calls[-1] == ("close", "finished")


def test_a_run_that_fails_says_so(data: Path, fake: type[Fake], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_validate", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        go(data, "wandb")
    assert fake.made[0].calls[-1] == ("close", "failed")


def test_a_tracker_that_hangs_holds_nothing_up(fake: type[Fake], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_background, "_WAITING", 5)
    held, said = threading.Event(), []
    tracker = fake(TrackedRun(Path("run"), {}, ""))
    fake.fails = staticmethod(lambda step: [held.wait(30), None][1])
    background = InBackground("wandb", tracker, said.append, patience=0.2)
    for step in range(20):
        background.scalars(step, {"loss": 1.0})
    background.close("finished")
    held.set()
    assert said == [
        "wandb: it does not keep up: 5 records are waiting. The run goes on",
        "wandb: not everything was recorded within 0 s; log.jsonl has it all",
    ]


def test_one_that_does_not_open_is_told_before_the_run(
    data: Path, fake: type[Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(run: TrackedRun, before: str) -> Tracker:
        raise RuntimeError("No API key configured.")

    monkeypatch.setitem(TRACKERS, "wandb", broken)
    with pytest.raises(
        TrackerError, match=r"^wandb cannot be opened: No API key configured\.: log in with 'wandb login'"
    ):
        go(data, "wandb")
    assert not (data.parent / "run").exists()


@pytest.mark.parametrize("folder", [False, True])
def test_a_package_that_is_missing_is_told_before_the_run(
    folder: bool, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a folder of records has its name."""
    found = types.SimpleNamespace(origin=None) if folder else None
    monkeypatch.setattr("restore.training.trackers.open_trackers.find_spec", lambda name: found)
    with pytest.raises(MissingExtraError, match=r"--tracker mlflow needs packages.*restore\[mlflow\]"):
        go(data, "mlflow")
    assert not (data.parent / "run").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"wandb": 1}', '{"other": "x"}', "\xff"])
def test_damaged_ids_are_named(text: str, tmp_path: Path, fake: type[Fake]) -> None:
    (tmp_path / "trackers.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(TrackerError, match=r"trackers\.json: .* delete it"):
        open_trackers(["wandb"], TrackedRun(tmp_path, {}, ""), True, lambda _: None)
    assert fake.made == []


def test_check_records_nothing(data: Path) -> None:
    arguments = ["train", "sr-x2", "--data", str(data), "--check", "--tracker", "wandb"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "remove --tracker" in done.output


def test_going_on_is_told_with_the_tracker(data: Path, fake: type[Fake], monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(monkeypatch, 3)
    arguments = ["train", data.parent / "recipe.yaml", "--data", data, "--out", data.parent / "run"]
    arguments += ["--device", "cpu", "--workers", "0", "--tracker", "wandb"]
    done = CliRunner().invoke(main, [str(one) for one in arguments])
    assert done.exit_code == 130, done.output
    assert "--resume --tracker wandb" in done.output


# The calls of the packages, by stand-ins that take what the packages take.


class Recorder:
    """Remembers every call of every attribute; returns ``results`` of its name, or itself."""

    def __init__(self, **results: object) -> None:
        self.results, self.calls = results, []

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            self.calls.append((name, args, kwargs))
            return self.results.get(name, self)

        return call


RUN = TrackedRun(Path("runs/mine"), {"train": {"steps": 5}, "losses": [{"kind": "l1"}], "data": {"train": ["."]}}, "y")


@pytest.mark.parametrize("before", ["", "abc"])
def test_calls_of_wandb(before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    monkeypatch.delenv("WANDB_DIR", raising=False)
    package = types.ModuleType("wandb")
    record = Recorder()
    record.id = "abc"
    begun: list[dict[str, Any]] = []
    package.init = lambda **options: begun.append(options) or record
    package.Image = lambda picture: ("image", picture.shape)
    monkeypatch.setitem(sys.modules, "wandb", package)
    tracker = WandbTracker(RUN, before)
    tracker.scalars(100, {"loss": 0.5})
    tracker.picture(100, "validation", np.zeros((2, 3, 3), np.uint8))
    tracker.close("interrupted")
    assert tracker.id == "abc"
    assert begun[0]["project"] == "restore"
    assert begun[0]["name"] == "mine"
    assert (begun[0]["id"], begun[0]["resume"]) == ((before, "allow") if before else (None, None))
    assert begun[0]["dir"] == str(Path("runs/mine"))
    assert record.calls == [
        ("define_metric", ("*",), {"step_metric": "step"}),
        ("log", ({"loss": 0.5, "step": 100},), {}),
        ("log", ({"validation": ("image", (2, 3, 3)), "step": 100},), {}),
        ("finish", (), {"exit_code": 130}),
    ]


@pytest.mark.parametrize("before", ["", "abc"])
def test_calls_of_mlflow(before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    info = types.SimpleNamespace(info=types.SimpleNamespace(run_id="abc"))
    client = Recorder(get_experiment_by_name=None, create_experiment="7", create_run=info)
    package, entities = types.ModuleType("mlflow"), types.ModuleType("mlflow.entities")
    package.MlflowClient = lambda: client
    entities.Metric = lambda key, value, timestamp, step: (key, value, step)
    entities.Param = lambda key, value: (key, value)
    monkeypatch.setitem(sys.modules, "mlflow", package)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    tracker = MlflowTracker(RUN, before)
    tracker.scalars(100, {"loss/l1 (mean)": 0.5})
    tracker.picture(100, "validation", np.zeros((2, 3, 3), np.uint8))
    tracker.close("failed")
    assert tracker.id == "abc"
    params = [("train.steps", "5"), ("losses.0.kind", "l1"), ("data.train", "['.']")]
    begun = [
        ("get_experiment_by_name", ("restore",), {}),
        ("create_experiment", ("restore",), {}),
        ("create_run", ("7",), {"run_name": "mine"}),
        ("log_batch", ("abc",), {"params": params}),
    ]
    resumed = [("update_run", ("abc",), {"status": "RUNNING"})]
    expected = [
        *(resumed if before else begun),
        ("log_text", ("abc", "y", "recipe.yaml"), {}),
        ("log_batch", ("abc", [("loss/l1 _mean_", 0.5, 100)]), {}),
        ("log_image", ("abc",), {"key": "validation", "step": 100}),
        ("set_terminated", ("abc", "FAILED"), {}),
    ]
    shown = [(name, tuple(a for a in args if not isinstance(a, np.ndarray)), rest) for name, args, rest in client.calls]
    assert shown == expected


# The packages themselves, which record in the folder.


@pytest.mark.slow
def test_wandb_offline(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with monkeypatch.context() as patched:
        interrupted(patched, 12)
        assert not go(data, "wandb")[0]
    assert go(data, "wandb", resume=True, changes=("train.clip=2",))[0]
    (known,) = json.loads((data.parent / "run/trackers.json").read_text()).values()
    folders = list((data.parent / "run/wandb").glob("offline-run-*"))
    assert folders
    assert all(folder.name.endswith(f"-{known}") for folder in folders), "one record, to be joined by wandb sync"
    assert list((data.parent / "run/wandb").rglob("validation*.png"))


@pytest.mark.slow
def test_mlflow_in_a_folder(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (data.parent / "records").as_uri())
    with monkeypatch.context() as patched:
        interrupted(patched, 12)
        assert not go(data, "mlflow")[0]
    client = mlflow.MlflowClient()
    (known,) = json.loads((data.parent / "run/trackers.json").read_text()).values()
    assert client.get_run(known).info.status == "KILLED"
    assert go(data, "mlflow", resume=True)[0]
    assert json.loads((data.parent / "run/trackers.json").read_text())["mlflow"] == known
    assert client.get_run(known).info.status == "FINISHED"
    assert [one.step for one in client.get_metric_history(known, "loss")] == [20]
    assert client.get_run(known).data.params["train.steps"] == "20"
    assert {file.path for file in client.list_artifacts(known)} >= {"recipe.yaml", "images"}
