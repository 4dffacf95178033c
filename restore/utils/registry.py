"""Registries of parts by name: one per sort of part, defined by one tuple of members and open to plug-ins.

A part describes itself: its options, construction and documentation live in its own file. The registry lists it, and
the union that validates recipes is built from the same registry.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from importlib.metadata import EntryPoint, entry_points
from operator import or_
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

Member = TypeVar("Member")


class Registry(Mapping[str, Member]):
    """The members of one sort of part by name, in the order of registration.

    Other installed packages add members through entry points of the registry's group. Entry points are loaded only
    when a name is not found or all names are requested, so that they do not slow down start-up.

    Args:
        sort: name of a member in messages, for example ``loss``.
        members: built-in members.
        names: returns the names of a member; most have one.
        group: of the entry points, for example ``restore.losses``.

    Raises:
        ValueError: two members have the same name.
    """

    def __init__(
        self, sort: str, members: Iterable[Member], names: Callable[[Member], tuple[str, ...]], group: str
    ) -> None:
        self.sort, self.group = sort, group
        self._names = names
        self._members: dict[str, Member] = {}
        self._discovered = False
        for member in members:
            self.register(member)

    def register(self, member: Member) -> Member:
        """Add a member; also works as a class decorator.

        Raises:
            ValueError: a name is taken by another member.
        """
        for name in self._names(member):
            if self._members.get(name, member) is not member:
                raise ValueError(f"a {self.sort} named '{name}' already exists: choose another name")
        for name in self._names(member):
            self._members[name] = member
        return member

    def __getitem__(self, name: str) -> Member:
        if name not in self._members:
            self._discover()
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        self._discover()
        return iter(self._members)

    def __len__(self) -> int:
        self._discover()
        return len(self._members)

    def _discover(self) -> None:
        """Load the members of installed packages; skip those that fail, with a warning."""
        if self._discovered:
            return
        self._discovered = True
        for entry in entry_points(group=self.group):
            try:
                self._load(entry)
            except Exception as error:  # third-party code: no failure in it may stop this program
                package = entry.dist.name if entry.dist else "?"
                warnings.warn(
                    f"the {self.sort} '{entry.name}' of the installed package '{package}' cannot be loaded "
                    f"({type(error).__name__}: {error}): update or uninstall that package",
                    stacklevel=3,
                )

    def _load(self, entry: EntryPoint) -> None:
        loaded: Any = entry.load()
        if not isinstance(loaded, types.ModuleType):  # a module registers its members when imported
            self.register(loaded)


def kinds(options: type[BaseModel]) -> tuple[str, ...]:
    """The names of a part in recipes: the values of the literal ``kind`` of its options.

    Raises:
        TypeError: ``kind`` is not a literal.
    """
    annotation = options.model_fields["kind"].annotation
    if get_origin(annotation) is not Literal:
        raise TypeError(f"{options.__name__}: 'kind' must be a Literal, for example Literal['l1'] = 'l1'")
    return get_args(annotation)


Options = TypeVar("Options", bound=BaseModel)


def by_kind(sort: str, group: str, *members: type[Options]) -> Registry[type[Options]]:
    """A registry of option classes for recipes, by ``kind``.

    Args:
        sort: see :class:`Registry`.
        group: see :class:`Registry`.
        members: pydantic models with a literal ``kind``.
    """
    return Registry(sort, members, kinds, group)


class OneOf:
    """Annotation of a pydantic field that holds the options of one member, selected by ``kind``.

    ``Annotated[LossOptions, OneOf(LOSSES)]`` validates, reports errors and generates JSON schema like a tagged union of
    the members, but includes members that plug-ins add later.

    Args:
        registry: the members to choose from.
        also: additional option classes allowed here.
        where: filter for the members allowed here; all by default.
        default: kind of a mapping that does not say its own; None if it must.
    """

    def __init__(
        self,
        registry: Mapping[str, type[Any]],
        also: tuple[type[BaseModel], ...] = (),
        where: Callable[[type[Any]], bool] = lambda _: True,
        default: str | None = None,
    ) -> None:
        self.registry, self.also, self.where, self.default = registry, also, where, default
        self._adapter: tuple[tuple[type[BaseModel], ...], TypeAdapter[Any]] | None = None

    def members(self) -> tuple[type[BaseModel], ...]:
        """The distinct classes to choose from."""
        own = (member for member in dict.fromkeys(self.registry.values()) if self.where(member))
        return (*own, *self.also)

    def _union(self) -> TypeAdapter[Any]:
        members = self.members()
        if self._adapter is None or self._adapter[0] != members:
            union: Any = reduce(or_, members)
            if len(members) > 1:
                union = Annotated[union, Field(discriminator="kind")]
            self._adapter = members, TypeAdapter(union)
        return self._adapter[1]

    def validate(self, value: object) -> Any:
        """Validate a mapping or an options object.

        Raises:
            pydantic.ValidationError: there is no such kind, or its options are invalid.
        """
        if self.default is not None and isinstance(value, dict) and "kind" not in value:
            value = {"kind": self.default, **value}
        return self._union().validate_python(value)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(self._union().core_schema)
        if self.default is not None and "oneOf" in schema:
            # Without a kind, a mapping may fit several.
            schema["anyOf"] = schema.pop("oneOf")
            schema.pop("discriminator", None)
        return schema
