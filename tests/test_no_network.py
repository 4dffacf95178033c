"""Nothing is ever downloaded or sent: no module can, and a job opens no connection."""

from __future__ import annotations

import re
import socket
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
# These ask the system for the name of this computer.
_ONLY_ITS_NAME = {"jobs/lock.py": "import socket", "utils/processes.py": "import socket"}


def test_no_module_can_talk_to_other_computers() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): match[0]
        for path in PACKAGE.rglob("*.py")
        if (match := _TALKS.search(path.read_text("utf-8")))
    }
    for name in _ONLY_ITS_NAME:
        assert set(re.findall(r"socket\.\w+", (PACKAGE / name).read_text("utf-8"))) == {"socket.gethostname"}
    assert found == _ONLY_ITS_NAME


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
