"""Parts by name: one table for each sort of part, which names its members in one tuple and is open to plug-ins.

A part describes itself: its options, how to build it and its documentation live in its own file. The registry of its
sort lists it; the union that recipes are checked against is made from the same table.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

Member = TypeVar("Member")


class Registry(Mapping[str, Member]):
    """The members of one sort of part by name, in the order in which they are listed.

    Packages that are installed beside this one add theirs through entry points of the registry's group. They are
    looked up only when a name is not found or all names are asked for, so that start-up does not pay for them.

    Args:
        sort: what messages call a member, such as ``loss``.
        members: the built-in ones.
        names: what a member is called; most have one name.
        group: of the entry points, such as ``restore.losses``.

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
        """Add a member; as a decorator of a class, too.

        Raises:
            ValueError: a name is taken by another member.
        """
        for name in self._names(member):
            if self._members.get(name, member) is not member:
                raise ValueError(f"there is a {self.sort} '{name}' already: give this one another name")
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
        """Load what installed packages add. One that fails is named in a warning and left out."""
        if self._discovered:
            return
        self._discovered = True
        for entry in entry_points(group=self.group):
            try:
                self._load(entry)
            except Exception as error:  # somebody else's code: whatever is wrong with it must not stop this program
                package = entry.dist.name if entry.dist else "?"
                warnings.warn(
                    f"the {self.sort} '{entry.name}' of the installed package '{package}' cannot be loaded "
                    f"({type(error).__name__}: {error}): update or uninstall that package",
                    stacklevel=3,
                )

    def _load(self, entry: EntryPoint) -> None:
        loaded: Any = entry.load()
        if not isinstance(loaded, types.ModuleType):  # a module registers its members itself when it is imported
            self.register(loaded)


def kinds(options: type[BaseModel]) -> tuple[str, ...]:
    """What recipes may call a part: the values of the literal ``kind`` of its options.

    Raises:
        TypeError: ``kind`` is no literal.
    """
    annotation = options.model_fields["kind"].annotation
    if get_origin(annotation) is not Literal:
        raise TypeError(f"{options.__name__}: 'kind' must be a Literal, such as Literal['l1'] = 'l1'")
    return get_args(annotation)


Options = TypeVar("Options", bound=BaseModel)


def by_kind(sort: str, group: str, *members: type[Options]) -> Registry[type[Options]]:
    """A registry of options for recipes, each called by its ``kind``.

    Args:
        sort: see :class:`Registry`.
        group: see :class:`Registry`.
        members: pydantic models with a literal ``kind``.
    """
    return Registry(sort, members, kinds, group)


class OneOf:
    """Annotation of a pydantic field whose value is the options of one member, told apart by ``kind``.

    ``Annotated[LossOptions, OneOf(LOSSES)]`` validates, reports errors and describes itself in JSON schema as a tagged
    union of the members would, and follows the registry when a plug-in adds to it.

    Args:
        registry: what may be chosen.
        also: further options that may be chosen here.
        where: which members may be chosen here; all by default.
    """

    def __init__(
        self,
        registry: Mapping[str, type[Any]],
        also: tuple[type[BaseModel], ...] = (),
        where: Callable[[type[Any]], bool] = lambda _: True,
    ) -> None:
        self.registry, self.also, self.where = registry, also, where
        self._adapter: tuple[tuple[type[BaseModel], ...], TypeAdapter[Any]] | None = None

    def members(self) -> tuple[type[BaseModel], ...]:
        """The classes to choose from, each once."""
        own = (member for member in dict.fromkeys(self.registry.values()) if self.where(member))
        return (*own, *self.also)

    def _union(self) -> TypeAdapter[Any]:
        members = self.members()
        if self._adapter is None or self._adapter[0] != members:
            union: Any = members[0] if len(members) == 1 else Annotated[Union[members], Field(discriminator="kind")]
            self._adapter = members, TypeAdapter(union)
        return self._adapter[1]

    def validate(self, value: Any) -> Any:
        """The options, of a mapping or as they are.

        Raises:
            pydantic.ValidationError: there is no such kind, or its options are wrong.
        """
        return self._union().validate_python(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(self._union().core_schema)
