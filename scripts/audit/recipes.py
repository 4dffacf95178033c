"""Hostile recipes: ``restore train --check`` refuses each with a message of ours, and runs nothing that it names."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from .commands import command, refused
from .findings import Audit
from .mutations import damaged
from .rounds import rounds
from .worker import Answer, Limits, Worker

PART = "recipes"
_LIMITS = Limits(cpu=30, wall=120)
_CANARY = "audit_canary"
_RECIPES = Path(__file__).resolve().parents[2] / "restore/recipes"
_PLAIN = "scale: 2\nnetwork: {kind: plain}\ndata: {train: [.]}\nlosses: [{kind: l1}]\ntrain: {steps: 1}\n"


def hostile_recipes(draw: random.Random, ran: Path) -> Iterator[tuple[str, bytes]]:
    """One of each kind, with random parts.

    Args:
        draw: of what is random.
        ran: the file that is made if anything of a recipe runs.
    """
    width, depth = draw.randrange(5, 12), draw.randrange(500, 100_000)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, draw.randrange(8, 30))]
    texts = {
        "aliases": "\n".join(lines) + "\nnetwork: *a7\n",
        "aliases of mappings": "\n".join(
            ["m0: &m0 {x: 1}", *(f"m{i}: &m{i} {{<<: [*m{i - 1}, *m{i - 1}], k{i}: *m{i - 1}}}" for i in range(1, 25))]
        ),
        "alias of itself": "network: &a {kind: plain, more: *a}\nlosses: &b [*b]\n",
        "deep list": "network: " + "[" * depth,
        "deep mapping": "{a: " * depth,
        "deep, closed": "losses: " + "[" * depth + "]" * depth,
        "deep by indentation": "".join(" " * i + "a:\n" for i in range(min(depth, 1500))),
        "tag apply": f"network: !!python/object/apply:os.system ['touch {ran}']\n",
        "tag new": f"network: !!python/object/new:subprocess.Popen [['touch', '{ran}']]\n",
        "tag module": f"network: !!python/module:{_CANARY}\nplugins: !!python/name:{_CANARY}.main\n",
        "plug-in": _PLAIN + f"plugins: [{_CANARY}]\n",
        "plug-ins, nested names": _PLAIN + f"plugins: ['{_CANARY}.more', '..{_CANARY}', '{_CANARY}; import os']\n",
        "module": _PLAIN.replace(
            "{kind: l1}", f'{{kind: perceptual, encoder: {{kind: module, factory: "{_CANARY}:main"}}}}'
        ),
        "base of itself": "base: recipe.yaml\n" + _PLAIN,
        "base elsewhere": f"base: {draw.choice(['/etc/passwd', '../../../../etc/hosts', '/dev/zero', '.'])}\n",
        "digits": f"scale: {'9' * draw.randrange(4000, 200_000)}\n",
        "no date": "train: 2001-99-99\n",
        "no bytes": "network: !!binary '\u20ac'\nscale: !!int ''\n",
        "keys": "? [a, b]\n: 1\n? {c: d}\n: 2\n",
        "documents": _PLAIN + "---\n" + _PLAIN + "...\n---\n",
        "control characters": 'name: "\\e[31m\\x9b2J\\0"\nnet\\x1b: 1\n"\\e[2J": 1\n',
        "raw control characters": "name: \x1b[31m\x00\n",
        "surrogates": 'name: "\\ud800\\udfff"\nnetwork: {kind: "\\ud800"}\n',
        "long": "name: " + "x" * 3_000_000 + "\nnonsense: 1\n",
        "tabs": "network:\n\tkind: plain\n",
        "nothing": draw.choice(["", "~", "[]", "42", "--- !!set {}", "#", "network"]),
    }
    wrong = {
        "scale": ["[]", "-1", "0", "1.5", ".nan", ".inf", "1e400", "{}", "yes", "0x7fffffffffffffffffff"],
        "network": ["3", "[]", "plain", "{kind: [plain]}", "{kind: plain, width: 99999999999999}", "{kind: ''}"],
        "data": ["{train: 7}", "{train: ['\\0']}", "{train: [../..]}", "[.]", "{train: [.], patch: -4}"],
        "losses": ["{kind: l1}", "[l1]", "[{kind: l1, weight: .nan}]", "[{kind: l1, weight: x}]", "[[]]", "7"],
        "train": ["{steps: many}", "{steps: -1}", "{steps: .inf}", "[]", "{optimizer: {lr: .nan}}", "{batch: 0}"],
    }
    for key, values in wrong.items():
        kept = "".join(line for line in _PLAIN.splitlines(keepends=True) if not line.startswith(f"{key}:"))
        texts[f"{key} of a wrong kind"] = f"{kept}{key}: {draw.choice(values)}\n"
    yield from ((kind, text.encode("utf-8", "surrogatepass")) for kind, text in texts.items())
    yield "not UTF-8", b"name: " + draw.randbytes(200) + b"\xff\xfe\n"
    yield "UTF-16", _PLAIN.encode("utf-16")
    shipped = [path.read_bytes() for path in sorted(_RECIPES.glob("*.yaml"))]
    for _ in range(10):
        yield "mutant", damaged(draw.randrange(2**31), shipped).data


def audit_recipes(
    audit: Audit,
    folder: Path,
    more: Callable[[], bool],
    kinds: tuple[str, ...] = (),
    task: Callable[[list[str]], Answer] = command,
    limits: Limits = _LIMITS,
) -> None:
    """Check hostile recipes on an empty folder of photographs, where a right one is refused too, but later.

    Args:
        audit: receives counts and findings.
        folder: for temporary files.
        more: whether there is time for another one.
        kinds: these alone; empty for all.
        task: runs a command.
        limits: of one command.
    """
    draw, ran = random.Random(f"{audit.seed} {PART}"), folder / "ran"
    path, data = folder / "recipe.yaml", folder / "data"
    data.mkdir()
    # Plug-ins are also found in the recipe's folder and the current one; this one shows that it was imported.
    (folder / f"{_CANARY}.py").write_text(f"open({str(ran)!r}, 'w').close()\n\ndef main(*_, **__):\n    pass\n")
    with Worker(task, limits, found_in=folder) as worker:
        for kind, content in rounds(lambda: hostile_recipes(draw, ran), more, lambda one: not kinds or one[0] in kinds):
            path.write_bytes(content)
            fault = refused(worker.ask(["train", str(path), "--data", str(data), "--check", "--device", "cpu"]))
            if ran.exists():
                ran.unlink()
                fault = "it ran what the recipe names"
            if fault:
                audit.found(PART, kind, fault, ("recipe.yaml", content))
            else:
                audit.count(PART, kind, "refused")
