"""Write the table of fields into docs/model-file.md from the spec itself.

python scripts/make_model_file_doc.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from restore.spec import ModelSpec

PAGE = Path(__file__).parents[1] / "docs" / "model-file.md"
_MARKS = re.compile(r"(<!-- fields: .*? -->\n).*?(<!-- end of fields -->)", re.DOTALL)

# A spec with every field set, to have an example of each.
EXAMPLE: dict[str, Any] = {
    "format": "restore-model-1",
    "name": "unfilter",
    "task": "filter-removal",
    "scale": 1,
    "halo": 8,
    "border": 4,
    "exact_tiles": True,
    "channels": 3,
    "colours": "RGB",
    "low": 0.0,
    "high": 1.0,
    "context": 256,
    "thumbnail": "middle",
    "strength": True,
    "noise": True,
    "seed": 7,
    "flow": 5,
    "kinds": ["clarendon", "none"],
    "edit": 9,
    "multiple": 2,
    "minimum": 16,
    "shape": [1, 256, 256],
    "held": 1792,
    "precision": "fp16",
    "loss_db": 0.02,
    "measured": {"psnr_to_network_db": 71.3},
    "network": "modulated-colour",
    "parameters": 144240,
    "licence": "MIT",
    "author": "somebody",
    "origin": "2x-some of https://example.org/models.json: https://example.org/some.pth",
    "consent": "accepted (CC-BY-NC-4.0) when asked, 2026-01-31",
    "data": "1,403 photographs",
    "steps": 96000,
    "hours": 5.14,
    "start": "a run of 20000 steps and 1.50 hours (checkpoint's SHA-256 3b5d...)",
    "teacher": "realesrgan-x4plus, ESRGAN (SHA-256 4fa0d38905f75ac0...)",
    "recipe": "0c8f8270d5809bac6b9ea0e4a4b8c3f1d2e5f60718293a4b5c6d7e8f90a1b2c3",
    "weights": "5f2c1e0d9b8a7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c8b7a6f5e4d3c2b",
    "made_with": "restore 0.1.0",
}


def table() -> str:
    """The fields of the spec: name, type, default, meaning, example."""
    lines = ["| field | type | if left out | meaning | example |", "|---|---|---|---|---|"]
    for name, schema in ModelSpec.model_json_schema()["properties"].items():
        default = "required" if ModelSpec.model_fields[name].is_required() else f"`{json.dumps(schema.get('default'))}`"
        example = json.dumps(EXAMPLE[name])
        example = f'{example[:17]}..."' if len(example) > 40 else example
        lines.append(f"| `{name}` | {kind(schema)} | {default} | {schema['description']} | `{example}` |")
    return "\n".join(lines) + "\n"


def kind(schema: dict[str, Any]) -> str:
    """A JSON type in words, with its limits."""
    if "anyOf" in schema:
        return " or ".join(kind(part) for part in schema["anyOf"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if schema["type"] == "array":
        parts = schema.get("prefixItems")
        return f"{len(parts)} integers" if parts else "strings"
    if schema["type"] == "object":
        return "object of numbers"
    limits = [str(schema[limit]) for limit in ("minimum", "maximum") if limit in schema]
    return schema["type"] + (f", {' to '.join(limits)}" if limits else "")


def written(page: str) -> str:
    """The page with the updated table."""
    return _MARKS.sub(lambda marks: marks[1] + table() + marks[2], page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
