"""``restore enhance --engine ray`` with workers in this process: what the driver and the workers do, without Ray."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import restore
from restore.cli.enhance import enhance as command
from restore.jobs import batch_worker, contradictions, ray_engine, ray_pool
from restore.jobs.journal import JournalIndex
from restore.utils.atomic_write import TEMPORARY_PREFIX
from restore.utils.processes import host_identity
from tests.cli.test_enhance import contents, hidden, identities, inside
from tests.conftest import picture, save
from tests.jobs.pools import HerePool

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install '.[dev]'")

FIXED = ("--device", "cpu", "--precision", "fp32", "--threads", "1")


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> HerePool:
    pool = HerePool()
    monkeypatch.setattr(ray_engine, "RayPool", pool)
    monkeypatch.setattr(ray_pool, "import_ray", lambda: None)
    return pool


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i in range(20):
        save(tmp_path / "photos" / f"{i % 3}" / f"{i:02}.png", picture(12 + i, 16, seed=i))
    (tmp_path / "photos/damaged.jpg").write_bytes(b"\xff\xd8nothing")
    return tmp_path / "photos"


@pytest.fixture
def local(photos: Path, tmp_path: Path) -> dict[str, bytes]:
    """What a job in this process makes of them."""
    assert inside(photos, tmp_path / "expected", *FIXED, "--report", tmp_path / "expected.json")[0] == 1
    return contents(tmp_path / "expected")


def spread(*arguments: object) -> tuple[int, str, str]:
    return inside(*arguments, *FIXED, "--engine", "ray")


def once(at: str, finished: int) -> Callable[[list[str]], int | None]:
    """The worker with this picture dies, once, when it has finished so many."""
    left = [finished]
    return lambda names: left.pop() if left and at in names else None


def test_results_report_and_exit_code_are_those_of_one_machine(
    pool: HerePool, photos: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    code, said, told = spread(photos, tmp_path / "out", "--report", tmp_path / "out.json")
    assert code == 1
    assert said.splitlines()[0].startswith("20 enhanced, 1 failed; sr-x2 fp32 on cpu, ")
    assert said.splitlines()[1].startswith("Ray: 2 workers on 1 machine, the first ready ")
    assert told.startswith(f"failed: {photos / 'damaged.jpg'}: not a picture")
    assert contents(tmp_path / "out") == local
    assert hidden(tmp_path / "out") == {".restore-journal.jsonl"}, "one journal, whoever wrote the results"
    assert pool.closed
    reports = [json.loads((tmp_path / name).read_text()) for name in ("expected.json", "out.json")]
    for report, folder in zip(reports, ("expected", "out"), strict=True):
        for one in report["pictures"]:
            one["target"] = one["target"].replace(str(tmp_path / folder), "")
            one.pop("seconds")
        for name in ("seconds", "busy", "output"):
            report["summary"].pop(name)
    assert reports[0] == reports[1]


def test_names_are_sent_and_nothing_else(pool: HerePool, photos: Path, tmp_path: Path) -> None:
    import pickle

    spread(photos, tmp_path / "out")
    assert sum(len(batch.pictures) for _, batch in pool.sent) == 21
    assert max(len(pickle.dumps(batch)) for _, batch in pool.sent) < 300 * 16
    assert {worker for worker, _ in pool.sent} == {0, 1}
    assert pool.share == ray_pool.Share(2, 0)
    assert (pool.job.request.threads, pool.job.request.workers) == (1, 2)


def test_a_local_job_goes_on_with_it_and_the_other_way_round(
    pool: HerePool, photos: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert inside(photos / "1", out / "1", *FIXED)[0] == 0  # another job: what is there is not known as this one's
    (out / "1/.restore-journal.jsonl").unlink()
    code, said, told = spread(photos, out, "--resume")
    assert (code, said.split(";")[0]) == (1, "13 enhanced, 8 failed")
    assert told.count("is not a result of restore, as far as the journal in the output folder knows") == 7
    assert spread(photos, out, "--resume", "--overwrite")[1].startswith("7 enhanced, 13 already done, 1 failed")
    assert inside(photos, out, "--resume", *FIXED)[1].startswith("0 enhanced, 20 already done, 1 failed")
    assert spread(photos, out, "--resume")[1].startswith("0 enhanced, 20 already done, 1 failed")
    assert spread(photos, out, "--skip-existing")[1].startswith("0 enhanced, 20 skipped because their results exist, 1")
    assert contents(out) == local
    code, _, told = spread(photos, out)
    assert (code, "20 outputs already exist" in told) == (2, True)


def test_a_dry_run_needs_no_cluster(photos: Path, tmp_path: Path) -> None:
    code, said, _ = spread(photos, tmp_path / "out", "--dry-run")
    assert (code, said.splitlines()[-1].split(";")[0]) == (0, "21 to enhance")
    assert not (tmp_path / "out").exists()


def test_what_a_worker_had_finished_when_it_died_is_not_made_again(
    pool: HerePool, photos: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    pool.dies = once("1/04.png", 2)
    written: dict[str, tuple[int, int]] = {}

    def before() -> None:
        written.update({name: one for name, one in identities(out).items() if name not in written})

    pool.before = before
    code, said, _ = spread(photos, out, "--json")
    assert code == 1
    *records, summary = map(json.loads, said.splitlines())
    assert Counter(Counter(one["source"] for one in records).values()) == {1: 21}
    assert (summary["enhanced"], summary["done"], summary["failed"]) == (20, 0, 1)
    assert {batch.lost for _, batch in pool.sent if batch.lost}, "some were sent again"
    assert contents(out) == local
    assert {name: one for name, one in identities(out).items() if name in written} == written, "none written twice"
    assert hidden(out) == {".restore-journal.jsonl"}
    entries = JournalIndex(out)
    assert all(len(entries.of(name)) == 1 for name in local)


def test_a_temporary_file_of_a_dead_worker_is_removed(pool: HerePool, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    left = out / "0" / f"{TEMPORARY_PREFIX}{host_identity()}-{1 << 30}-0123abcd.png"
    of_another = out / "0" / f"{TEMPORARY_PREFIX}{host_identity()}-1-0123abcd.png"

    def dies(names: list[str]) -> int | None:
        if "0/00.png" in names and not left.exists() and not pool_died:
            pool_died.append(True)
            left.parent.mkdir(parents=True, exist_ok=True)
            left.write_bytes(b"half")
            of_another.write_bytes(b"half")
            return 1
        return None

    pool_died: list[bool] = []
    pool.dies = dies
    assert spread(photos, out)[1].startswith("20 enhanced, 1 failed")
    assert not left.exists()
    assert of_another.exists()


def test_a_picture_that_kills_its_workers_is_a_row(
    pool: HerePool, photos: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    pool.dies = lambda names: names.index("2/05.png") if "2/05.png" in names else None
    code, said, told = spread(photos, tmp_path / "out")
    assert (code, said.split(";")[0]) == (1, "19 enhanced, 2 failed")
    assert f"failed: {photos / '2/05.png'}: 3 workers have died while they had this picture (it was killed" in told
    assert contents(tmp_path / "out") == {name: data for name, data in local.items() if name != "2/05.png"}


def test_ctrl_c_ends_in_order_and_resume_goes_on(
    pool: HerePool, photos: Path, local: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    stops: list[ray_engine.Stop] = []
    begin = pool.begin
    monkeypatch.setattr(pool, "begin", lambda *more: stops.append(more[4]) or begin(*more))

    def interrupt() -> None:
        if len(pool.sent) > 4:
            stops[0].requested = True

    pool.before = interrupt
    code, said, told = spread(photos, out, "--report", tmp_path / "out.json")
    assert code == 130
    assert "written files are complete; run the same command with --resume to continue" in told
    some = contents(out)
    assert 0 < len(some) < 20
    assert said.startswith(f"{len(some)} enhanced")
    assert json.loads((tmp_path / "out.json").read_text())["summary"]["interrupted"]
    pool.before = lambda: None
    assert spread(photos, out, "--resume")[1].startswith(
        f"{20 - len(some)} enhanced, {len(some)} already done, 1 failed"
    )
    assert contents(out) == local


def test_a_driver_that_was_killed_leaves_what_its_workers_noted(
    pool: HerePool, photos: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def killed() -> None:
        if len(pool.sent) > 5:
            raise SystemExit(9)

    pool.before = killed
    assert spread(photos, out)[0] == 9
    assert list(out.glob(".restore-journal.worker-*"))
    some = contents(out)
    pool.before = lambda: None
    _code, said, _ = spread(photos, out, "--resume")
    assert said.startswith(f"{20 - len(some)} enhanced, {len(some)} already done, 1 failed")
    assert hidden(out) == {".restore-journal.jsonl"}
    assert contents(out) == local


@pytest.mark.parametrize("dies", [False, True])
def test_stores(pool: HerePool, photos: Path, local: dict[str, bytes], tmp_path: Path, dies: bool) -> None:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    for path in photos.rglob("*.*"):
        memory.pipe_file(f"/in/{path.relative_to(photos)}", path.read_bytes())
    if dies:
        pool.dies = once("1/04.png", 2)
    code, said, told = spread("memory://in", "memory://out", "--json")
    assert code == 1, told
    *records, summary = map(json.loads, said.splitlines())
    assert Counter(Counter(one["source"] for one in records).values()) == {1: 21}
    assert (summary["enhanced"], summary["failed"]) == (20, 1)
    found = {name.removeprefix("/out/"): memory.cat_file(name) for name in memory.find("/out") if "journal" not in name}
    assert found == local
    assert bool([batch for _, batch in pool.sent if batch.lost]) == dies
    pool.dies = lambda _names: None
    pool.sent.clear()
    assert spread("memory://in", "memory://out", "--resume")[1].startswith("0 enhanced, 20 already done, 1 failed")
    assert sum(len(batch.pictures) for _, batch in pool.sent) == 1, "what the journal knows is not sent"
    assert spread(photos, "memory://other")[1].startswith("20 enhanced, 1 failed")
    assert spread(photos, "memory://other", "--resume")[1].startswith("0 enhanced, 20 already done, 1 failed")
    assert spread("memory://in", "memory://out", "--skip-existing")[1].startswith("0 enhanced, 20 skipped")
    assert spread("memory://in", tmp_path / "out")[1].startswith("20 enhanced, 1 failed")
    assert contents(tmp_path / "out") == local
    assert spread("memory://in", tmp_path / "out", "--resume")[1].startswith("0 enhanced, 20 already done, 1 failed")


def test_an_output_that_is_not_shared_ends_the_job(
    pool: HerePool, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_worker, "journal_name", lambda _shard: "elsewhere")
    code, _said, told = spread(photos, tmp_path / "out")
    assert code == 1
    assert (
        "is not the folder of this job: with --engine ray, the output must be in a store, or on a file system" in told
    )
    assert not contents(tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--watch",), "--watch works with --engine local"),
        (("--address", "ray://host:10001"), "Ray's client is not supported"),
        (("--device", "cuda:1"), "Ray gives each worker its GPUs; write --device cuda"),
    ],
)
def test_what_it_cannot_do_is_refused(
    photos: Path, tmp_path: Path, options: tuple[str, ...], message: str, pool: HerePool
) -> None:
    code, _, told = inside(photos, tmp_path / "out", "--engine", "ray", *options)
    assert (code, message in told) == (2, True), told


def test_one_picture_and_streams_are_refused(photos: Path, tmp_path: Path, pool: HerePool) -> None:
    code, _, told = spread(photos / "0/00.png", tmp_path / "out.png")
    assert (code, "--engine ray needs a folder or several inputs" in told) == (2, True)
    code, _, told = spread("-", tmp_path / "out.png")
    assert (code, "- is read and written by this process: use --engine local" in told) == (2, True)


@pytest.mark.parametrize("name", ["--address", "--cpus-per-worker", "--gpus-per-worker", "--max-workers"])
def test_options_of_a_cluster_need_the_engine(photos: Path, tmp_path: Path, name: str) -> None:
    code, _, told = inside(photos, tmp_path / "out", name, "1")
    assert (code, f"{name} is for a cluster: add --engine ray, or remove it" in told) == (2, True)
    assert set(contradictions._ONLY_RAY) == {"address", "cpus_per_worker", "gpus_per_worker", "max_workers"}


def test_without_ray_the_extra_is_named(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    code, _, told = spread(photos, tmp_path / "out")
    assert (code, "pip install 'restore[ray]'" in told) == (2, True)


@pytest.mark.parametrize(
    ("share", "machine", "fit"),
    [
        (ray_pool.Share(2, 0), {"CPU": 7.0}, 3),
        (ray_pool.Share(0.5, 0), {"CPU": 2.0}, 4),
        (ray_pool.Share(2, 0.25), {"CPU": 64.0, "GPU": 2.0}, 8),
        (ray_pool.Share(2, 1), {"CPU": 64.0}, 0),
        (ray_pool.Share(2, 1), {}, 0),
    ],
)
def test_how_many_workers_fit_into_a_machine(share: ray_pool.Share, machine: dict[str, float], fit: int) -> None:
    assert share.fits(machine) == fit


def test_the_memory_of_this_process_is_refused(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers would write into their own."""
    stand_in = SimpleNamespace(init=lambda **_: None, shutdown=lambda: None, nodes=list, is_initialized=lambda: False)
    monkeypatch.setattr(ray_pool, "import_ray", lambda: stand_in)
    code, _, told = spread(photos, "memory://nothing")
    assert (code, "memory://nothing is in the memory of this process, which no worker sees" in told) == (2, True)


def test_from_python(pool: HerePool, photos: Path, local: dict[str, bytes], tmp_path: Path) -> None:
    """The same files and records as by the command, and the options of a cluster."""
    shares = {"cpus_per_worker": 0.5, "gpus_per_worker": 0.25, "max_workers": 7}
    *records, summary = restore.enhance(
        photos, tmp_path / "out", device="cpu", precision="fp32", engine="ray", address="auto", threads=1, **shares
    )
    assert contents(tmp_path / "out") == local
    assert Counter(record["status"] for record in records) == {"enhanced": 20, "failed": 1}
    assert (summary["enhanced"], summary["failed"]) == (20, 1)
    assert pool.asked == ("auto", 7)
    assert pool.share == ray_pool.Share(0.5, 0.25)
    assert pool.job.request.workers == 2, "threads that read, where others share the cores"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "spark"}, "--engine spark: there are local and ray"),
        ({"address": "auto"}, "--address is for a cluster: add --engine ray, or remove it"),
        ({"engine": "ray", "cpus_per_worker": 0}, "--cpus-per-worker 0: must be above 0 and at most 1024"),
        ({"engine": "ray", "cpus_per_worker": float("nan")}, "--cpus-per-worker nan: must be above 0"),
        ({"engine": "ray", "gpus_per_worker": -1}, r"--gpus-per-worker -1: must be within 0\.\.64"),
        ({"engine": "ray", "max_workers": 0}, "--max-workers 0: must be at least 1"),
        ({"engine": "ray", "device": "cuda:1"}, "Ray gives each worker its GPUs; write --device cuda"),
    ],
)
def test_what_programs_get_wrong(
    photos: Path, tmp_path: Path, options: dict[str, Any], message: str, pool: HerePool
) -> None:
    with pytest.raises(restore.RestoreError, match=message):
        restore.enhance(photos, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_the_bounds_are_those_of_the_command() -> None:
    ranges = {option.name: option.type for option in command.params}
    cpus, gpus, most = (ranges[name] for name in ("cpus_per_worker", "gpus_per_worker", "max_workers"))
    assert (cpus.min, cpus.min_open, cpus.max) == (0, True, contradictions.MOST_CPUS)
    assert (gpus.min, gpus.min_open, gpus.max) == (0, False, contradictions.MOST_GPUS)
    assert (most.min, most.max) == (1, None)


@dataclass
class ConnectedRay:
    """Ray in a program that has called ``ray.init`` itself."""

    done: list[str] = field(default_factory=list)

    def is_initialized(self) -> bool:
        return True

    def init(self, **_: object) -> None:
        self.done.append("init")

    def shutdown(self) -> None:
        self.done.append("shutdown")

    def kill(self, actor: str) -> None:
        self.done.append(f"kill {actor}")


@pytest.mark.parametrize("address", [None, "auto"])
def test_a_program_keeps_its_connection(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    """A second ray.init would fail, and a shutdown would take the program's own actors away."""
    connected = ConnectedRay()
    monkeypatch.setattr(ray_pool, "import_ray", lambda: connected)
    with ray_pool.RayPool(address, None) as pool:
        pool._actors[0] = "worker"
    assert connected.done == ["kill worker"]
    with pytest.raises(restore.RestoreError, match=r"--address 10\.0\.0\.1:6379: this program is connected"):
        ray_pool.RayPool("10.0.0.1:6379", None)


def test_a_share_in_words() -> None:
    assert str(ray_pool.Share(1, 0)) == "1 CPU"
    assert str(ray_pool.Share(2, 0.25)) == "2 CPUs and 0.25 GPUs"
