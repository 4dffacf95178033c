"""Recipes that build on another: ``base: other.yaml`` takes everything from there that the recipe does not change."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from restore.errors import RecipeError
from restore.recipes import find_recipe
from restore.utils.json_types import JsonObject
from restore.utils.yaml_options import Layer, read_layer, read_text

KEY = "base"
_DEEPEST = 50


@dataclass(frozen=True)
class Lineage:
    """A recipe file and the files it builds on.

    Attributes:
        layers: the files, from the recipe itself to the last base.
        values: the recipe with everything from its bases, without the key ``base``.
        changes: what each file changes in its base, as lines for the console.
    """

    layers: list[Layer]
    values: JsonObject
    changes: list[str]


def read_lineage(path: Path) -> Lineage:
    """Read a recipe file and its bases.

    A base is a path relative to the file that names it, or the name of an included recipe. Mappings are merged; lists
    and other values are replaced, and so is a mapping of another ``kind``.

    Raises:
        RecipeError: a file cannot be read or is not YAML, or the bases form a cycle.
    """
    layers: list[Layer] = []
    seen: list[Path] = []
    here: Path | None = path
    while here is not None:
        if here.resolve() in seen:
            raise RecipeError(f"{seen[-1]}: base: {here} builds on this file itself; remove one 'base' of the cycle")
        if len(seen) > _DEEPEST:
            raise RecipeError(f"{path}: more than {_DEEPEST} recipes build on each other")
        seen.append(here.resolve())
        layer = read_layer(read_text(here), str(here))
        layers.append(layer)
        here = _base_of(layer, here)
    values: JsonObject = {}
    changes: list[str] = []
    for number, layer in reversed(list(enumerate(layers))):
        own = {key: value for key, value in layer.values.items() if key != KEY}
        merged = merge(values, own)
        if number < len(layers) - 1:
            base = layers[number + 1].source
            changes += [f"{layer.source}: {line}" for line in differences(values, merged)] or [
                f"{layer.source}: nothing changes from {base}"
            ]
        values = merged
    return Lineage(layers, values, changes)


def _base_of(layer: Layer, file: Path) -> Path | None:
    named = layer.values.get(KEY)
    if named is None:
        return None
    if not isinstance(named, str) or not named:
        raise RecipeError(f"{layer.source}: base is the file of another recipe, for example 'base: other.yaml'")
    beside = file.parent / named
    found = beside if beside.is_file() else find_recipe(named)
    if found.is_file():
        return found
    near = difflib.get_close_matches(Path(named).name, (path.name for path in beside.parent.glob("*.yaml")), n=1)
    hint = f"; did you mean {str(Path(named).with_name(near[0]))!r}?" if near else ""
    raise RecipeError(f"{layer.source}: base: there is no file {beside}{hint}")


def merge(base: JsonObject, own: JsonObject) -> JsonObject:
    """A mapping with the values of ``base`` that ``own`` does not change."""
    merged = dict(base)
    for key, value in own.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            same_kind = value.get("kind", old.get("kind")) == old.get("kind")
            merged[key] = merge(old, value) if same_kind else value
        else:
            merged[key] = value
    return merged


def differences(before: object, after: object, key: str = "") -> Iterator[str]:
    """What changed between two recipes, as ``key: old -> new``."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            inner = f"{key}.{name}" if key else str(name)
            yield from differences(before.get(name, _NOTHING), after.get(name, _NOTHING), inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{key}.{number}")
    elif before is _NOTHING:
        yield f"{key}: {_shown(after)} (new)"
    elif after is _NOTHING:
        yield f"{key}: {_shown(before)} (gone)"
    elif before != after:
        yield f"{key}: {_shown(before)} -> {_shown(after)}"


class _Nothing:
    """Marks a key that a mapping does not have; null is a value."""


_NOTHING = _Nothing()


def _shown(value: object) -> str:
    import yaml

    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
    return text.removesuffix("...\n").strip()
