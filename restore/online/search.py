"""Find models in a catalogue."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

from restore.errors import CatalogueError
from restore.online.listing import Listed
from restore.utils.text import printable

_MOST_NEAR = 5


def matching(models: Mapping[str, Listed], words: Sequence[str]) -> list[Listed]:
    """The models that contain all of the words in their id, name, author, tags, architecture, scale or license."""
    wanted = [word.casefold() for word in words]
    return [model for model in models.values() if all(word in _text(model) for word in wanted)]


def by_name(models: Mapping[str, Listed], name: str) -> Listed | None:
    """The model of an id or a name, in any spelling that is clear: ``realesrgan_x4plus`` is RealESRGAN_x4Plus."""
    if name in models:
        return models[name]
    wanted = _plain(name)
    found = [model for model in models.values() if wanted and wanted in (_plain(model.id), _plain(model.name))]
    return found[0] if len(found) == 1 else None


def find_listed(models: Mapping[str, Listed], name: str, source: str) -> Listed:
    """Like :func:`by_name`.

    Args:
        models: of the catalogue, by id.
        name: of the model.
        source: the catalogue, for messages.

    Raises:
        CatalogueError: there is none, or several; suggests ids.
    """
    if found := by_name(models, name):
        return found
    same = [model.id for model in models.values() if _plain(name) and _plain(model.name) == _plain(name)]
    if same:
        raise CatalogueError(f"{name}: several models in {source} have this name; choose one of {', '.join(same)}")
    near = difflib.get_close_matches(name.casefold(), [key.casefold() for key in models], n=_MOST_NEAR, cutoff=0.5)
    keys = {key.casefold(): key for key in models}
    near = [keys[key] for key in near] or [model.id for model in matching(models, [name])[:_MOST_NEAR]]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise CatalogueError(
        f"no model named '{printable(name)}' in {source}; {hint}"
        f"'restore models --online {printable(name).split('-')[-1]}' searches it"
    )


def _text(model: Listed) -> str:
    scale = f"x{model.scale:g} {model.scale:g}x"
    parts = (model.id, model.name, model.author, *model.tags, model.architecture, scale, model.license)
    return "\n".join(parts).casefold()


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", text.casefold())
