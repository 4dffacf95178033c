"""Read options from YAML, with error messages that give the line and suggest corrections.

Works with any pydantic model; this module maps its errors to lines and keys.
"""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeGuard, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from restore.errors import RecipeError
from restore.utils.json_types import JsonObject
from restore.utils.registry import OneOf

_Model = TypeVar("_Model", bound=BaseModel)


def read_text(path: Path) -> str:
    """Read a recipe file.

    Raises:
        RecipeError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot read the recipe: {error}") from error


@dataclass(frozen=True)
class Layer:
    """A YAML mapping that has been read.

    Attributes:
        source: its name in messages.
        root: its nodes, which know their lines.
        values: its values.
    """

    source: str
    root: yaml.Node | None
    values: JsonObject


def read_layer(text: str, source: str, example: str = "scale: 2") -> Layer:
    """Read a YAML mapping.

    Raises:
        RecipeError: the text is not YAML, or not a mapping.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise RecipeError(f"{source}{line}: not YAML: {getattr(error, 'problem', error)}") from error
    except RecursionError:
        raise RecipeError(f"{source}: not a recipe: it is nested too deeply") from None
    except ValueError as error:  # a date that does not exist
        raise RecipeError(f"{source}: not a recipe: {error}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{source}: a recipe is a mapping of options, for example '{example}', not {_kind(values)}")
    return Layer(source, root, values)


def parse_options(
    model: type[_Model],
    text: str,
    source: str,
    changes: Sequence[str] = (),
    *,
    example: str,
    example_change: str,
    prepare: Callable[[JsonObject], None] = lambda _: None,
) -> _Model:
    """Parse options from YAML and apply changes, for example ``train.steps=100``.

    Args:
        model: class of the options.
        text: a YAML mapping.
        source: name of the text in messages.
        changes: ``key=value``, with dotted keys and YAML values.
        example: an option, shown if the text is not a mapping.
        example_change: a change, shown if a change is malformed.
        prepare: called with the values after applying changes and before validation.

    Raises:
        RecipeError: the text is not YAML, or is not valid for the model.
    """
    layer = read_layer(text, source, example)
    return validate_options(model, layer.values, [layer], changes, example_change=example_change, prepare=prepare)


def validate_options(
    model: type[_Model],
    values: JsonObject,
    layers: Sequence[Layer],
    changes: Sequence[str] = (),
    *,
    example_change: str,
    prepare: Callable[[JsonObject], None] = lambda _: None,
) -> _Model:
    """Apply changes to values and validate them.

    Args:
        model: class of the options.
        values: the options; lists and mappings in them are changed in place.
        layers: the files that they come from, the one that overrides the others first.
        changes: see :func:`parse_options`, also for the remaining arguments.
        example_change: see there.
        prepare: see there.

    Raises:
        RecipeError: a change cannot be applied, or the result is not valid for the model.
    """
    for change in changes:
        _apply(values, change, example_change)
    prepare(values)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [_explain(problem, model, layers, changes) for problem in error.errors()]
        raise RecipeError("\n".join(problems)) from error


class _Loader(yaml.SafeLoader):
    """Loader with YAML 1.2 floats (1e-3 is a number, not text) that rejects duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "the name of an option must be a word, not a list or a mapping", key.start_mark
                )
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' is given twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+0123456789.")
)


def _apply(values: JsonObject, change: str, example: str) -> None:
    key, sign, text = change.partition("=")
    if not sign or not key:
        raise RecipeError(f"--set {change}: write it as key=value, for example --set {example}")
    try:
        value = _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {change}: not YAML: {getattr(error, 'problem', error)}") from error
    except RecursionError:
        raise RecipeError(f"--set {key}: the value is nested too deeply") from None
    except ValueError as error:
        raise RecipeError(f"--set {change}: {error}") from error
    *parents, last = key.strip().split(".")
    here: Any = values
    for depth, parent in enumerate(parents):
        if isinstance(here, list):
            here = here[_index(change, parents[depth - 1], here, parent)]
        elif parent not in here and (*parents, last)[depth + 1].isdecimal():
            raise RecipeError(
                f"--set {change}: '{parent}' is not in the recipe, so none of its elements can be changed; write all "
                f"of it, for example --set '{parent}=[...]'"
            )
        else:
            here = here.setdefault(parent, {})
        if not isinstance(here, dict | list):
            raise RecipeError(f"--set {change}: '{parent}' is not a group of options")
    if not isinstance(here, list):
        here[last] = value
    elif last == str(len(here)):
        here.append(value)
    else:
        here[_index(change, parents[-1], here, last)] = value


def _index(change: str, name: str, elements: list[object], part: str) -> int:
    """The index of a list element that a change names."""
    if not part.isdecimal():
        raise RecipeError(
            f"--set {change}: '{name}' is a list, so name an element by its number, from 0: {name}.0 for the first"
        )
    if int(part) >= len(elements):
        count = len(elements)
        raise RecipeError(
            f"--set {change}: '{name}' has {count} element{'s' * (count != 1)}, numbered from 0: there is no {part}"
        )
    return int(part)


def _explain(problem: ErrorDetails, model: type[BaseModel], layers: Sequence[Layer], changes: Collection[str]) -> str:
    """One line per problem: file, line, key, error and suggestion."""
    path, around = _locate(model, problem["loc"])
    # The file that gives the deepest key; of several, the one that overrides the others.
    found = [_line(layer.root, path) for layer in layers]
    (_, line), source = max(zip(found, (layer.source for layer in layers), strict=True), key=lambda pair: pair[0][0])
    key = ".".join(str(part) for part in path)
    changed = [change for change in changes if path and f"{key}.".startswith(f"{change.partition('=')[0].strip()}.")]
    where = f"--set {changed[-1]}" if changed else f"{source}, line {line}" if line else source
    within = [change for change in changes if not path or change.startswith(f"{key}.")]
    if within:  # options of a group conflict, and some come from --set
        where += f", with --set {' --set '.join(within)}"
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), around.model_fields if around else (), n=1, cutoff=0.6)
        return f"{where}: unknown option '{key}'" + (f"; did you mean '{near[0]}'?" if near else "")
    if problem["type"] == "missing":
        return f"{where}: '{key}' is missing"
    if problem["type"] == "union_tag_invalid":
        tag, known = problem["ctx"]["tag"], [word.strip(" '") for word in problem["ctx"]["expected_tags"].split(",")]
        near = difflib.get_close_matches(tag, known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(known)}"
        return f"{where}: '{key}': no kind '{tag}' here; {hint}"
    given = problem.get("input")
    given_text = "" if isinstance(given, (dict, list)) else f" (not {given!r})"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where}: " + (f"'{key}': " if path else "") + f"{message[0].lower()}{message[1:]}{given_text}"


def _locate(model: type[BaseModel], location: Sequence[int | str]) -> tuple[list[int | str], type[BaseModel] | None]:
    """The keys on the path to a problem, and the model that contains the last key.

    pydantic's locations also contain tags of union members (network -> plain -> width), which the file does not.
    """
    path: list[int | str] = []
    here: object = model
    around: type[BaseModel] | None = None
    for part in location:
        here = _plain(here)
        if isinstance(here, tuple):
            here = next((member for member in here if _is_called(member, part)), None)
            continue
        path.append(part)
        if _is_model(here):
            around = here
            field = here.model_fields.get(str(part))
            here = _chosen(field.metadata) or field.annotation if field else None
        else:
            around = None
            here = _item(here, part)
    return path, around


def _plain(annotation: object) -> object:
    """A type without ``Annotated`` and ``| None``; for a union or a registry, the tuple of its members."""
    while get_origin(annotation) is Annotated:
        annotation, *metadata = get_args(annotation)
        if members := _chosen(metadata):
            return members
    if get_origin(annotation) in (Union, types.UnionType):
        choices = tuple(_plain(member) for member in get_args(annotation) if member is not type(None))
        return choices[0] if len(choices) == 1 else choices
    return annotation


def _chosen(metadata: Sequence[object]) -> type[BaseModel] | tuple[type[BaseModel], ...]:
    """The members to choose from, for a field annotated with a registry; just the member if there is only one."""
    members = next((one.members() for one in metadata if isinstance(one, OneOf)), ())
    return members[0] if len(members) == 1 else members


def _is_model(annotation: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_called(member: object, tag: int | str) -> bool:
    """Whether pydantic uses this tag for a member of a union: the value of its literal, or its class name."""
    if not _is_model(member):
        return False
    literals = [f.annotation for f in member.model_fields.values() if get_origin(f.annotation) is Literal]
    return member.__name__ == tag or any(tag in get_args(literal) for literal in literals)


def _item(annotation: object, part: int | str) -> object:
    """The item type of a list, a tuple or a dictionary."""
    arguments = get_args(annotation)
    if get_origin(annotation) is tuple and len(arguments) > 1 and arguments[-1] is not Ellipsis:
        return arguments[part] if isinstance(part, int) and part < len(arguments) else None
    if get_origin(annotation) is dict:
        return arguments[1]
    return arguments[0] if arguments else None


def _line(root: yaml.Node | None, path: Sequence[int | str]) -> tuple[int, int | None]:
    """How many keys of the path are in the file, and the line of the last one, counted from 1."""
    line, node, depth = None, root, 0
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
        depth += 1
    return depth, line


def _kind(value: object) -> str:
    return {list: "a list", str: "text", type(None): "an empty file"}.get(type(value), f"a {type(value).__name__}")
