"""``restore doctor``: readable, for machines, and where onnxruntime is broken."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from restore.cli.main import main
from restore.diagnostics import doctor
from restore.diagnostics.doctor import Finding

FINE = Finding("devices", "cpu", "works [really]", True)
BAD = Finding("devices", "cuda", "does not work: no cuDNN", False, "pip install 'x[cuda]'")


@pytest.mark.parametrize(("findings", "code"), [([FINE], 0), ([FINE, BAD], 1)])
def test_for_people(findings: list[Finding], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: findings)
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == code
    for finding in findings:
        assert finding.value in result.output
        assert finding.cure in result.output
    assert ("problems found: 1" in result.output) == bool(code)


@pytest.mark.parametrize(("findings", "code"), [([FINE], 0), ([FINE, BAD], 1)])
def test_for_machines(findings: list[Finding], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: findings)
    result = CliRunner().invoke(main, ["doctor", "--json"])
    assert result.exit_code == code
    told = json.loads(result.output)
    assert told["ok"] == (code == 0)
    assert [Finding(**finding) for finding in told["findings"]] == findings


def test_without_an_onnxruntime_that_can_be_imported() -> None:
    code = (
        "import sys; sys.modules['onnxruntime'] = None; sys.modules['cv2'] = None; sys.modules['numpy'] = None\n"
        "from restore.cli.main import main; main(['doctor', '--json'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    (wrong,) = [finding for finding in told["findings"] if finding["ok"] is False]
    assert wrong["value"].startswith("cannot be imported: ModuleNotFoundError")
    assert wrong["cure"].startswith("pip install --force-reinstall onnxruntime")
