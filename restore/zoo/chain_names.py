"""Names of chains: ``photo-x4+sr-x2`` is two models, of which the second takes the result of the first."""

from __future__ import annotations

from pathlib import Path

from restore.zoo.find import entries, find


def chain(name: str) -> tuple[str, ...]:
    """The models that a name stands for, in order; one unless it is a chain.

    A name or path that has a ``+`` of its own is found first: the parts are the shortest that exist.
    """
    if "+" not in name:
        return (name,)
    return _split(name, {entry.name for entry in entries()}) or tuple(name.split("+"))


def chain_files(name: str) -> tuple[Path, ...]:
    """The files of the models that a name stands for, in order.

    Raises:
        ModelError: one of them does not exist.
    """
    return tuple(find(one) for one in chain(name))


def chain_label(name: str) -> str:
    """The name of a model or chain in file names and reports: those of the files, joined by ``+``."""
    return "+".join(file.stem for file in chain_files(name))


def _split(name: str, known: set[str]) -> tuple[str, ...]:
    """The parts of a name if all exist, else none."""

    def exists(part: str) -> bool:
        return part in known or Path(part).is_file()

    if exists(name):
        return (name,)
    for i, character in enumerate(name):
        if character == "+" and exists(name[:i]) and (rest := _split(name[i + 1 :], known)):
            return (name[:i], *rest)
    return ()
