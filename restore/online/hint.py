"""Say of a model that is not here that the catalogue has it. Nothing here uses the network."""

from __future__ import annotations

from restore.errors import RestoreError
from restore.online.cached import default_catalogue, is_link, read_copy
from restore.online.links import offers
from restore.online.listing import Listed, parse_listing
from restore.online.search import by_name


def hint(name: str) -> str:
    """A sentence on how to get a model, from the copy of the catalogue in the cache; empty if it has no such model."""
    source = default_catalogue()
    copy = read_copy(source) if is_link(source) else None
    if copy is None:
        return ""
    try:
        model = by_name(parse_listing(copy.text, source).models, name)
    except RestoreError:
        return ""
    return "" if model is None else f"'restore get {model.id}' brings it ({facts(model)})"


def facts(model: Listed) -> str:
    """The size and license of a model, as in ``67.0 MB, BSD-3-Clause``."""
    from restore.utils.text import printable

    found = offers(model)
    size = found[0].resource.size if found else None
    parts = [f"{size / 1e6:.1f} MB"] if size else []
    return ", ".join([*parts, printable(model.license) or "license unknown"])
