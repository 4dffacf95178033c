"""Write the software bill of materials of an installed release: CycloneDX 1.6, JSON.

    python scripts/make_sbom.py restore.cdx.json
    python scripts/make_sbom.py restore.cdx.json --extra watch --extra heif

Lists what the installed package ``restore`` requires, directly or not, with versions and licenses, and the models that
it includes, with their digests. Run it where nothing but the release is installed. Fails if a requirement is missing.
Libraries that wheels contain, such as libjpeg-turbo in Pillow's, are theirs to list. With ``SOURCE_DATE_EPOCH``, the
same environment gives the same file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from dependencies import closure, licences, requirements, said
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name


def main() -> int:
    """Write the file; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="file to write")
    parser.add_argument("--extra", action="append", default=[], help="of the package; repeatable (default: none)")
    given = parser.parse_args()
    from restore.zoo.find import shipped_folder

    root = distribution("restore")
    missing = [name for name, package in closure(root, given.extra).items() if package is None]
    if missing:
        print(f"not installed: {', '.join(sorted(missing))}", file=sys.stderr)
        return 1
    made = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", datetime.now(UTC).timestamp())), UTC)
    given.out.write_text(json.dumps(sbom(root, given.extra, shipped_folder(), made), indent=2) + "\n", "utf-8")
    return 0


def sbom(root: Distribution, extras: list[str], models: Path, made: datetime) -> dict[str, Any]:
    """The bill as a JSON object.

    Args:
        root: the release.
        extras: of it.
        models: the folder of its models.
        made: when the bill is made.
    """
    packages = {name: package for name, package in closure(root, extras).items() if package is not None}
    own = _component(root, "application")
    components = [_component(package, "library") for _, package in sorted(packages.items())]
    files = [_model(path, root.version) for path in sorted(models.glob("*/*.onnx"))]
    ref = {name: _ref(package) for name, package in packages.items()}
    needed = requirements(root, extras)
    own_needs = sorted(ref[name] for name in needed.get(canonicalize_name(root.metadata["Name"]), ()) if name in ref)
    edges = [{"ref": own["bom-ref"], "dependsOn": [*own_needs, *(one["bom-ref"] for one in files)]}]
    for name in sorted(packages):
        edges.append(
            {"ref": ref[name], "dependsOn": sorted(ref[other] for other in needed.get(name, ()) if other in ref)}
        )
    content = {"components": [*components, *files], "dependencies": edges}
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([made.isoformat(), content], sort_keys=True))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"timestamp": made.isoformat(timespec="seconds"), "component": own},
        **content,
    }


def _ref(package: Distribution) -> str:
    """The package URL."""
    return f"pkg:pypi/{canonicalize_name(package.metadata['Name'])}@{package.version}"


def _component(package: Distribution, kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "bom-ref": _ref(package),
        "name": package.metadata["Name"],
        "version": package.version,
        "purl": _ref(package),
        "licenses": _license_choice(package),
    }


def _license_choice(package: Distribution) -> list[dict[str, Any]]:
    """An SPDX expression where the package gives one; else the names that we know its licenses by, or its own words."""
    words = said(package)
    try:
        return [{"expression": str(canonicalize_license_expression(words))}]
    except InvalidLicenseExpression:
        names = licences(package) or [" ".join(words.split())[:100] or "unknown"]
        return [{"license": {"name": name}} for name in names]


def _model(path: Path, version: str) -> dict[str, Any]:
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{path.name}",
        "name": path.name,
        "version": version,
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
    }


if __name__ == "__main__":
    sys.exit(main())
