"""Generate docs/reference/ from the code: commands, recipes and the Python API.

    python scripts/make_reference.py [--check]

With --check nothing is written, and the exit code is 1 if a page is out of date.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import restore
from restore.cli.help import Command
from restore.cli.main import COMMANDS
from restore.cli.main import main as group
from restore.training.recipe import Recipe

FOLDER = Path(__file__).resolve().parents[1] / "docs/reference"
_MADE = "<!-- written by scripts/make_reference.py -->"


def pages() -> dict[str, str]:
    """The text of each page, by file name."""
    return {"commands.md": commands(), "recipe.md": recipe(), "python.md": python()}


def commands() -> str:
    """Every command with its arguments and options."""
    parts = [
        f"{_MADE}\n\n# Commands\n",
        "`restore COMMAND --help` shows the same in a terminal. Exit codes are 0 for success, 1 if something failed,\n"
        "2 for usage errors and 130 after Ctrl-C.\n",
    ]
    context = click.Context(group, info_name="restore")
    for name, (_, line) in COMMANDS.items():
        command = group.get_command(context, name)
        assert isinstance(command, Command)
        own = click.Context(command, info_name=name, parent=context)
        usage = command.get_usage(own).removeprefix("Usage: ")
        said = inspect.cleandoc(command.help or "").replace("\b\n", "")
        parts.append(f"## restore {name}\n\n{line}\n\n    {' '.join(usage.split())}\n\n{said}\n")
        if command.examples:
            parts.append("For example\n\n" + "".join(f"    {example}\n" for example in command.examples))
        rows = [row for option in command.get_params(own) if (row := _row(option, own))]
        parts.append("\n".join(["| option | default | |", "|---|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def _row(option: click.Parameter, context: click.Context) -> str:
    record = option.get_help_record(context)
    if isinstance(option, click.Argument) or record is None:  # the usage shows it
        return ""
    names, said = record
    said = " ".join(said.split())
    default = ""
    if found := re.search(r"\[default: ([^\];]*)[^\]]*\]", said):
        default = f"`{found[1]}`" if re.fullmatch(r"\S+", found[1]) else found[1]
    said = re.sub(r"\s*\[(default:|[\dx])[^\]]*\]", "", said)
    names = re.sub(r"(INTEGER|FLOAT) RANGE", "N" + _range(option.type), names)
    return f"| `{_cell(names)}` | {_cell(default)} | {_cell(said)} |"


def _range(kind: click.ParamType) -> str:
    """The range of an option's numbers."""
    least, most = getattr(kind, "min", None), getattr(kind, "max", None)
    if least is not None and most is not None:
        return f" ({least:g} to {most:g})"
    above = "above" if getattr(kind, "min_open", False) else "from"
    return "" if least is None else f" ({above} {least:g})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def recipe() -> str:
    """All fields of a recipe."""
    schema = Recipe.model_json_schema()
    parts = [
        f"{_MADE}\n\n# The recipe\n",
        "A recipe is a YAML file. `restore recipes` lists the built-in ones, `restore recipes NAME` prints one as a\n"
        "start for your own, `restore recipes --schema` prints this page as a JSON schema for editors, and\n"
        "`restore train --set train.steps=5000` changes a single value. Unknown keys are rejected.\n",
        _section("Recipe", schema, schema["$defs"]),
    ]
    parts += [_section(name, one, schema["$defs"]) for name, one in sorted(schema["$defs"].items(), key=_order)]
    return "\n".join(parts)


def _order(item: tuple[str, Any]) -> tuple[bool, str]:
    """Sort key: options without a kind first, then those with a kind, each by name."""
    name, schema = item
    return "kind" in schema.get("properties", {}), name


def _section(name: str, schema: dict[str, Any], defined: dict[str, Any]) -> str:
    fields = schema.get("properties", {})
    kinds = _kinds(schema)
    title = f"{', '.join(f'`{kind}`' for kind in kinds)} ({name})" if kinds else name
    cells = [
        (f"`{field}`", _type(one, defined), _default(field, one, schema), _cell(_prose(one.get("description", ""))))
        for field, one in fields.items()
        if not (field == "kind" and kinds)
    ]
    rows = [f"| {' | '.join(row)} |" for row in cells]
    table = "\n| field | type | default | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n" if rows else ""
    said = inspect.cleandoc(schema.get("description", ""))
    return f"## {title} {{ #{name.lower()} }}\n\n{_prose(said)}\n{table}"


def _kinds(schema: dict[str, Any]) -> list[str]:
    """The values of ``kind``, for options that are selected by it."""
    kind = schema.get("properties", {}).get("kind", {})
    found: list[str] = [kind["const"]] if "const" in kind else kind.get("enum", [])
    return found


def _prose(text: str) -> str:
    """Convert reStructuredText's inline code and references to Markdown."""
    return re.sub(r":\w+:`~?([^`]*)`", r"`\1`", text).replace("``", "`")


def _default(name: str, field: dict[str, Any], schema: dict[str, Any]) -> str:
    if name in schema.get("required", ()):
        return "required"
    default = field.get("default")
    if default is None:
        return "none" if "default" in field else ""
    if isinstance(default, dict):
        return "see there"
    if isinstance(default, list) and any(isinstance(one, dict) for one in default):
        default = [f"{{kind: {one['kind']}}}" for one in default]
    text = str(default).lower() if isinstance(default, bool) else str(default).replace("'", "")
    return f"`{_cell(text)}`" if text else "empty"


def _type(schema: dict[str, Any], defined: dict[str, Any]) -> str:
    """A type in words, with links to the types that have a section."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        said = ", ".join(f"`{kind}`" for kind in _kinds(defined[name])) or name
        return f"[{said}](#{name.lower()})"
    for key, between in (("anyOf", " or "), ("oneOf", ", "), ("allOf", " or ")):
        if key in schema:
            return between.join(dict.fromkeys(_type(one, defined) for one in schema[key]))
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "prefixItems" in schema:
        return f"[{', '.join(_type(one, defined) for one in schema['prefixItems'])}]"
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}), defined)}"
    if kind == "object":
        return "mapping"
    words = {
        "number": "number",
        "integer": "whole number",
        "string": "text",
        "boolean": "true or false",
        "null": "null",
    }
    return " ".join([words.get(kind, kind), *_bounds(schema)])


def _bounds(schema: dict[str, Any]) -> Iterator[str]:
    signs = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    found = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    if found:
        yield ", ".join(found)


def python() -> str:
    """The public API of ``import restore``."""
    parts = [f"{_MADE}\n\n# From Python\n", f"{restore.__doc__}"]
    for name in ("load", "enhance", "Model", "RestoreError"):
        thing = getattr(restore, name)
        parts.append(f"## restore.{name}\n")
        if not inspect.isclass(thing):
            parts.append(_function(f"restore.{name}", thing))
            continue
        parts.append(_docstring(thing))
        members = [one for one in ("__call__", "believe", "edit") if one in vars(thing)]
        parts += [_function("model" if one == "__call__" else f"model.{one}", getattr(thing, one)) for one in members]
    return "\n".join(parts)


def _function(name: str, function: Any) -> str:
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
    arguments = [_argument(one) for one in parameters]
    kinds = [one.kind for one in parameters]
    if inspect.Parameter.KEYWORD_ONLY in kinds:
        arguments.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    line = f"{name}({', '.join(arguments)})"
    if len(line) > 100:
        line = f"{name}(\n" + "".join(f"    {one},\n" for one in arguments) + ")"
    return f"```python\n{line}\n```\n\n{_docstring(function)}"


def _argument(parameter: inspect.Parameter) -> str:
    said = f"{parameter.name}: {parameter.annotation}".replace("'", '"')
    default = parameter.default
    if default is inspect.Parameter.empty:
        return said
    return f'{said} = "{default}"' if isinstance(default, str) else f"{said} = {default!r}"


def _docstring(thing: Any) -> str:
    """Convert Google-style docstrings to Markdown, sections as lists."""
    lines: list[str] = []
    listing = False
    for line in inspect.cleandoc(thing.__doc__ or "").splitlines():
        if re.fullmatch(r"(Args|Attributes|Returns|Raises):", line):
            lines += [f"**{line[:-1]}**", ""]
            listing = line != "Returns:"
        elif found := re.match(r" {4}(\w[\w ]*): (.*)", line) if listing else None:
            lines.append(f"- `{found[1]}`: {found[2]}")
        elif listing and line.startswith(" " * 8):
            lines.append(f"  {line.strip()}")
        else:
            lines.append(line.strip())
    return _prose("\n".join(lines)) + "\n"


def main() -> None:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is stale")
    options = parser.parse_args()
    made = pages()
    if options.check:
        stale = [name for name, text in made.items() if _text(FOLDER / name) != text]
        sys.exit(f"stale: {', '.join(stale)}; run python scripts/make_reference.py" if stale else 0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    main()
