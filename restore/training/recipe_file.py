"""Read a recipe file; say where it is wrong, by line, and what may have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from restore.errors import RecipeError
from restore.training.recipe import Recipe


def load_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """A recipe from a YAML file, with changes such as ``train.steps=100`` applied.

    Raises:
        RecipeError: the file cannot be read, is not YAML, or says something that a recipe cannot.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot read the recipe: {error}") from error
    return parse_recipe(text, str(path), changes)


def parse_recipe(text: str, source: str, changes: Sequence[str] = ()) -> Recipe:
    """The same from the text itself; ``source`` is what messages call it."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise RecipeError(f"{source}{line}: not YAML: {getattr(error, 'problem', error)}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{source}: a recipe is a mapping of options, such as 'scale: 2', not {_kind(values)}")
    for change in changes:
        _apply(values, change)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        problems = [_explain(problem, root, source, set(changes)) for problem in error.errors()]
        raise RecipeError("\n".join(problems)) from error


class _Loader(yaml.SafeLoader):
    """YAML 1.2's floats (1e-3 is a number, not text) and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' is given twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    __import__("re").compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def _apply(values: dict[str, Any], change: str) -> None:
    key, sign, text = change.partition("=")
    if not sign or not key:
        raise RecipeError(f"--set {change}: write it as key=value, for example --set train.steps=1000")
    *parents, last = key.strip().split(".")
    here = values
    for parent in parents:
        here = here.setdefault(parent, {})
        if not isinstance(here, dict):
            raise RecipeError(f"--set {change}: '{parent}' is not a group of options")
    here[last] = _Loader(text).get_single_data()


def _explain(problem: Any, root: yaml.Node | None, source: str, changed: set[str]) -> str:
    """One line for one problem: file, line, key, what is wrong, what may have been meant."""
    # In the middle of a path stands the tag of a union's member (network -> plain -> width), which the file lacks.
    path = [part for part in problem["loc"] if not (isinstance(part, str) and _is_tag(part, problem["loc"]))]
    line = _line(root, path)
    key = ".".join(str(part) for part in path)
    where = f"{source}, line {line}" if line and not any(c.startswith(f"{key}=") for c in changed) else source
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), _names(path[:-1], root), n=1, cutoff=0.6)
        return f"{where}: unknown option '{key}'" + (f"; did you mean '{near[0]}'?" if near else "")
    if problem["type"] == "missing":
        return f"{where}: '{key}' is missing"
    given = problem.get("input")
    told = "" if isinstance(given, (dict, list)) else f" (not {given!r})"
    return f"{where}: '{key}': {problem['msg'][0].lower()}{problem['msg'][1:]}{told}"


def _is_tag(part: str, location: Iterable[Any]) -> bool:
    from restore.networks.registry import NETWORKS

    return part in NETWORKS and "network" in location


def _line(root: yaml.Node | None, path: Sequence[Any]) -> int | None:
    """The line of the deepest key on the path that the file has, counted from 1."""
    line, node = None, root
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == part), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _names(path: Sequence[Any], root: yaml.Node | None) -> list[str]:
    """The options that exist where an unknown one was found."""
    model: Any = Recipe
    node = root
    for part in path:
        if isinstance(node, yaml.MappingNode):
            node = next((v for k, v in node.value if k.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
        if part == "network":
            model = _network_model(node)
        elif isinstance(part, str):
            model = _inner_model(model.model_fields[part].annotation)
    return list(model.model_fields)


def _network_model(node: yaml.Node | None) -> type[BaseModel]:
    from restore.networks.registry import NETWORKS, NetworkOptions

    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    kind = next((v.value for k, v in pairs if k.value == "kind"), "")
    return NETWORKS.get(kind, NetworkOptions)


def _inner_model(annotation: Any) -> Any:
    """The model inside ``Model`` or ``list[Model]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(_inner_model(inner) for inner in annotation.__args__)


def _kind(value: Any) -> str:
    return {list: "a list", str: "text", type(None): "an empty file"}.get(type(value), f"a {type(value).__name__}")


def dump_recipe(recipe: Recipe) -> str:
    """The recipe as YAML, every default spelt out."""
    return yaml.safe_dump(recipe.as_dict(), sort_keys=False, allow_unicode=True, width=100)
