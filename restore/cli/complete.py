"""Shell completion: known names, and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def names_or_files(names: Callable[[], Iterable[str]]) -> Completer:
    """Complete from names that start with the typed text; from files if none does."""

    def complete(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name) for name in sorted(names()) if name.startswith(typed)]
        return found or [CompletionItem(typed, type="file")]

    return complete


def _models() -> Iterable[str]:
    from restore.zoo.find import entries

    return [entry.name for entry in entries()]


def _recipes() -> Iterable[str]:
    from restore.recipes import shipped

    return [recipe.name for recipe in shipped()]


def _filters() -> Iterable[str]:
    from restore.data.filters.library import FILTERS

    return FILTERS


def _modules() -> Iterable[str]:
    """Modules and packages in the current folder; imports nothing."""
    from pathlib import Path

    files = [path.stem for path in Path().glob("*.py")]
    folders = [path.parent.name for path in Path().glob("*/__init__.py")]
    return [name for name in (*files, *folders) if name.isidentifier()]


models = names_or_files(_models)
recipes = names_or_files(_recipes)
filters = names_or_files(_filters)
modules = names_or_files(_modules)
