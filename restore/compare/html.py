"""Assemble the page: markup, style and script from the package, the data as JSON, and the picture blocks."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib import resources
from typing import BinaryIO

from restore import __version__
from restore.compare.image_store import Store
from restore.compare.page_json import Facts
from restore.utils.text import printable

# Concatenated in this order into one script.
_SCRIPTS = (
    "state.js",
    "words.js",
    "pixels.js",
    "zoom.js",
    "heat.js",
    "divider.js",
    "stage.js",
    "gestures.js",
    "table.js",
    "strip.js",
    "keys.js",
    "page.js",
)


def assemble(file: BinaryIO, title: str, subtitle: str, facts: Facts, store: Store) -> None:
    """Write a page.

    Args:
        file: of the page.
        title: of the page.
        subtitle: line below the title.
        facts: data for the script.
        store: contains all pictures of the page.
    """
    style, script = _part("page.css"), _script()
    sources = "data: blob:" if store.folder is None else "'self' data:"
    policy = (
        f"default-src 'none'; img-src {sources}; style-src {_digest(style)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    values = {
        "policy": policy,
        "title": html.escape(printable(title)),
        "subtitle": html.escape(printable(subtitle)),
        "made": f"Made by restore {__version__}",
        "beside": "" if store.folder is None else html.escape(f" and in the folder {printable(store.folder)}"),
        "style": style,
        "script": script,
        # Inside a script element only "<" could end it or hide its end.
        "facts": json.dumps(facts, allow_nan=False).replace("<", "\\u003c"),
    }
    before, _, after = _part("page.html").partition("{{blocks}}")
    file.write(_filled(before, values).encode())
    store.blocks(file)
    file.write(after.encode())


def _filled(template: str, values: dict[str, str]) -> str:
    """Fill in the template's fields in one pass, so that a value that looks like a field is not replaced."""
    first, *rest = template.split("{{")
    parts = [first]
    for part in rest:
        name, _, text = part.partition("}}")
        parts += [values[name], text]
    return "".join(parts)


def _part(name: str) -> str:
    return (resources.files("restore.compare") / "web" / name).read_text("utf-8")


def _script() -> str:
    return '(() => {\n"use strict";\n\n' + "\n".join(map(_part, _SCRIPTS)) + "})();\n"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
