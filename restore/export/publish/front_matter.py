"""The metadata at the beginning of a model card, as the Hugging Face Hub reads it.

Keys and license identifiers are those of its documentation: Model cards, and Licenses.
"""

from __future__ import annotations

import re

import yaml

from restore.export.infer_spec import UNKNOWN
from restore.export.publish.measured import Measured
from restore.spec import ModelSpec
from restore.utils.json_types import JsonObject

# Licenses that weights may have and that the Hub knows by an identifier.
_LICENSES = """
afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0
cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0
cdla-sharing-1.0 ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 gfdl gpl gpl-2.0 gpl-3.0 isc lgpl lgpl-2.1 lgpl-3.0
lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openrail osl-3.0 pddl postgresql unlicense wtfpl zlib
"""
_UNSAID = {"", UNKNOWN, "unspecified"}


def front_matter(spec: ModelSpec, base_model: str | None, measured: Measured | None) -> str:
    """The block between two lines of ``---``, with both lines.

    Args:
        spec: of the model.
        base_model: id on the Hub of the model whose weights the training began with.
        measured: what the run measured.
    """
    facts: JsonObject = {
        **license_facts(spec.licence),
        "library_name": "onnx",
        "pipeline_tag": "image-to-image",
        "tags": list(dict.fromkeys((spec.task, "image-restoration", "onnx", "restore", _slug(spec.network)))),
    }
    if base_model is not None:
        facts |= {"base_model": base_model, "base_model_relation": "finetune"}
    if measured is not None:
        kind = measured.metric.metric.name
        facts["metrics"] = [kind]
        facts["model-index"] = [
            {
                "name": spec.name,
                "results": [
                    {
                        "task": {"type": "image-to-image", "name": spec.task},
                        "dataset": {
                            "type": "imagefolder",
                            "name": "validation photographs of the training",
                        },
                        "metrics": [{"type": kind, "name": measured.metric.label, "value": round(measured.value, 4)}],
                    }
                ],
            }
        ]
    return f"---\n{yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=10**6)}---\n"


def license_facts(name: str) -> JsonObject:
    """A license as the Hub wants it: its identifier, ``unknown``, or ``other`` with a name."""
    if name.strip().lower() in _UNSAID:
        return {"license": "unknown"}
    identifier = name.strip().lower().replace(" ", "-").removesuffix("-only").removesuffix("-or-later")
    if identifier in _LICENSES.split():
        return {"license": identifier}
    return {"license": "other", "license_name": _slug(name)}


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.+]+", "-", text.lower()).strip("-")
