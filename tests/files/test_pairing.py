"""Rules of names, and pairs by them; loose pairing is held to its behavior in tests/compare."""

from __future__ import annotations

from pathlib import Path

import pytest

from restore.errors import DataError
from restore.files.pairing import NameRule, index_stems, pair_strictly, pick_partner


@pytest.mark.parametrize(
    ("rule", "stem", "partner"),
    [
        ("{stem}x4", "0001", "0001x4"),
        ("{name}x4", "0001", "0001x4"),
        ("{stem}_HR={stem}_LR", "img_1_HR", "img_1_LR"),
        ("{stem}_HR={stem}_LR", "img_1", None),
        ("{stem}_HR={stem}_LR", "_HR", None),
        ("a_{stem}={stem}_b", "a_x", "x_b"),
        ("{stem}=x", "a", "a=x"),
        ("_HR=_LR", "img_1_HR", "img_1_LR"),
        ("_HR=_LR", "img_1", "img_1"),
        ("_gt=", "a_gt", "a"),
    ],
)
def test_rules(rule: str, stem: str, partner: str | None) -> None:
    assert NameRule.parse(rule)(stem) == partner
    assert NameRule.parse(rule).below(f"sub/{stem}") == (None if partner is None else f"sub/{partner}")


@pytest.mark.parametrize("text", ["", "x4", "=x", "{stem}{stem}", "{stem}{x}", "../{stem}", "a={stem}/b", "{x}=y"])
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(ValueError, match="write it as|each side needs"):
        NameRule.parse(text)


def paths(folder: str, *names: str) -> tuple[Path, list[Path]]:
    return Path(folder), [Path(folder, name) for name in names]


def test_layouts_of_data_sets() -> None:
    div2k = pair_strictly(
        paths("LR/X4", "0002x4.png", "0001x4.png"), paths("HR", "0001.png", "0002.png"), NameRule.parse("{stem}x4")
    )
    assert div2k == [(Path(f"LR/X4/000{n}x4.png"), Path(f"HR/000{n}.png")) for n in (1, 2)]
    set5 = paths("Set5", "a_HR.png", "a_LR.png", "sub/b_LR.jpg", "sub/b_HR.png")
    wanted = [(Path("Set5/a_LR.png"), Path("Set5/a_HR.png")), (Path("Set5/sub/b_LR.jpg"), Path("Set5/sub/b_HR.png"))]
    for rule in ("{stem}_HR={stem}_LR", "_HR=_LR"):
        assert pair_strictly(set5, set5, NameRule.parse(rule)) == wanted
    plain = paths("Set5", "a.png", "a_LR.png")
    assert pair_strictly(plain, plain, NameRule.parse("{stem}_LR")) == [(Path("Set5/a_LR.png"), Path("Set5/a.png"))]


def test_what_is_missing_is_named_with_what_was_looked_for() -> None:
    rule = NameRule.parse("{stem}x4")
    with pytest.raises(DataError) as caught:
        pair_strictly(paths("low", "1x4.png", "3x4.png"), paths("high", "1.png", "2.png"), rule)
    assert [line.replace("\\", "/") for line in str(caught.value).splitlines()] == [
        "low/3x4.png has no partner by '{stem}x4' (no picture in high leads to '3x4'): add the partner, or remove it",
        "high/2.png has no partner by '{stem}x4' (looked for '2x4' in low): add the partner, or remove it",
    ]
    both = paths("Set5", "a_HR.png", "a_LR.png", "b.png")
    with pytest.raises(DataError, match=r"b\.png is not named by the rule '{stem}_HR={stem}_LR'"):
        pair_strictly(both, both, NameRule.parse("{stem}_HR={stem}_LR"))


def test_two_originals_of_one_input() -> None:
    with pytest.raises(
        DataError, match=r"a_gt\.png and .*a\.png both lead to 'a'|a\.png and .*a_gt\.png both lead to 'a'"
    ):
        pair_strictly(paths("low", "a.png"), paths("high", "a.png", "a_gt.png"), NameRule.parse("_gt="))


def test_the_own_suffix_comes_first() -> None:
    index = index_stems(*paths("low", "a.png", "a.jpg", "b.png", "b.bmp"))
    assert pick_partner(Path("high/a.jpg"), ["none", "a"], index) == Path("low/a.jpg")
    assert pick_partner(Path("high/a.jpg"), ["none"], index) is None
    with pytest.raises(DataError, match="both match b.jpg"):
        pick_partner(Path("high/b.jpg"), ["b"], index)
