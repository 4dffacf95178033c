"""A catalogue of models as OpenModelDB publishes it: a JSON object of models by id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from restore.errors import CatalogueError
from restore.utils.json_text import parse_json
from restore.utils.text import name_fault

# Longest text, list, file size and catalogue that are believed.
_LONGEST, _MANY, _LARGEST = 20_000, 200, 1 << 40
_Text = Annotated[str, Field(max_length=_LONGEST)]


class Resource(BaseModel):
    """A file of a model.

    Attributes:
        platform: ``pytorch``, ``onnx`` or ``ncnn``.
        type: its suffix, without the dot.
        size: in bytes; None if the catalogue does not say.
        sha256: in lower case; empty if the catalogue does not say.
        urls: where it is, best first.
    """

    model_config = ConfigDict(frozen=True)

    platform: _Text = ""
    type: _Text = ""
    size: int | None = Field(None, ge=0, le=_LARGEST)
    sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")] = ""
    urls: tuple[_Text, ...] = Field((), max_length=_MANY)

    @field_validator("sha256", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return "" if value is None else value.lower() if isinstance(value, str) else value


class Listed(BaseModel):
    """A model in a catalogue.

    Attributes:
        id: by which it is fetched; a valid name of a model.
        name: as its author calls it.
        author: one or several, separated by commas.
        license: an SPDX expression; empty if the catalogue does not say.
        tags: what it is for.
        description: in Markdown.
        date: of publication.
        architecture: of the network.
        scale: output side over input side.
        channels_in: of the picture that it takes.
        channels_out: of the picture that it returns.
        dataset: what it was trained on.
        resources: its files.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: _Text = ""
    author: _Text = ""
    license: _Text = ""
    tags: tuple[_Text, ...] = Field((), max_length=_MANY)
    description: _Text = ""
    date: _Text = ""
    architecture: _Text = ""
    scale: float = Field(ge=1, le=1000, allow_inf_nan=False)
    channels_in: int = Field(3, alias="inputChannels", ge=1, le=1000)
    channels_out: int = Field(3, alias="outputChannels", ge=1, le=1000)
    dataset: _Text = ""
    resources: tuple[Resource, ...] = Field((), max_length=_MANY)

    @field_validator("id")
    @classmethod
    def _named(cls, value: str) -> str:
        if fault := name_fault(value):
            raise ValueError(fault)
        return value

    @field_validator("author", mode="before")
    @classmethod
    def _authors(cls, value: object) -> object:
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return ", ".join(value)
        return "" if value is None else value

    @field_validator("license", "description", "dataset", "name", mode="before")
    @classmethod
    def _absent(cls, value: object) -> object:
        return "" if value is None else value


@dataclass(frozen=True)
class Listing:
    """The models of a catalogue, by id, and how many of its entries could not be understood."""

    models: dict[str, Listed]
    refused: int = 0


def parse_listing(text: bytes, source: str) -> Listing:
    """Read a catalogue. Entries that are not valid are left out.

    Args:
        text: JSON.
        source: where it is from, for messages.

    Raises:
        CatalogueError: it is not a JSON object, or holds no valid entry.
    """
    try:
        entries = parse_json(text)
    except ValueError as error:
        raise CatalogueError(f"{source}: not a catalogue of models: {error}") from error
    if not isinstance(entries, dict):
        raise CatalogueError(f"{source}: not a catalogue of models: expected a JSON object of models by id")
    models, refused = {}, 0
    for key, value in entries.items():
        if (model := _listed(key, value)) is None:
            refused += 1
        else:
            models[key] = model
    if refused and not models:
        raise CatalogueError(f"{source}: not a catalogue of models: none of its {refused} entries describes a model")
    return Listing(models, refused)


def _listed(key: str, value: Any) -> Listed | None:
    if not isinstance(value, dict):
        return None
    try:
        return Listed.model_validate({**value, "id": key})
    except ValidationError:
        return None
