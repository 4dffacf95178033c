"""File names of results."""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path

from restore.errors import RestoreError
from restore.imaging.formats import ANIMATED, FORMATS, suffix_of
from restore.utils.atomic_write import TEMPORARY_PREFIX
from restore.utils.text import printable

FIELDS = ("stem", "ext", "model", "scale")

# Limit of common file systems, in bytes as on Linux.
_LONGEST_NAME = 255


class PlanError(RestoreError):
    """The job cannot run as requested; nothing was written."""


@dataclass(frozen=True)
class Naming:
    """Derives a result's name from its source's.

    Attributes:
        template: the result's name without its suffix, with fields in braces: ``stem`` and ``ext`` of the source, and
            the ``model`` and its ``scale``. The suffix is appended; a trailing ``.{ext}`` stands for it.
        suffix: format of the results, for example ``.png``; None keeps each picture's own if it can be written.
        model: value of that field.
        scale: value of that field.
        all_frames: whether an animated GIF stays one.
    """

    template: str = "{stem}"
    suffix: str | None = None
    model: str = ""
    scale: str = "1"
    all_frames: bool = False

    def needs(self, field: str) -> bool:
        """Whether the template uses a field."""
        return field in self._fields()

    def result(self, source: Path) -> str:
        """The name of a picture's result.

        Raises:
            PlanError: the template is invalid, or yields a name that a file cannot or should not have.
        """
        suffix = self.result_suffix(source)
        self._fields()
        values = {"stem": source.stem, "ext": source.suffix[1:], "model": self.model, "scale": self.scale}
        stem = self.template.removesuffix(".{ext}").format_map(values)
        self._refuse_unsound(stem, suffix, source)
        return stem + suffix

    def result_suffix(self, source: Path) -> str:
        """The suffix of a picture's result."""
        if self.suffix is not None:
            return self.suffix
        if self.all_frames and source.suffix.lower() in (".gif", ""):
            from restore.imaging.animation.read_gif import is_animated

            if is_animated(source):
                return source.suffix or ".gif"
        return suffix_of(source)

    def can_be(self, suffix: str) -> bool:
        """Whether a result can have a suffix, in lower case."""
        return suffix in FORMATS or (suffix in ANIMATED and self.all_frames)

    def _fields(self) -> set[str]:
        known = " ".join(f"{{{name}}}" for name in FIELDS)
        try:
            parts = list(string.Formatter().parse(self.template))
        except ValueError as error:
            raise PlanError(f"--name {self.template!r}: {error}; write a literal brace as {{{{ or }}}}") from error
        for _, field, form, conversion in parts:
            if field is not None and (field not in FIELDS or form or conversion):
                shown = field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
                raise PlanError(f"--name {self.template!r}: unknown field {{{shown}}}; known fields are {known}")
        return {field for _, field, _, _ in parts if field}

    def _refuse_unsound(self, stem: str, suffix: str, source: Path) -> None:
        name = stem + suffix
        where = f"--name {self.template!r} names the result of {printable(source)} '{printable(name)}'"
        # A backslash in the source's own name is not a separator on systems that allow such names.
        if any(mark in self.template + self.model for mark in ("/", "\\", "\0")):
            raise PlanError(
                f"{where}: a name cannot contain a path separator; OUT sets the folder, and subfolders are kept"
            )
        if not stem.strip(" .") and stem != source.stem:
            raise PlanError(f"{where}: the name is empty; add {{stem}}")
        if name.startswith(TEMPORARY_PREFIX):
            raise PlanError(
                f"{where}: names that begin with {TEMPORARY_PREFIX} are reserved for restore's temporary files"
            )
        length = len(name.encode("utf-8", "surrogateescape"))
        if length > _LONGEST_NAME:
            raise PlanError(
                f"{where}: {length} bytes exceed the limit of {_LONGEST_NAME} for file names; "
                "shorten --name or the source's name"
            )
