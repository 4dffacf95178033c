"""mkdocs hooks that include the model cards, which are outside docs/, in the site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]


def on_files(files: Files, config: Any) -> Files:
    """Add each model's card and pictures as models/NAME/..."""
    for path in (
        sorted(ROOT.glob("models/*/card.md"))
        + sorted(ROOT.glob("models/*/look.jpg"))
        + sorted(ROOT.glob("models/*/*.svg"))
    ):
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrite links from docs/ to the models' folder, which work in a checkout, to pages of the site."""
    return markdown if page.file.src_uri.startswith("models/") else markdown.replace("](../models/", "](models/")
