"""Only 'restore get', 'restore models --online', addresses of stores and clusters use the network: no other module can,
and a job on files opens no connection.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from restore.cli.main import main
from tests.conftest import picture, save

PACKAGE = Path(__file__).parents[1] / "restore"
# Modules that talk to other computers, and functions of libraries that download.
_TALKS = re.compile(
    r"^\s*(import|from)\s+(socket|ssl|ftplib|smtplib|http|urllib\.request|urllib3|requests|httpx|aiohttp)\b"
    r"|socket\.(socket|create_connection)|load_state_dict_from_url|hf_hub_download|snapshot_download|torch\.hub\.load|model_zoo\b|urlretrieve|urlopen",
    re.MULTILINE,
)
# The door to the network; import-linter holds who may use it.
_DOOR = "online/transport.py"
# These ask the system for the name of this computer.
_ONLY_ITS_NAME = dict.fromkeys(("jobs/batch_worker.py", "jobs/lock.py", "utils/processes.py"), "import socket")


def test_no_module_can_talk_to_other_computers() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): match[0]
        for path in PACKAGE.rglob("*.py")
        if (match := _TALKS.search(path.read_text("utf-8")))
    }
    for name in _ONLY_ITS_NAME:
        assert set(re.findall(r"socket\.\w+", (PACKAGE / name).read_text("utf-8"))) == {"socket.gethostname"}
    assert found.pop(_DOOR)
    assert found == _ONLY_ITS_NAME


def test_stores_have_one_door() -> None:
    opens = re.compile(r"^\s*(?:from|import) (?:fsspec|s3fs|botocore|aiobotocore|boto3)\b", re.MULTILINE)
    found = [
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if opens.search(path.read_text("utf-8"))
    ]
    assert found == ["stores/filesystem.py"]


def test_clusters_have_one_door() -> None:
    named = re.compile(r"^\s*(?:from|import) ray\b|import_module\([\"']ray", re.MULTILINE)
    found = [
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if named.search(path.read_text("utf-8"))
    ]
    assert found == ["jobs/ray_pool.py"]


def test_two_commands_use_the_network() -> None:
    """By what each module names: import-linter also follows what these import, but a new module is not in its list."""
    users = {"restore.online.transport", "restore.online.download", "restore.online.catalogue", "restore.online.get"}
    named = re.compile(r"^\s*(?:from|import) (restore\.online\.\w+)", re.MULTILINE)
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if users.intersection(named.findall(path.read_text("utf-8")))
    }
    assert found == {
        "cli/get.py",
        "cli/models_online.py",
        "online/catalogue.py",
        "online/download.py",
        "online/get.py",
    }


def test_a_job_opens_no_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    watching = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
            asked.append((event, *arguments[1:]))

    sys.addaudithook(hook)  # cannot be removed
    try:
        save(tmp_path / "in/a.png", picture(8, 9))
        done = CliRunner().invoke(main, ["enhance", str(tmp_path / "in"), str(tmp_path / "out"), "--threads", "1"])
        assert done.exit_code == 0, done.output
        assert asked == []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:  # the hook hears
            one.connect(("127.0.0.1", 9))
        assert len(asked) == 1
    finally:
        watching = False


@pytest.mark.parametrize("program", ["import restore; restore.load('sr-x2', device='cpu')", "import cli, onnxruntime"])
def test_onnxruntime_reports_nothing(tmp_path: Path, program: str) -> None:
    """Its uploader, which Python's hooks do not see, would first give this computer an ID."""
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(PACKAGE.parent)}
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | home
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, check=True)
    assert [path.name for path in tmp_path.rglob("*") if "restore" not in path.parts] == []
