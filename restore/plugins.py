"""Plug-ins: modules that add losses, networks and other parts, and the user's consent to run them.

A recipe is data, except for two keys that name code: ``plugins`` and an encoder's ``factory``. Users who received a
recipe, or a checkpoint that contains one, from someone else must not run that code by accident.
"""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from restore.errors import PluginError

NAME = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"


@dataclass(frozen=True)
class Trust:
    """Which code is allowed to run.

    Attributes:
        plugins: modules to import before a recipe is validated. Recipes may also name them.
        recipe: whether everything named by the recipe may be imported and called.
    """

    plugins: tuple[str, ...] = ()
    recipe: bool = False


NO_CODE = Trust()


@dataclass(frozen=True)
class Code:
    """The code that a recipe names.

    Attributes:
        plugins: modules to import.
        factories: functions to call, as ``package.module:name``.
    """

    plugins: tuple[str, ...]
    factories: tuple[str, ...]

    def modules(self) -> tuple[str, ...]:
        """All modules to import, without duplicates."""
        return tuple(dict.fromkeys((*self.plugins, *map(factory_module, self.factories))))


def factory_module(factory: str) -> str:
    """The module of ``package.module:name``."""
    return factory.partition(":")[0]


def code_of(values: Mapping[str, object]) -> Code:
    """The code named by a recipe as read from YAML, before validation; the values may be anything."""
    plugins = values.get("plugins")
    named = [name for name in plugins if isinstance(name, str)] if isinstance(plugins, list) else []
    return Code(tuple(dict.fromkeys(named)), tuple(dict.fromkeys(_factories(values))))


def _factories(root: object) -> Iterator[str]:
    """The factories of encoders of kind ``module``, anywhere in the recipe."""
    waiting, seen = [root], set[int]()
    while waiting:
        value = waiting.pop()
        if not isinstance(value, (dict, list)) or id(value) in seen:  # YAML's aliases may form a loop
            continue
        seen.add(id(value))
        waiting += value.values() if isinstance(value, dict) else value
        if isinstance(value, dict) and value.get("kind", "module") == "module":
            factory = value.get("factory")
            if isinstance(factory, str):
                yield factory


def admit(values: Mapping[str, object], source: str, trust: Trust = NO_CODE) -> None:
    """Import the plug-ins needed to validate a recipe, if all code named by it is trusted.

    Args:
        values: the recipe as read from YAML.
        source: name of the recipe in messages.
        trust: which code is allowed to run.

    Raises:
        PluginError: the recipe names code that is not trusted (nothing is imported), or a plug-in fails on import.
    """
    code = code_of(values)
    strange = [] if trust.recipe else [name for name in code.modules() if name not in trust.plugins]
    if strange:
        imports = [f"import {name}" for name in code.plugins if name in strange]
        calls = [f"call {factory}" for factory in code.factories if factory_module(factory) in strange]
        flags = " ".join(f"--plugin {shlex.quote(name)}" for name in strange)
        raise PluginError(
            f"{source}: this recipe would {', '.join(imports + calls)}, which runs code that is not part of restore. "
            f"If you trust it, add {flags}, or --trust-recipe for everything it names"
        )
    # Names that are not valid are left to validation, which reports the line.
    load_plugins((*trust.plugins, *(name for name in code.plugins if re.fullmatch(NAME, name))))


def load_plugins(names: Iterable[str]) -> None:
    """Import plug-ins in order, without duplicates.

    Raises:
        PluginError: see :func:`import_plugin`.
    """
    for name in dict.fromkeys(names):
        import_plugin(name)


def import_plugin(name: str) -> ModuleType:
    """Import a module, also from the current folder, which is added to the path only meanwhile.

    The folder is last on the path, so that files in it cannot shadow installed modules.

    Raises:
        PluginError: there is no such module, or it fails on import.
    """
    if not re.fullmatch(NAME, name):
        raise PluginError(f"plug-in {name!r}: not a module name; write package.module, without .py")
    folder = str(Path.cwd())
    added = folder not in sys.path
    if added:
        sys.path.append(folder)
    try:
        importlib.invalidate_caches()
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # third-party code: anything may go wrong
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise PluginError(f"plug-in {name}: no module '{error.name}', neither installed nor in {folder}") from error
        raise PluginError(f"plug-in {name} fails on import: {type(error).__name__}: {error}") from error
    finally:
        if added and folder in sys.path:
            sys.path.remove(folder)
