"""Text for cells of CSV files, which spreadsheets open."""

from __future__ import annotations

import unicodedata

# A spreadsheet takes a cell that begins so for a formula, which may start programs. See OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@")


def csv_text(text: str) -> str:
    """A text as a cell: control characters and undecodable bytes are escaped, and formulas get an apostrophe.

    The apostrophe is how spreadsheets themselves mark text that looks like a formula. A leading tab or carriage return,
    which they skip, is escaped as a control character.
    """
    shown = "".join(repr(c)[1:-1] if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
