"""Help pages with examples and with options grouped under headings, bold where the terminal supports it.

rich-click is not used: it would load every command for the overview, and wraps errors in boxes that break lines.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import click


class Formatter(click.HelpFormatter):
    """click's formatter with bold headings."""

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{click.style(heading + ':', bold=True)}\n")


class Context(click.Context):
    """The context of all commands."""

    formatter_class = Formatter


class Command(click.Command):
    """A command with examples and option sections.

    Args:
        examples: command lines.
        sections: options by heading; all others come last.
    """

    context_class = Context

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        sections: Mapping[str, Sequence[str]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.examples, self.sections = tuple(examples), dict(sections or {})

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
        for heading, options in self.in_sections(ctx).items():
            with formatter.section(heading):
                formatter.write_dl([record for one in options if (record := one.get_help_record(ctx))])

    def in_sections(self, ctx: click.Context) -> dict[str, list[click.Option]]:
        """The visible options by heading."""
        every = self.get_params(ctx)
        shown = [one for one in every if isinstance(one, click.Option) and one.get_help_record(ctx)]
        found = {
            heading: [one for name in names for one in shown if name in one.opts]
            for heading, names in self.sections.items()
        }
        placed = [one for options in found.values() for one in options]
        return {**found, "Options": [one for one in shown if one not in placed]}


def colors() -> bool | None:
    """False if NO_COLOR is set, else None: decide by the terminal. See https://no-color.org."""
    return False if os.environ.get("NO_COLOR") else None
