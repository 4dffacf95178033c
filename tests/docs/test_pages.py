"""What the pages say: every command exists as it is shown, generated pages are fresh, the site builds, its links lead on."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from restore.cli.main import COMMANDS
from restore.cli.main import main as group
from tests.conftest import picture, save

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "models").glob("*/*.md")),
]
ENDS = {">", ">>", "|", "&&", ";", "\\"}


def commands() -> dict[str, list[tuple[str, list[str]]]]:
    """By page, what is shown of ``restore`` and of scripts, in blocks and between backquotes: the line and its words."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        blocks = [line.strip() for line in text.splitlines() if line.startswith("    ")]
        blocks += [" ".join(inline.split()) for inline in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
        for line in blocks:
            for words in parts(line):
                found.setdefault(str(page.relative_to(ROOT)), []).append((line, words))
    return found


def parts(line: str) -> list[list[str]]:
    """The words of each command in a line that is ours."""
    if not re.search(r"(^|&& |-m |; )(restore |python scripts/)", line):
        return []
    words, made = shlex.split(line, comments=True), [[]]
    for word in words:
        if word in ENDS:
            made.append([])
        else:
            made[-1].append(word)
    ours = []
    for one in made:
        if "-m" in one and "restore" in one:  # torchrun, python -m
            one = one[one.index("restore") :]
        if one[:1] == ["restore"] or (one[:1] == ["python"] and one[1].startswith("scripts/")):
            ours.append(one)
    return ours


@pytest.mark.parametrize("page", commands())
def test_every_command_that_is_shown_exists_with_its_options(page: str) -> None:
    for line, words in commands()[page]:
        try:
            check(words)
        except (click.UsageError, AssertionError) as error:
            raise AssertionError(f"{page}: {line}: {error}") from error


def check(words: list[str]) -> None:
    if words[0] == "python":
        text = (ROOT / words[1]).read_text()
        for name in re.findall(r"^from (\w+) import", text, re.MULTILINE):  # options that scripts share
            if (shared := ROOT / "scripts" / f"{name}.py").exists():
                text += shared.read_text()
        for word in words[2:]:
            if word.startswith("--"):
                assert f'"{word.partition("=")[0]}"' in text, f"{words[1]} has no {word}"
        return
    name, rest = words[1], words[2:]
    if name in ("--help", "--version", "COMMAND"):
        return
    assert name in COMMANDS, f"there is no command {name}"
    command = group.get_command(click.Context(group), name)
    assert command is not None
    context = click.Context(command, info_name=name)
    if not rest or "[OPTIONS]" in rest or rest == ["..."]:
        return  # spoken of, not shown
    try:
        values, _, _ = command.make_parser(context).parse_args([word for word in rest if word != "..."])
    except click.BadOptionUsage:  # known, but named without its value: spoken of
        return
    for option in command.params:
        value = values.get(option.name or "")
        if isinstance(option.type, click.Choice | click.IntRange | click.FloatRange) and isinstance(value, str):
            option.type.convert(value, option, context)


def test_the_check_tells_a_wrong_command() -> None:
    for wrong in ("restore enhanse a b", "restore enhance a b --modell x", "restore enhance a b --scale 99"):
        with pytest.raises((click.UsageError, AssertionError)):
            check(shlex.split(wrong))
    with pytest.raises(AssertionError, match="has no --nonsense"):
        check(["python", "scripts/make_cards.py", "--nonsense"])
    assert parts("pip install . && restore enhance samples enlarged  # a comment") == [
        ["restore", "enhance", "samples", "enlarged"]
    ]
    assert sum(len(found) for found in commands().values()) > 100


@pytest.mark.parametrize("script", ["make_reference.py", "write_cards.py", "make_color_map.py"])
def test_generated_pages_are_fresh(script: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, "--check"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_site_builds_and_every_link_leads_on(tmp_path: Path) -> None:
    """In mkdocs' strict mode a broken link or anchor, or a page outside the navigation, is an error."""
    pytest.importorskip("mkdocs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", tmp_path],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("index.html"))
    assert len(pages) >= len(list((ROOT / "docs").rglob("*.md")))
    for page in pages:
        assert not re.search(r"<(script|link|img)[^>]+(src|href)=\"https?://(?!example\.com)", page.read_text()), page


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_of_the_checkout_lead_on(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    assert links
    for link in links:
        assert re.match(r"https?://", link) or (page.parent / link).exists(), link


def test_the_program_of_the_page_on_embedding_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/embed.md").read_text(), re.DOTALL)
    save(tmp_path / "photo.jpg", picture(40, 60))
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "embed.md", "exec"), {})
    assert np.asarray(Image.open("large.png")).shape == (80, 120, 3)
