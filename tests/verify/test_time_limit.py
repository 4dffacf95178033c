"""A model that never ends fails its check in time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from restore.cli.main import main
from restore.errors import ModelError
from restore.verify.run import verify_file
from tests.endless import endless_model


def test_a_model_that_never_ends_fails_once_and_in_time(tmp_path: Path) -> None:
    began = time.monotonic()
    result = CliRunner().invoke(main, ["verify", str(endless_model(tmp_path / "m.onnx")), "--time-limit", "0.3"])
    assert time.monotonic() - began < 5
    assert result.exit_code == 1
    assert "FAIL shapes: endless ran for more than 0.3 s and was ended; the remaining checks" in result.stdout


def test_the_limit_ends_with_its_checks(tmp_path: Path) -> None:
    from restore.runtime import running

    list(verify_file(endless_model(tmp_path / "m.onnx"), run_seconds=0.1))
    assert running._limit is None


def test_a_model_that_never_ends_is_not_imported(tmp_path: Path) -> None:
    import onnx

    from restore.export.third_party_onnx import describe_foreign

    path = endless_model(tmp_path / "m.onnx")
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)
    began = time.monotonic()
    with pytest.raises(ModelError, match=r"m\.onnx: m\.onnx ran for more than 0\.2 s and was ended"):
        describe_foreign(path, "m", {}, run_seconds=0.2)
    assert time.monotonic() - began < 5
