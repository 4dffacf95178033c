"""docs/model-file.md says what the files are, and its programs run them as restore does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from restore.runtime.model import open_model
from restore.runtime.stream import enhance_pixels
from restore.spec import ModelSpec
from restore.zoo.find import find
from scripts.make_model_file_doc import EXAMPLE, PAGE, written
from tests.conftest import picture, save

TEXT = PAGE.read_text(encoding="utf-8")
PROGRAM, BESIDE = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_table_is_the_specs() -> None:
    assert written(TEXT) == TEXT, "python scripts/make_model_file_doc.py writes it"


def test_every_field_is_explained_and_has_an_example() -> None:
    assert set(EXAMPLE) == set(ModelSpec.model_fields)
    for name, field in ModelSpec.model_fields.items():
        assert field.description, f"{name} has no description"
        assert f"| `{name}` |" in TEXT
    example = ModelSpec.model_validate_json(json.dumps(EXAMPLE))
    assert {name for name in EXAMPLE if getattr(example, name) == ModelSpec.model_fields[name].default} <= {
        *("format", "channels", "colours", "low", "high", "exact_tiles"),
    }
    assert set(example.inputs) | set(example.outputs) <= set(re.findall(r"^\| `(\w+)` \| float32", TEXT, re.MULTILINE))


def test_the_program_is_short_and_needs_little() -> None:
    lines = [line for line in PROGRAM.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(lines) <= 20
    assert set(re.findall(r"^(?:import|from) (\w+)", PROGRAM, re.MULTILINE)) == {
        *("json", "sys", "numpy", "onnxruntime", "PIL"),
    }


@pytest.mark.parametrize("name", ["sr-x2", "sr-x4"])
@pytest.mark.parametrize("size", [(41, 56), (7, 3)])
def test_the_program_gives_what_restore_gives(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(PROGRAM)
    pixels = picture(*size)
    save(tmp_path / "a.png", pixels)
    command = [sys.executable, tmp_path / "run.py", find(name), tmp_path / "a.png", tmp_path / "b.png"]
    subprocess.run(command, check=True, cwd=tmp_path)
    model = open_model(find(name), "cpu")
    wanted = enhance_pixels(pixels, model, model.spec)
    assert np.abs(np.asarray(Image.open(tmp_path / "b.png")).astype(int) - wanted).max() <= 1


# 61 is no multiple of 2; the smaller one is smaller than its thumbnail, which stretches it.
@pytest.mark.parametrize(
    ("size", "how", "apart"),
    [
        pytest.param((61, 84), "mean", 3, marks=pytest.mark.slow),
        pytest.param((20, 18), "mean", 1, marks=pytest.mark.slow),
        ((61, 84), "middle", 1),
    ],
)
def test_what_goes_beside_is_what_restore_gives(size: tuple[int, int], how: str, apart: int, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from restore.export.to_onnx import to_onnx
    from tests.networks.test_bilateral_grid import network
    from tests.runtime.test_conditioning import SPEC

    shape = 1, *(side + side % 2 for side in size)  # exporting for one shape takes half the time
    light = to_onnx(network(), SPEC.but(thumbnail=how, shape=shape))
    (tmp_path / "light.onnx").write_bytes(light.SerializeToString())
    session = onnxruntime.InferenceSession(str(tmp_path / "light.onnx"), providers=["CPUExecutionProvider"])
    spec = json.loads(session.get_modelmeta().custom_metadata_map["restore.spec"])
    scope: dict[str, object] = {"np": np}
    exec(BESIDE, scope)
    pixels = picture(*size)
    filled = np.pad(pixels, [(0, size[0] % 2), (0, 0), (0, 0)], mode="symmetric")
    planes = (filled.transpose(2, 0, 1)[None] / 255).astype(np.float32)
    beside = scope["beside"](pixels, filled, spec, strength=0.7)
    result = session.run(["output"], {"input": planes, **beside})[0][0, :, : size[0]]
    ours = np.rint(np.clip(result, 0, 1) * 255).transpose(1, 2, 0)
    model = open_model(tmp_path / "light.onnx", "cpu")
    wanted = enhance_pixels(pixels, model, model.spec, strength=0.7)
    assert np.abs(ours - wanted).max() <= apart, "of large ones restore rounds the thumbnail to 8 bits"
    assert np.abs(ours - pixels).mean() > 3
    assert set(scope["beside"](pixels, filled, {**spec, "strength": False})) == {"thumbnail", "rows", "columns"}
