"""fp16 models that do not work on a device are detected when opened. These tests need no GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restore.errors import ModelError
from restore.runtime.fp16_probe import half_fault, probe_picture
from restore.runtime.pixels import FloatNetwork
from restore.spec import ModelSpec
from restore.zoo import open as open_module
from restore.zoo.open import open_named
from tests.zoo.test_precision import folder

SPEC = ModelSpec(name="m", scale=1, halo=1, precision="fp16")


class Fake(FloatNetwork):
    """A model on a GPU that there is not."""

    def __init__(self, file: Path, fault: str = "") -> None:
        precision = "fp16" if file.name.endswith(".fp16.onnx") else "fp32"
        super().__init__(self._run, SPEC.model_copy(update={"precision": precision}))
        self.file, self.device, self.note = file, "cuda:0", ""
        self._fault = fault if precision == "fp16" else ""

    def _run(self, batch: np.ndarray, **_: np.ndarray) -> np.ndarray:
        if self._fault == "memory":
            raise ModelError("CUDA failure 2: out of memory")
        if self._fault == "nan":
            return np.full_like(batch, np.nan)
        return np.full_like(batch, 0.02) if self._fault == "flat" else batch.copy()


@pytest.mark.parametrize(("fault", "says"), [("", ""), ("nan", "NaN or infinite"), ("flat", "was flat (0 levels")])
def test_faults(fault: str, says: str) -> None:
    found = half_fault(Fake(Path("m.fp16.onnx"), fault))
    assert says in found
    assert bool(found) == bool(fault)


def test_no_memory_is_another_fault() -> None:
    with pytest.raises(ModelError, match="out of memory"):
        half_fault(Fake(Path("m.fp16.onnx"), "memory"))


@pytest.mark.parametrize(
    "change", [{}, {"multiple": 24}, {"minimum": 100}, {"shape": (2, 96, 72)}, {"context": 16, "strength": True}]
)
def test_any_model_is_given_what_it_takes(change: dict[str, object]) -> None:
    spec = ModelSpec.model_validate({**SPEC.model_dump(), **change})
    seen = []

    def spy(batch: np.ndarray, **aside: np.ndarray) -> np.ndarray:
        seen.append((batch.shape, sorted(aside)))
        return batch.copy()

    assert half_fault(FloatNetwork(spy, spec)) == ""
    ((count, _, height, width), aside) = seen[0]
    assert height % spec.multiple == width % spec.multiple == 0
    assert min(height, width) >= spec.minimum
    assert (count, height, width) == (spec.shape or (1, height, width))
    assert aside == sorted(spec.inputs[1:])
    assert np.ptp(probe_picture(spec)) == 255


@pytest.mark.parametrize("fault", ["", "nan", "flat"])
def test_opening_falls_back_and_says_so(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = folder(tmp_path, "fp32", "fp16")
    monkeypatch.setattr(open_module, "open_model", lambda path, *_, **__: Fake(path, fault))
    monkeypatch.setattr(open_module, "find_device", lambda _: Fake(model / "m.onnx"))
    monkeypatch.setattr(Fake, "name", "cuda:0", raising=False)
    opened = open_named(str(model / "m.onnx"))
    assert opened.spec.precision == ("fp32" if fault else "fp16")
    assert ("running in fp32" in opened.note) == bool(fault)
    if fault:
        with pytest.raises(ModelError, match="fp16 does not work on cuda:0"):
            open_named(str(model / "m.onnx"), precision="fp16")
        (model / "m.onnx").unlink()
        with pytest.raises(ModelError, match="fp16 does not work"):
            open_named(str(model / "m.fp16.onnx"))
