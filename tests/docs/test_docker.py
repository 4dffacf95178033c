"""The Dockerfiles name what is there, and end as a user of no rights. Building one takes a daemon, and is not done here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_it_names_what_is_there(name: str) -> None:
    text = (ROOT / f"docker/{name}.Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
    for extra in re.findall(r"/source\[(\w+)\]", text):
        assert re.search(rf"^{extra} = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE), extra
    last = text[text.rindex("FROM ") :]
    assert re.findall(r"^USER (\w+)$", last, re.MULTILINE) == ["restore"]
    assert 'ENTRYPOINT ["/venv/bin/restore"]' in last
