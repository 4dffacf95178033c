"""Which pictures are in the network is recorded, and those that it died of are tried in a process of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from restore.errors import ModelError
from restore.jobs import network_apart, network_record
from restore.jobs.journal import Journal, file_digest
from restore.jobs.network_record import NetworkRecord, Trial
from restore.jobs.options import PictureOptions
from restore.jobs.outcome import Outcome
from restore.jobs.pipeline import run_job
from restore.jobs.plan import make_plan
from restore.jobs.settings import Settings
from restore.runtime import stream
from restore.utils.isolated_process import ApartError, ApartTimeoutError
from scripts.audit.small_model import model
from tests.conftest import picture, save
from tests.imaging.animation_files import saved, scene

TRIAL = Trial("some.onnx", "cpu", "fp32")


def recorded(out: Path) -> list[str]:
    return (out / ".restore-network").read_text().split()


@pytest.mark.parametrize("animated", [False, True])
def test_a_picture_is_recorded_while_it_is_in_the_network(tmp_path: Path, animated: bool) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    digests = []
    for n in range(3):
        path = save(source / f"{n}.png", picture(9, 12 + n))
        if animated:
            path.unlink()
            path = path.with_suffix(".gif")
            path.write_bytes(saved(scene(2 + n), "GIF"))
        digests.append(file_digest(path))
    seen = []

    def stream(pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for one in pictures:
            seen.append(recorded(out))
            yield one

    told: list[Outcome] = []
    settings = Settings(PictureOptions(frames="all" if animated else "first"))
    with Journal(out, "key") as journal:
        run_job(make_plan(source, out), stream, told.append, settings, journal)
        assert recorded(out) == []
    assert [one.status for one in told] == ["enhanced"] * 3
    assert all(len(names) == 1 for names in seen)
    assert list(dict.fromkeys(digest for (digest,) in seen)) == digests
    assert not (out / ".restore-network").exists()


def test_a_suspect_is_tried_and_one_that_dies_again_stays_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, slow, fine, other = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
    (tmp_path / ".restore-network").write_text("\n".join([bad, slow, fine]) + "\n")
    answers = {"bad.png": ApartError("it crashed (signal 11)"), "slow.png": ApartTimeoutError("no answer")}
    asked = []

    def run_apart(module: str, path: str, trial: str, timeout: float) -> dict[str, object]:
        assert module == "restore.jobs.network_apart"
        assert Trial(**json.loads(trial)) == TRIAL
        asked.append(path)
        if path in answers:
            raise answers[path]
        return {}

    monkeypatch.setattr(network_record, "run_apart", run_apart)
    record = NetworkRecord(tmp_path)
    with pytest.raises(ModelError, match=r"while some\.onnx ran on this picture.*crashed \(signal 11\)"):
        record.check(bad, Path("bad.png"), TRIAL)
    record.check(slow, Path("slow.png"), TRIAL)
    record.check(fine, Path("fine.png"), TRIAL)
    record.check(other, Path("other.png"), TRIAL)
    assert asked == ["bad.png", "slow.png", "fine.png"]
    record.close()
    assert recorded(tmp_path) == [bad]


def test_a_trial_runs_the_network_on_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.onnx").write_bytes(model())
    ran = []
    whole = stream.picture_stream

    def watched(network: object, *options: object) -> object:
        results = whole(network, *options)

        def run(arrays: Iterable[np.ndarray]) -> Iterator[object]:
            for result in results(arrays):
                ran.append(result.shape)
                yield result

        return run

    monkeypatch.setattr(stream, "picture_stream", watched)
    trial = Trial(str(tmp_path / "m.onnx"), "cpu", "fp32", threads=1, tile=16, pixel_limit=100_000, frames="all")
    alpha = np.dstack([picture(20, 30), picture(20, 30)[..., :1]])
    (tmp_path / "a.gif").write_bytes(saved(scene(3), "GIF"))
    for path in (save(tmp_path / "a.png", alpha), tmp_path / "a.gif"):
        network_apart.main(str(path), json.dumps(asdict(trial)))
    assert ran[:2] == [(40, 60, 3)] * 2, "the colors and the transparency"
    assert ran[2:] == [(48, 60, 3)] * 3, "all frames"
    (tmp_path / "a.png").write_bytes(b"nonsense")
    network_apart.main(str(tmp_path / "a.png"), json.dumps(asdict(trial)))
    assert capsys.readouterr().out == "{}\n" * 3
