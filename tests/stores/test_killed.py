"""Jobs over a store that are killed, or whose decoder crashes: processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.test_crash import CRASH, imports_first
from tests.cli.test_enhance import COMMAND, contents, inside, needs_signals, wait_for
from tests.conftest import picture, save
from tests.stores.conftest import Bucket, Server

Buckets = Callable[[], Bucket]
FIXED = ("--device", "cpu", "--precision", "fp32", "--threads", "1")


def begin(environment: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
    command = [*COMMAND, *map(str, arguments), *FIXED]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


@pytest.mark.slow
@needs_signals
def test_a_killed_job_goes_on(bucket: Buckets, server: Server, tmp_path: Path) -> None:
    """After Ctrl-C and after a kill: what its journal had not told is made again, and in the end all is as in a folder."""
    source, out = bucket(), bucket()
    for i in range(40):
        source[f"{i:02}.png"] = save(tmp_path / f"photos/{i:02}.png", picture(30 + i, 40, seed=i)).read_bytes()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for some, number in ((5, signal.SIGINT), (20, signal.SIGKILL)):
        job = begin(environment, source.at(), out.at("x"), "--resume", "--workers", "2")
        wait_for(lambda some=some, job=job: len(out.results()) >= some or job.poll() is not None, 120)
        assert job.poll() is None
        os.killpg(job.pid, number)
        _, told = job.communicate()
        assert number == signal.SIGKILL or (job.returncode, "written files are complete" in told) == (130, True)
    server.requests.clear()
    code, said, told = inside(source.at(), out.at("x"), "--resume", "--json", *FIXED)
    assert code == 0, told
    summary = json.loads(said.splitlines()[-1])
    assert summary["enhanced"] + summary["done"] == 40
    assert len(server.asked("GET", source.name)) == summary["enhanced"]
    assert inside(tmp_path / "photos", tmp_path / "expected", *FIXED)[0] == 0
    assert out.results() == {f"x/{name}": data for name, data in contents(tmp_path / "expected").items()}


@pytest.mark.slow
@needs_signals
def test_a_decoder_that_crashes_costs_one_picture(bucket: Buckets, server: Server, tmp_path: Path) -> None:
    source, out = bucket(), bucket()
    for i in range(6):
        source[f"{i}.png"] = save(tmp_path / "a.png", picture(20, 20, seed=i)).read_bytes()
    Image.fromarray(picture(20, 20)).save(tmp_path / "x.jpg", comment=b"CRASH")
    source["3-evil.jpg"] = (tmp_path / "x.jpg").read_bytes()
    environment = {**os.environ, **imports_first(tmp_path, CRASH), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment |= {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    for again in (False, True):
        job = begin(environment, source.at(), out.at("x"), "--json", *["--resume"] * again)
        said, told = job.communicate(timeout=300)
        records = [json.loads(line) for line in said.splitlines()]
        last = {one["source"]: one for one in records if one["type"] == "picture"}
        assert job.returncode == 1, told
        failed = [one for one in last.values() if one["status"] == "failed"]
        assert [one["source"] for one in failed] == [source.at("3-evil.jpg")]
        assert ("does not try it again" in failed[0]["error"]) == again
        assert len(out.results()) == 6
