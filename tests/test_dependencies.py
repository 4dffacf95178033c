"""What pyproject.toml asks for, and what is written about it: licenses and the software bill of materials.

scripts/check_lowest.py and scripts/check_licences.py go further, and take longer.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import tomllib
from datetime import UTC, datetime
from importlib.metadata import Distribution, version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SCRIPTS = Path(__file__).parents[1] / "scripts"

PROJECT = tomllib.loads((SCRIPTS.parent / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(autouse=True)
def scripts_find_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


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
    assert script("dependencies").licences(Package(said)) == licences


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
    assert script("check_lowest")._lowest(Requirement(text)) == pinned


def test_the_lower_bounds_are_written_as_constraints() -> None:
    project = {
        "dependencies": ["numpy>=2.0", "Some_Name[extra]>=1.2,<3", "gone>=1; python_version < '3'", "free"],
        "optional-dependencies": {"a": ["numpy>=2.1"], "b": ["numpy>=2.2", "exact==4.5.6"]},
    }
    check = script("check_lowest")
    assert check.pins(project, [""]) == ["numpy==2.0", "some-name==1.2"]
    assert check.pins(project, ["a", "b"]) == ["exact==4.5.6", "numpy==2.2", "some-name==1.2"]


# What the schema of CycloneDX 1.6 requires, and the properties that it knows of what is written here.
_KNOWN = {
    "bom": {"$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "dependencies"},
    "component": {"type", "bom-ref", "name", "version", "purl", "licenses", "hashes"},
}


def bill(tmp_path: Path) -> dict[str, Any]:
    """Of a release with the requirements in pyproject.toml: those of the installed package may be older."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m/m.onnx").write_bytes(b"weights")
    needs = "".join(f"Requires-Dist: {text}\n" for text in PROJECT["dependencies"])
    release = Package(f"License-Expression: MIT\n{needs}")
    made = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
    return json.loads(json.dumps(script("make_sbom").sbom(release, [], tmp_path, made)))


def test_the_bill_of_materials_is_as_its_schema_says(tmp_path: Path) -> None:
    found = bill(tmp_path)
    assert set(found) <= _KNOWN["bom"]
    assert (found["bomFormat"], found["specVersion"], found["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found["serialNumber"])
    assert datetime.fromisoformat(found["metadata"]["timestamp"]).tzinfo is not None
    parts = [found["metadata"]["component"], *found["components"]]
    references = [part["bom-ref"] for part in parts]
    assert len(set(references)) == len(references)
    for part in parts:
        assert set(part) <= _KNOWN["component"]
        assert part["type"] in ("application", "library", "machine-learning-model")
        assert part["name"]
        for choice in part.get("licenses", []):
            (named,) = choice.items()
            assert isinstance(named[1], str) if named[0] == "expression" else named[1]["name"]
    assert sorted(edge["ref"] for edge in found["dependencies"]) == sorted(
        ref for ref in references if not ref.startswith("model:")
    )
    assert {ref for edge in found["dependencies"] for ref in edge["dependsOn"]} <= set(references)


def test_the_bill_of_materials_is_complete(tmp_path: Path) -> None:
    found = bill(tmp_path)
    own = found["metadata"]["component"]
    assert (own["name"], own["version"], own["licenses"]) == ("some", "1", [{"expression": "MIT"}])
    (direct,) = [edge["dependsOn"] for edge in found["dependencies"] if edge["ref"] == own["bom-ref"]]
    here = [r for r in map(Requirement, PROJECT["dependencies"]) if r.marker is None or r.marker.evaluate()]
    wanted = {f"pkg:pypi/{canonicalize_name(one.name)}@{version(one.name)}" for one in here}
    assert set(direct) == {*wanted, "model:m.onnx"}
    by_ref = {part["bom-ref"]: part for part in found["components"]}
    assert wanted <= set(by_ref)
    indirect = f"pkg:pypi/pydantic-core@{version('pydantic-core')}"
    assert indirect in by_ref
    edges = {edge["ref"]: edge["dependsOn"] for edge in found["dependencies"]}
    assert indirect in edges[f"pkg:pypi/pydantic@{version('pydantic')}"]
    assert by_ref["model:m.onnx"]["hashes"] == [
        {"alg": "SHA-256", "content": hashlib.sha256(b"weights").hexdigest()}
    ]  # fmt: skip
    # The same environment has the same bill.
    (tmp_path / "again").mkdir()
    assert bill(tmp_path / "again") == found


def locked(image: str) -> dict[str, tuple[str, list[str]]]:
    """Version and digests of each package in the lock file of an image."""
    text = script("lock_images").lock_file(image).read_text("utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines()[1:]:
        pin, *digests = line.split()
        name, pinned = pin.split("==")
        found[name] = pinned, digests
    return found


@pytest.mark.parametrize("image", ["cpu", "cuda"])
def test_the_images_install_what_is_locked_and_the_locks_meet_the_bounds(image: str) -> None:
    lock_images = script("lock_images")
    extras, machines = lock_images.IMAGES[image]
    found = locked(image)
    for text in lock_images.requirements(PROJECT, image, extras):
        needed = Requirement(text)
        pinned, _ = found[canonicalize_name(needed.name)]
        assert needed.specifier.contains(pinned), f"{needed}, but {pinned} is locked: run scripts/lock_images.py"
    for name, (_, digests) in found.items():
        assert 1 <= len(digests) <= len(machines), name
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", digest) for digest in digests)
    assert len([name for name in found if name.startswith("onnxruntime")]) == 1
    dockerfile = (SCRIPTS.parent / f"docker/{image}.Dockerfile").read_text("utf-8")
    assert f"--require-hashes -r /source/{image}.lock.txt" in dockerfile
    assert dockerfile.count("pip install") == 2
    assert "--no-deps /source\n" in dockerfile
