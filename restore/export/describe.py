"""Write a spec into a model's metadata."""

from __future__ import annotations

import onnx

from restore.spec import METADATA_KEY, ModelSpec


def describe(model: onnx.ModelProto, spec: ModelSpec) -> None:
    """Replace the spec in a model's metadata; what else is there stays."""
    kept = [(p.key, p.value) for p in model.metadata_props if p.key != METADATA_KEY]
    del model.metadata_props[:]
    for key, value in [*kept, *spec.metadata().items()]:
        model.metadata_props.add(key=key, value=value)
