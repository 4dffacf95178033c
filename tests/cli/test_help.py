"""What a newcomer meets first: help with examples, the version, what a shell completes."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from restore.cli.help import Command
from restore.cli.main import COMMANDS, main
from tests.docs.test_pages import check


def command(name: str) -> Command:
    found = main.get_command(click.Context(main), name)
    assert isinstance(found, Command)
    return found


def said(*words: str) -> str:
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_of_the_command_and_right(name: str) -> None:
    one = command(name)
    text = said(name, "--help")
    for line in one.examples:
        words = shlex.split(line.partition(" > ")[0])
        assert words[:2] == ["restore", name]
        check(words)
        assert f"\n  {line}\n" in text, "whole: it is copied from there"
    if any(isinstance(parameter, click.Argument) and parameter.required for parameter in one.params):
        assert one.examples, "what has to be given is shown"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_help_once(name: str) -> None:
    one = command(name)
    shown = [option.name for options in one.in_sections(click.Context(one)).values() for option in options]
    options = [p.name for p in one.get_params(click.Context(one)) if isinstance(p, click.Option) and not p.hidden]
    assert sorted(map(str, shown)) == sorted(map(str, options))


def test_the_overview_imports_no_command() -> None:
    code = "import sys\nfrom restore.cli.main import main\ntry:\n main(['--help'])\nexcept SystemExit:\n pass\n"
    code += "print([m for m in sys.modules if m.startswith(('restore.cli.e', 'numpy', 'rich', 'pydantic', 'torch'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n"), done.stdout


@pytest.mark.parametrize("no_color", ["", "1"])
def test_headings_are_bold_unless_that_is_refused(no_color: str) -> None:
    code = (
        "import sys; sys.stdout.isatty = lambda: True; from restore.cli.main import main; main(['enhance', '--help'])"
    )
    environment = {
        **{k: v for k, v in os.environ.items() if k != "NO_COLOR"},
        **({"NO_COLOR": no_color} if no_color else {}),
    }
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert ("\x1b[1mExamples:\x1b[0m" in done.stdout) is not bool(no_color)
    assert "\x1b" not in said("enhance", "--help"), "into a file or a pipe"


def test_the_version_says_what_a_report_of_a_bug_needs() -> None:
    first, *rest = said("--version").splitlines()
    assert first.startswith("restore, version ")
    for word in ("Python 3.", "onnxruntime", "numpy", "Pillow", sys.executable):
        assert any(word in line for line in rest), word


@pytest.mark.parametrize(
    ("typed", "incomplete", "offered"),
    [
        ([], "en", ["enhance"]),
        (["enhance", "--model"], "sr", ["sr-x2", "sr-x4"]),
        (["enhance", "--model"], "./mi", ["./mi"]),
        (["enhance", "--model", "backlit"], "--sk", ["--skip-existing"]),
        (["train"], "rav", ["rave", "rave-supervised"]),
        (["recipes"], "clip-lit-", ["clip-lit-latent"]),
        (["filter", "--name"], "clar", ["clarendon"]),
        (["enhance", "--precision"], "fp", ["fp32", "fp16"]),
    ],
)
def test_a_shell_completes(typed: list[str], incomplete: str, offered: list[str]) -> None:
    shell = ShellComplete(main, {}, "restore", "_RESTORE_COMPLETE")
    assert [item.value for item in shell.get_completions(typed, incomplete)] == offered
