"""How results are named."""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path

from restore.errors import RestoreError
from restore.imaging.formats import FORMATS
from restore.utils.atomic_write import TEMPORARY_PREFIX
from restore.utils.text import printable

FIELDS = ("stem", "ext", "model", "scale")

# What the usual file systems hold. Counted in bytes, as Linux does.
_LONGEST_NAME = 255


class PlanError(RestoreError):
    """The job cannot be done as it was asked for; nothing was written."""


@dataclass(frozen=True)
class Naming:
    """From the source's name to the result's.

    Attributes:
        template: the result's name without its ending, with fields in braces: ``stem`` and ``ext`` of the source, and
            the ``model`` and its ``scale``. The ending is added; a closing ``.{ext}`` stands for it.
        suffix: format of the results, such as ``.png``; None keeps each picture's own where it can be written.
        model: value of that field.
        scale: value of that field.
    """

    template: str = "{stem}"
    suffix: str | None = None
    model: str = ""
    scale: int = 1

    def needs(self, field: str) -> bool:
        """Whether the template has that field."""
        return field in self._fields()

    def result(self, source: Path) -> str:
        """The name of a picture's result.

        Raises:
            PlanError: the template is wrong, or gives a name that no file can or should have.
        """
        suffix = self.result_suffix(source)
        self._fields()
        values = {"stem": source.stem, "ext": source.suffix[1:], "model": self.model, "scale": self.scale}
        stem = self.template.removesuffix(".{ext}").format_map(values)
        self._refuse_unsound(stem, suffix, source)
        return stem + suffix

    def result_suffix(self, source: Path) -> str:
        """The ending of a picture's result."""
        if self.suffix is not None:
            return self.suffix
        return source.suffix if source.suffix.lower() in FORMATS else ".png"

    def _fields(self) -> set[str]:
        known = " ".join(f"{{{name}}}" for name in FIELDS)
        try:
            parts = list(string.Formatter().parse(self.template))
        except ValueError as error:
            raise PlanError(f"--name {self.template!r}: {error}; write a brace itself as {{{{ or }}}}") from error
        for _, field, form, conversion in parts:
            if field is not None and (field not in FIELDS or form or conversion):
                shown = field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
                raise PlanError(f"--name {self.template!r}: no field {{{shown}}}; there are {known}")
        return {field for _, field, _, _ in parts if field}

    def _refuse_unsound(self, stem: str, suffix: str, source: Path) -> None:
        name = stem + suffix
        where = f"--name {self.template!r} names the result of {printable(source)} '{printable(name)}'"
        # A backslash in the source's own name is no separator where the source could be called so.
        if any(mark in self.template + self.model for mark in ("/", "\\", "\0")):
            raise PlanError(f"{where}: a name cannot hold a path separator; the tree is kept by itself, OUT says where")
        if not stem.strip(" .") and stem != source.stem:
            raise PlanError(f"{where}: nothing is left of a name; add {{stem}}")
        if name.startswith(TEMPORARY_PREFIX):
            raise PlanError(f"{where}: files that begin with {TEMPORARY_PREFIX} are restore's own temporary ones")
        length = len(name.encode("utf-8", "surrogateescape"))
        if length > _LONGEST_NAME:
            raise PlanError(
                f"{where}: {length} bytes are more than the {_LONGEST_NAME} that a file's name can have; "
                "shorten --name or the source's name"
            )
