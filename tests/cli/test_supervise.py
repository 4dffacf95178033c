"""Commands that run a stranger's model do so in a child process, whose crash is reported and whose signals arrive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from restore.cli import supervisor
from restore.cli.main import main
from restore.cli.supervise import CHILD, OWN_PROCESS
from restore.cli.supervisor import Supervisor
from restore.zoo.find import find
from tests.cli.test_crash import CRASHING_NETWORK, imports_first
from tests.cli.test_enhance import ROOT, own_environment
from tests.endless import endless_model

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals; a crash has another exit code there")


@pytest.fixture
def supervised(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that a child is started for."""
    started: list[str] = []

    class Child(Supervisor):
        def run(self, arguments: list[str]) -> int:
            started.append(self._model)
            return 7

    monkeypatch.setattr(supervisor, "Supervisor", Child)
    return started


@pytest.mark.parametrize(
    "command",
    [["verify"], ["import"], ["enhance", "a.png", "b.png", "--model"], ["evaluate", "--data", ".", "--model"]],
)
def test_commands_that_run_foreign_models_are_supervised(
    command: list[str], tmp_path: Path, supervised: list[str]
) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no model")
    arguments = [*command, str(tmp_path / "m.onnx")]
    assert CliRunner().invoke(main, arguments, obj=OWN_PROCESS).exit_code == 7
    assert supervised == [str(tmp_path / "m.onnx")]
    for other in (None, CHILD) if command != ["import"] else ():  # from Python; in the child. Importing takes seconds
        assert CliRunner().invoke(main, arguments, obj=other).exit_code != 7
    assert len(supervised) == 1


def test_imported_models_are_supervised_and_included_ones_are_not(
    tmp_path: Path, supervised: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "models/theirs/theirs.onnx"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"no model")
    monkeypatch.setenv("RESTORE_MODELS", str(tmp_path / "models"))
    arguments = ["enhance", str(tmp_path / "none.png"), str(tmp_path / "out.png")]
    assert CliRunner().invoke(main, [*arguments, "--model", "theirs"], obj=OWN_PROCESS).exit_code == 7
    for model in ([], ["--model", "sr-x2"], ["--model", str(find("sr-x2"))]):
        assert CliRunner().invoke(main, [*arguments, *model], obj=OWN_PROCESS).exit_code == 2
    assert supervised == [str(theirs)]


@pytest.mark.parametrize(
    ("code", "exit_code", "says"),
    [
        (
            "import os; os.kill(os.getpid(), 11)",
            1,
            "restore: m.onnx: it crashed (signal 11) while this model was in use",
        ),
        ("import os; os.kill(os.getpid(), 9)", 1, "it was killed (signal 9), perhaps because memory ran out"),
        ("raise SystemExit(2)", 2, ""),
        ("pass", 0, ""),
    ],
)
def test_the_end_of_the_child_is_told(
    code: str, exit_code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervisor, "python_command", lambda _: [sys.executable, "-c", code])
    monkeypatch.setattr(supervisor, "_passed_on", lambda: ())
    assert Supervisor("m.onnx", "Nothing was installed.").run([]) == exit_code
    told = capsys.readouterr().err
    assert says in told
    assert ("Nothing was installed." in told) == (exit_code == 1)
    assert told.count("\n") == (exit_code == 1)


CHILD_THAT_WAITS = """
import signal, sys, time
def end(number, _):
    print("got", number, flush=True)
    sys.exit(130)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, end)
print("ready", flush=True)
for _ in range(600):  # one long sleep would miss a signal that comes just before it begins
    time.sleep(0.1)
"""
PARENT = """
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from restore.cli import supervisor
supervisor.python_command = lambda _: [sys.executable, "-c", {child!r}]
sys.exit(supervisor.Supervisor("m.onnx", "").run([]))
"""


def parent_of(child: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PARENT.format(child=child)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=own_environment(),
        cwd=ROOT,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_passed_on(number: signal.Signals) -> None:
    process = parent_of(CHILD_THAT_WAITS)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    said, complaint = process.communicate(timeout=20)
    assert said == f"got {number.value}\n"
    assert process.returncode == 130
    assert complaint == ""


def test_a_child_ends_with_its_parent() -> None:
    child = f"""
import os
from restore.utils.isolated_process import end_with
end_with({"{parent}"})
print(os.getpid(), flush=True)
import time
time.sleep(60)
"""
    process = parent_of(child.replace("{parent}", "os.getppid()"))
    assert process.stdout is not None
    number = int(process.stdout.readline())
    process.kill()
    process.communicate(timeout=20)  # the child has the same pipes
    for _ in range(100):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return
        if "Z" in Path(f"/proc/{number}/stat").read_text().rpartition(")")[2][:3]:
            return  # nobody here waits for orphans
        time.sleep(0.05)
    raise AssertionError("the child goes on")


def test_a_model_that_crashes_while_it_is_verified_is_named(tmp_path: Path) -> None:
    code = CRASHING_NETWORK.replace("values.shape[-2] - values.shape[-1] == 31", "True")
    environment = imports_first(tmp_path, code.format(how="ctypes.string_at(0)"))
    command = [sys.executable, str(ROOT / "cli.py"), "verify", str(find("sr-x2")), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"restore: {find('sr-x2')}: it crashed (signal 11) while this model was in use: update"
    )
    assert '"name": "weights"' in done.stdout, "the checks before are told"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_import_that_hangs_in_the_network_is_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    pytest.importorskip("torch")
    import onnx

    path = endless_model(tmp_path / "m.onnx")
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)
    command = [sys.executable, str(ROOT / "cli.py"), "import", str(path), "--into", str(tmp_path / "models")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own_environment()
    )
    assert process.stderr is not None
    while "finding the sizes" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(number)
    _, complaint = process.communicate(timeout=30)
    assert time.monotonic() - began < 8  # two seconds, and what a busy machine takes
    assert process.returncode == 130
    assert "Interrupted" in complaint
    assert not (tmp_path / "models").exists()
