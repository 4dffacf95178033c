"""What pyproject.toml asks for; scripts/check_lowest.py and scripts/check_licences.py go further, and take longer."""

from __future__ import annotations

import importlib.util
from importlib.metadata import Distribution
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Package(Distribution):
    """A package with this text as its metadata, and with this license file."""

    def __init__(self, said: str, license_file: str = "") -> None:
        self._texts = {"METADATA": f"Name: some\nVersion: 1\n{said}\n", "LICENSE": license_file}
        self._listed = "some.dist-info/LICENSE,,\n" if license_file else ""

    def read_text(self, filename: str) -> str | None:
        name = str(filename)
        return self._listed if name == "RECORD" else self._texts.get(name)

    def locate_file(self, path: object) -> Path:
        return Path("nowhere") / str(path)


@pytest.mark.parametrize(
    ("said", "licences"),
    [
        ("License-Expression: MIT OR Apache-2.0", ["Apache-2.0", "MIT"]),
        ("Classifier: License :: OSI Approved :: BSD License", ["BSD"]),
        ("License: MIT License", ["MIT"]),
        ("License-Expression: MIT AND GPL-3.0-only", []),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", []),
        ("Classifier: License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", ["LGPL"]),
        ("License: CC-BY-NC-4.0", []),
        ("License: our own", []),
        ("License: UNKNOWN", []),
        ("", []),
    ],
)
def test_licences_are_recognized_and_unfit_ones_are_not(said: str, licences: list[str]) -> None:
    assert script("check_licences")._licences(Package(said)) == licences


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("numpy>=2.0", "numpy==2.0"),
        ("onnxruntime-gpu[cuda,cudnn]>=1.21; python_version >= '3'", "onnxruntime-gpu[cuda,cudnn]==1.21"),
        ("basicsr==1.4.2", "basicsr==1.4.2"),
        ("types-PyYAML", "types-PyYAML"),
    ],
)
def test_a_requirement_is_pinned_to_its_lower_bound(text: str, pinned: str) -> None:
    from packaging.requirements import Requirement

    assert script("check_lowest")._lowest(Requirement(text)) == pinned
