"""Text from outside: what a terminal shows of it, and shapes as they are typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from restore.utils.text import parse_shape, printable, unseen


def test_printable_text_holds_no_control_characters() -> None:
    assert printable(Path("a b é 写.png")) == "a b é 写.png"
    assert printable("a\nb\x1b[31m\udcff") == "a\\nb\\x1b[31m\\udcff"
    assert printable("a\u202eb\u2028") == "a\\u202eb\\u2028"
    assert printable("5\u00a0dB \\ \u3000") == "5\u00a0dB \\ \u3000", "what can be seen stays"
    assert unseen(printable("\u200b\x7f")) == ""


@pytest.mark.parametrize(("text", "shape"), [("256", (1, 256, 256)), ("4x256X320", (4, 256, 320))])
def test_shapes(text: str, shape: tuple[int, int, int]) -> None:
    assert parse_shape(text) == shape


@pytest.mark.parametrize("text", ["", "0", "65536", "1x2", "-3", "2.5", "axbxc"])
def test_what_is_no_shape(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{text!r}: write it as SIDE or BATCHxHEIGHTxWIDTH")):
        parse_shape(text)
