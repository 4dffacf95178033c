"""Which backend runs a model on a CPU: the fastest of those that agree, measured once and then remembered."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

import restore
from restore.errors import DeviceError
from restore.jobs import open_network as open_network_module
from restore.jobs.backend_entry import BackendEntry
from restore.jobs.journal import model_digest
from restore.jobs.last_backend import last_backend
from restore.runtime.model import open_model
from restore.utils.user_folders import cache_folder
from restore.zoo import agreement, backends
from restore.zoo import open as open_module
from restore.zoo.agreement import LIMITS, Results, fault, less_than_twin, probe_pictures, results
from restore.zoo.backend_cache import Backend, Verdict, read, write
from restore.zoo.backends import Choice, OpenOptions, fastest
from restore.zoo.find import find
from tests.conftest import picture, save
from tests.runtime.absent import RUNS_OPENVINO
from tests.runtime.plugins import OPENVINO, FakeDevice, FakePlugin, install, uninstall

ORT, INT8 = Backend("cpu", "fp32"), Backend("cpu", "int8")
OV, OV16 = Backend("openvino", "fp32"), Backend("openvino", "bf16")
KEY = {"cpu": "A", "openvino": "1"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))


@pytest.fixture
def any_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job is large enough to be measured for."""
    monkeypatch.setattr(backends, "LEAST_PIXELS", 1)
    monkeypatch.setattr(backends, "MOST_SHARE", 1e9)
    monkeypatch.setattr(backends, "MOST_SHARE_BF16", 1e9)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, any_job: None) -> FakePlugin:
    return install(monkeypatch, FakePlugin())


@pytest.fixture
def model(small_model: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "small"
    folder.mkdir(parents=True)
    return Path(shutil.copy(small_model, folder / "small.onnx"))


def measured_times(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> list[list[str]]:
    """Fake times by ``device_precision``; returns what was timed, to be filled later."""
    asked: list[list[str]] = []

    def times(models: dict[Backend, object]) -> dict[Backend, float]:
        asked.append([backend.label for backend in models])
        return {backend: seconds[f"{backend.device}_{backend.precision}"] for backend in models}

    monkeypatch.setattr(backends, "_times", times)
    return asked


def choose(model: Path, pixels: float = 1e9, **options: object) -> Choice:
    wish = OpenOptions(str(model), threads=1, **options)
    return fastest(wish, wish.open(), lambda: pixels, {"fp32": model_digest(model)})


def label(choice: Choice) -> str:
    return backends.backend_of(choice.model).label


def test_the_fastest_is_chosen_and_the_gain_told(
    fake: FakePlugin, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured_times(monkeypatch, cpu_fp32=0.6, openvino_fp32=0.2)
    found = choose(model)
    assert (label(found), found.text, found.warnings) == ("openvino fp32", "openvino fp32: 3.0x onnxruntime fp32", ())


def test_bfloat16_where_the_cpu_has_it(fake: FakePlugin, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.devices = [FakeDevice("Xeon", abilities="FP32 BF16 INT8")]
    asked = measured_times(monkeypatch, cpu_fp32=0.6, openvino_fp32=0.2, openvino_bf16=0.1)
    found = choose(model)
    assert asked == [["onnxruntime fp32", "openvino fp32", "openvino bf16"]]
    assert (found.model.device, found.model.precision) == ("openvino", "bf16")
    assert found.text == "openvino bf16: 6.0x onnxruntime fp32"
    assert label(choose(model, precision="fp32")) == "openvino fp32", "the precision is the user's if they name it"


def test_a_less_exact_backend_must_be_clearly_faster(
    fake: FakePlugin, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured_times(monkeypatch, cpu_fp32=0.2, openvino_fp32=0.19)
    found = choose(model)
    assert label(found) == "onnxruntime fp32"
    assert found.text == "onnxruntime fp32: no other backend is faster (openvino fp32 1.1x)"


def test_a_slow_plugin_is_not_chosen(fake: FakePlugin, model: Path) -> None:
    fake.delay = lambda: time.sleep(0.03)
    assert label(choose(model)) == "onnxruntime fp32"
    assert len(fake.opened) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values + np.float32(0.1),
        lambda values: np.where(values > 0.9, np.float32(0), values),
        lambda values: np.full_like(values, np.nan),
        lambda values: values[..., :-2],
    ],
    ids=["shifted", "wrong in places", "nan", "size"],
)
def test_wrong_pixels_are_never_chosen(
    change: object, fake: FakePlugin, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.change = change
    measured_times(monkeypatch, cpu_fp32=0.6, openvino_fp32=0.001)
    found = choose(model)
    assert label(found) == "onnxruntime fp32"
    assert found.text.endswith("; openvino fp32 refused")
    assert found.warnings[0].startswith("openvino fp32 is not used: ")


def test_a_broken_plugin_is_told_and_harms_nothing(
    fake: FakePlugin, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, OPENVINO.module, None)
    for _ in range(2):
        found = choose(model)
        assert label(found) == "onnxruntime fp32"
        assert found.warnings[0].startswith("OpenVINO is not used: onnxruntime-ep-openvino 9.9 is installed but cannot")
    with pytest.raises(DeviceError):
        OpenOptions(str(model), "openvino").open()


def test_a_plugin_that_fails_to_open_the_model(fake: FakePlugin, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("cannot compile")

    monkeypatch.setattr(ort.SessionOptions, "add_provider_for_devices", fail)
    found = choose(model)
    assert label(found) == "onnxruntime fp32"
    assert "cannot compile" in found.warnings[0]


def test_a_plugin_without_a_device_for_this_machine_is_no_news(fake: FakePlugin, model: Path) -> None:
    fake.devices = []
    assert choose(model).warnings == ()


def test_nothing_is_measured_without_the_plugin(model: Path, any_job: None, monkeypatch: pytest.MonkeyPatch) -> None:
    uninstall(monkeypatch)
    assert choose(model).text == ""
    assert not cache_folder().exists()


@pytest.mark.parametrize(("fp32", "int8", "chosen"), [(0.6, 0.3, "onnxruntime int8"), (0.3, 0.6, "onnxruntime fp32")])
def test_int8_alone_beside_fp32(
    fp32: float, int8: float, chosen: str, any_job: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor with VNNI and no plug-in: there is nothing to compare the twin with but fp32."""
    uninstall(monkeypatch)
    for module in (backends, open_module):
        monkeypatch.setattr(module, "uses_int8", lambda *_: True)
    asked = measured_times(monkeypatch, cpu_fp32=fp32, cpu_int8=int8)
    file = find("sr-x2")
    wish = OpenOptions(str(file), threads=1)
    found = fastest(wish, wish.open(), lambda: 1e9, {"fp32": model_digest(file)})
    assert asked == [["onnxruntime fp32", "onnxruntime int8"]]
    assert label(found) == chosen
    assert found.warnings == ()


def test_nothing_is_measured_for_what_the_user_named(fake: FakePlugin, model: Path) -> None:
    assert choose(model, device="cpu").text == ""
    assert fake.registered == []


def test_a_small_job_is_not_measured_for(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    fake = install(monkeypatch, FakePlugin())
    assert choose(model, pixels=1e6).text == ""
    assert fake.registered == [], "not even loaded"
    plain = open_model(model, "cpu")
    assert not backends._is_short(plain, 1e12, [ORT, OV, INT8])
    assert backends._is_short(plain, 1e5, [ORT, OV, INT8])


def test_a_shorter_job_is_measured_for_where_much_can_be_gained(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    """Its measurement takes a tenth of it."""
    plain = open_model(model, "cpu")
    monkeypatch.setattr(backends, "seconds_each", lambda *_: 1e-6 * backends._SMALL_SIDE**2)
    monkeypatch.setattr(backends, "_OPENING_SECONDS", 0.0)
    size = 20 * backends._TILES * backends._SIDE**2
    assert backends._is_short(plain, size, [ORT, OV])
    assert not backends._is_short(plain, size, [ORT, OV16])


def test_named_openvino_is_measured_in_its_precisions_only(
    fake: FakePlugin, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.devices = [FakeDevice("Xeon", abilities="FP32 BF16")]
    asked = measured_times(monkeypatch, openvino_fp32=0.2, openvino_bf16=0.1)
    assert choose(model, device="openvino").text == "openvino bf16: 2.0x openvino fp32"
    assert asked == [["openvino fp32", "openvino bf16"]]


def test_a_measurement_is_kept(fake: FakePlugin, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = measured_times(monkeypatch, cpu_fp32=0.6, openvino_fp32=0.2)
    first = choose(model)
    again = choose(model, pixels=10)  # also for a small job: the same picture has the same result in any job
    assert (label(again), again.text) == (label(first), first.text)
    assert len(asked) == 1


@pytest.mark.parametrize("what", ["plug-in", "onnxruntime", "processor", "cores", "file"])
def test_it_is_measured_again_if_something_changed(
    what: str, fake: FakePlugin, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = measured_times(monkeypatch, cpu_fp32=0.6, openvino_fp32=0.2)
    choose(model)
    if what == "plug-in":
        monkeypatch.setattr(backends, "plugin_version", lambda _: "10.0")
    elif what == "onnxruntime":
        monkeypatch.setattr(ort, "__version__", "99")
    elif what == "processor":
        monkeypatch.setattr(backends, "cpu_name", lambda: "another")
    elif what == "cores":
        monkeypatch.setattr(backends, "usable_cores", lambda: 77)
    else:
        monkeypatch.setattr(sys.modules[__name__], "model_digest", lambda _: "another")
    choose(model)
    assert len(asked) == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\x00", b"[]", b"null", b'{"restore-backend": 2}', b'{"restore-backend": 1, "key": {"cpu": "B"}}'],
)
def test_a_cache_that_cannot_be_read_is_replaced(content: bytes) -> None:
    verdict = Verdict(OV, "openvino fp32: 2.0x onnxruntime fp32")
    write(KEY, verdict)
    (file,) = (cache_folder() / "backends").iterdir()
    file.write_bytes(content)
    assert read(KEY) is None
    assert write(KEY, verdict) == verdict
    assert read(KEY) == verdict


def test_a_cache_of_unknown_backends_is_ignored() -> None:
    write(KEY, Verdict(Backend("quantum", "fp32"), "fast"))
    assert read(KEY) is None


def test_of_two_processes_that_measure_at_once_the_first_decides() -> None:
    first = write(KEY, Verdict(OV, "openvino fp32: 2.0x onnxruntime fp32"))
    assert write(KEY, Verdict(ORT, "onnxruntime fp32: no other backend is faster")) == first


def test_no_folder_for_a_cache(tmp_path: Path, fake: FakePlugin, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").write_text("a file")
    measured_times(monkeypatch, cpu_fp32=0.6, openvino_fp32=0.2)
    assert label(choose(model)) == "openvino fp32"
    assert read(KEY) is None


def test_a_known_backend_that_fails_now_is_told(fake: FakePlugin, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured_times(monkeypatch, cpu_fp32=0.6, openvino_fp32=0.2)
    choose(model)
    fake.devices = []
    found = choose(model)
    assert label(found) == "onnxruntime fp32"
    assert found.warnings[0].startswith("openvino fp32 was the fastest before, and cannot be used now: ")


def test_probe_pictures_differ_in_kind(small_model: Path) -> None:
    photo, flat, art = probe_pictures(open_model(small_model, "cpu").spec)
    assert len(np.unique(photo)) > 100
    assert len(np.unique(flat.reshape(-1, 3), axis=0)) == 1
    assert {(art == 255).mean() > 0.5, art.min() < 40} == {True}


def test_limits(small_model: Path) -> None:
    wanted = results(open_model(small_model, "cpu"))

    def shifted(levels: int, every: int = 1) -> Results:
        changed = []
        for pixels in wanted.pixels:
            flat = pixels.astype(int).ravel()
            flat[::every] += np.where(flat[::every] > 127, -levels, levels)
            changed.append(flat.astype(np.uint8).reshape(pixels.shape))
        return Results(changed, wanted.shares)

    assert fault(wanted, wanted, LIMITS["fp32"]) == ""
    assert fault(shifted(1, every=50), wanted, LIMITS["fp32"]) == ""
    assert "differ by up to 2 of 255" in fault(shifted(2, every=500), wanted, LIMITS["fp32"])
    assert "48.1 dB" in fault(shifted(1), wanted, LIMITS["fp32"]), "a level everywhere is too much"
    assert fault(shifted(5, every=60), wanted, LIMITS["bf16"]) == ""
    assert fault(shifted(9, every=500), wanted, LIMITS["bf16"]) != ""
    assert fault(Results(wanted.pixels, [np.array([0.5])]), Results(wanted.pixels, [np.array([0.6])]), LIMITS["bf16"])
    assert less_than_twin(shifted(4), shifted(4), wanted) == ""
    assert "onnxruntime 36.1 dB" in less_than_twin(shifted(6), shifted(4), wanted)
    assert agreement.TWIN_SLACK == 1


# Jobs.


def job(folder: Path, out: Path, model: Path, **options: object) -> tuple[dict[str, object], list[Path]]:
    *_, summary = restore.enhance(folder, out, model, threads=1, **options)
    return summary, sorted(out.rglob("*.png"))


def test_a_job_keeps_its_choice_in_report_and_journal(
    fake: FakePlugin, model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.devices = [FakeDevice("Xeon", abilities="FP32 BF16")]
    asked = measured_times(monkeypatch, cpu_fp32=0.6, openvino_fp32=0.2, openvino_bf16=0.1)
    out = tmp_path / "out"
    summary, _ = job(photos, out, model)
    assert (summary["device"], summary["precision"]) == ("openvino", "bf16")
    assert summary["backend"] == "openvino bf16: 6.0x onnxruntime fp32"
    assert summary["versions"]["plug-in openvino"] == "9.9"
    assert last_backend(out, model_digest(model)) == BackendEntry(model_digest(model), "openvino", "bf16")
    # Resumed, it stays there, whatever a new measurement would say.
    shutil.rmtree(cache_folder())
    save(photos / "new.png", picture(40, 50))
    measured_times(monkeypatch, cpu_fp32=0.1, openvino_fp32=0.2, openvino_bf16=0.3)
    again, _ = job(photos, out, model, resume=True)
    assert (again["enhanced"], again["done"], again["precision"]) == (1, 5, "bf16")
    assert again["backend"] == "openvino bf16, as in the journal"
    assert len(asked) == 1
    # Another precision makes other pixels.
    exact, _ = job(photos, out, model, resume=True, precision="fp32")
    assert (exact["enhanced"], exact["precision"]) == (6, "fp32")


def test_a_job_that_cannot_go_on_as_before_says_so(
    fake: FakePlugin, model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured_times(monkeypatch, cpu_fp32=0.6, openvino_fp32=0.2)
    out = tmp_path / "out"
    job(photos, out, model)
    uninstall(monkeypatch)
    said: list[str] = []
    real = open_network_module.OpenedNetwork

    def remember(*given: object) -> object:
        made = real(*given)
        said.extend(made.warnings)
        return made

    monkeypatch.setattr(open_network_module, "OpenedNetwork", remember)
    save(photos / "new.png", picture(40, 50))
    again, _ = job(photos, out, model, resume=True)
    assert (again["enhanced"], again["done"], again["device"]) == (1, 5, "cpu")
    assert said[0].startswith("Earlier results of this job were made with openvino fp32, which cannot be used now (")
    assert said[0].endswith("; the rest is made with onnxruntime fp32")


def test_shards_agree(
    fake: FakePlugin, model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from restore.cli.main import main

    measured_times(monkeypatch, cpu_fp32=0.6, openvino_fp32=0.2)
    for index in (1, 2):
        more = ["--shard", f"{index}/2", "--model", str(model), "--threads", "1", "--json"]
        with pytest.raises(SystemExit) as end:
            main(["enhance", str(photos), str(tmp_path / "out"), *more])
        assert end.value.code == 0
        measured_times(monkeypatch, cpu_fp32=0.1, openvino_fp32=0.2)
        shutil.rmtree(cache_folder(), ignore_errors=True)
    journals = sorted((tmp_path / "out").glob(".restore-journal-*"))
    entries = [json.loads(line) for path in journals for line in path.read_text().splitlines() if "backend" in line]
    assert {entry["backend"]["device"] for entry in entries} == {"openvino"}


def test_results_equal_whatever_the_number_of_workers(
    fake: FakePlugin, model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured_times(monkeypatch, cpu_fp32=0.6, openvino_fp32=0.2)
    made = [job(photos, tmp_path / f"out{n}", model, workers=n)[1] for n in (1, 4)]
    assert [path.read_bytes() for path in made[0]] == [path.read_bytes() for path in made[1]]


def test_the_journal_of_an_older_version_says_nothing(tmp_path: Path) -> None:
    (tmp_path / ".restore-journal.jsonl").write_bytes(
        b'{"restore-journal": 1}\n{"backend": {"model": "a"}}\n{"backend": {"m'
    )
    assert last_backend(tmp_path, "a") is None


@RUNS_OPENVINO
def test_the_real_plugin(model: Path, any_job: None) -> None:
    assert OpenOptions(str(model), "openvino").open().device == "openvino"
    found = choose(model)
    assert found.text.startswith(label(found))
    assert found.warnings == ()
