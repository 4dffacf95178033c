"""Registry of training data by the key that selects it, and the model of ``data:`` that is assembled from all keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Self, cast

from pydantic import (
    BaseModel,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from restore.data.sources.backlit import BacklitSource
from restore.data.sources.base import DataOptions, DataSource
from restore.data.sources.bicubic import BicubicSource
from restore.data.sources.degraded import DegradedSource
from restore.data.sources.exposures import ExposureSource
from restore.data.sources.filtered import FilteredSource
from restore.data.sources.haze import HazeSource
from restore.data.sources.motion import MotionSource
from restore.data.sources.noise import NoiseSource
from restore.data.sources.paired import PairedSource
from restore.data.sources.rain import RainSource
from restore.data.sources.shadow import ShadowSource
from restore.data.sources.unpaired import UnpairedSource
from restore.utils.json_types import JsonObject
from restore.utils.registry import OneOf, Registry

SourceClass = type[DataSource[Any]]

# Samples of combined sources alternate in this order.
SOURCES: Registry[SourceClass] = Registry(
    "data source",
    (
        BicubicSource,
        PairedSource,
        UnpairedSource,
        ExposureSource,
        DegradedSource,
        BacklitSource,
        FilteredSource,
        RainSource,
        HazeSource,
        MotionSource,
        NoiseSource,
        ShadowSource,
    ),
    lambda source: (source.key,),
    "restore.data_sources",
)


class Data(DataOptions):
    """Training data: one of ``train``, ``pairs``, ``unpaired`` and ``exposures``.

    ``exposures`` can be combined with ``train`` and ``backlight``; samples of both then alternate.
    """

    @model_validator(mode="after")
    def _check(self) -> Self:
        for source in self.sources():
            source.check()
        return self

    @model_serializer(mode="wrap")
    def _applicable(self, handler: SerializerFunctionWrapHandler) -> JsonObject:
        """Write only the keys of the selected sources, so that the result can be read without unrelated plug-ins."""
        known = {name for source in _select(self) for name in source.fields.model_fields}
        return {name: value for name, value in handler(self).items() if name in known}

    def sources(self) -> list[DataSource[Any]]:
        """The sources selected by the given keys; if there are several, their samples alternate.

        Raises:
            ValueError: the keys select no source or cannot be combined; never after validation.
        """
        return [source(self) for source in _select(self)]

    def labels(self) -> tuple[str, ...]:
        """Names of the labels of inputs; empty if the samples have no labels."""
        return next((labels for source in self.sources() if (labels := source.labels())), ())

    @property
    def has_targets(self) -> bool:
        """Whether the target of a sample shows what its input shows."""
        return all(source.has_targets for source in self.sources())

    def same_size(self) -> str | None:
        """The key that makes input and target the same size; None if the data work at any scale."""
        return next((key for source in self.sources() if (key := source.same_size)), None)

    def __reduce__(self) -> tuple[object, ...]:
        # The class is created at run time, so pickle could not find it by name.
        return parse_data, (self.model_dump(),)


def _select(data: Data) -> list[SourceClass]:
    fields = type(data).model_fields
    known = [source for source in SOURCES.values() if source.key in fields]
    origins = {source.origin for source in known}
    used = [name for name in fields if getattr(data, name) != fields[name].get_default(call_default_factory=True)]
    given = [name for name in used if name in origins]
    if not given:
        names = [name for name in fields if name in origins]
        raise ValueError(f"give {_listed(names, 'or')}: the folders to train on")
    chosen = [_of_origin(origin, used, known) for origin in given]
    if not all(a is b or _mix(a, b) for a in chosen for b in chosen):
        raise ValueError(f"{_listed(given)} cannot be combined: use only one of them")
    _refuse_strays(used, chosen, known)
    return [source for source in known if source in chosen]


def _of_origin(origin: str, used: Sequence[str], known: Iterable[SourceClass]) -> SourceClass:
    """The source for an origin: the one selected by its own key, or else the plain one."""
    of_it = {source.key: source for source in known if source.origin == origin}
    asked = [key for key in used if key in of_it and key != origin]
    return of_it[asked[0] if asked else origin]


def _mix(a: SourceClass, b: SourceClass) -> bool:
    return b.key in a.mixes_with or a.key in b.mixes_with


def _refuse_strays(used: Sequence[str], chosen: Sequence[SourceClass], known: Sequence[SourceClass]) -> None:
    """Refuse keys that none of the chosen sources accepts."""
    origins = {source.origin for source in chosen}
    asked = {source.key for source in chosen if source.key != source.origin}
    strays = {
        name: [source for source in known if name in source.fields.model_fields]
        for name in used
        if not any(name in source.fields.model_fields for source in chosen)
    }
    # Where no kind of degradation is chosen, there is nothing that a stray key could be combined with.
    foreign = [name for name, owners in strays.items() if not asked or not origins & {one.origin for one in owners}]
    if foreign:
        owners = strays[foreign[0]]
        names = [name for name in foreign if strays[name] == owners]
        verb, them = ("applies", "it") if len(names) == 1 else ("apply", "them")
        where = _listed(list(dict.fromkeys(f"data.{one.origin if one.key in names else one.key}" for one in owners)))
        raise ValueError(f"{_listed(names)} {verb} only to {where}; remove {them}")
    if strays:
        clash = {*strays, *asked}
        raise ValueError(
            f"{_listed([name for name in used if name in clash])} cannot be combined: use only one of them"
        )


def _listed(names: Sequence[str], word: str = "and") -> str:
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


class _Assembled(OneOf):
    """Annotation of ``data:``: a model with the keys of all sources, including those of plug-ins."""

    def __init__(self, registry: Registry[SourceClass]) -> None:
        super().__init__(registry)
        self._made: tuple[tuple[SourceClass, ...], type[Data]] | None = None

    def members(self) -> tuple[type[BaseModel], ...]:
        sources = tuple(self.registry.values())
        if self._made is None or self._made[0] != sources:
            self._made = sources, _assemble(source.fields for source in sources)
        return (self._made[1],)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # Inside a chain, the model becomes a definition that the schema refers to, like any other model.
        return handler(core_schema.chain_schema([self._union().core_schema]))


def _assemble(fields: Iterable[type[DataOptions]]) -> type[Data]:
    every = list(dict.fromkeys(fields))
    # A base class must not come before a class derived from it.
    own = [one for one in every if not any(other is not one and issubclass(other, one) for other in every)]
    # Pydantic takes the fields of the last base first.
    bases: Any = (Data, *reversed(own))
    return cast("type[Data]", create_model("Data", __base__=bases, __doc__=Data.__doc__, __module__=__name__))


_DATA = _Assembled(SOURCES)
AnyData = Annotated[Data, _DATA]


def parse_data(values: object) -> Data:
    """Parse ``data:`` of a recipe from a mapping.

    Raises:
        pydantic.ValidationError: a key is unknown, a value is invalid, or keys cannot be combined.
    """
    data: Data = _DATA.validate(values)
    return data
