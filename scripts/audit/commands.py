"""Commands of restore inside a worker, and what must hold of every one that is given something hostile."""

from __future__ import annotations

import re
import time

from .worker import Answer

_SECRETS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def command(arguments: list[str]) -> Answer:
    """Run a command, such as ``["verify", "model.onnx"]``.

    Returns:
        ``code``, ``said`` (both streams) and ``seconds``; ``fault`` if an exception got through or a control character.
    """
    from click.testing import CliRunner

    from restore.cli.main import main

    began = time.monotonic()
    result = CliRunner().invoke(main, arguments, prog_name="restore")
    answer: Answer = {"code": result.exit_code, "said": result.output, "seconds": time.monotonic() - began}
    if isinstance(result.exception, MemoryError):
        answer["fault"] = "not enough memory"
    elif result.exception is not None and not isinstance(result.exception, SystemExit):
        answer["fault"] = f"an exception got through: {result.exception!r}"
    elif "Traceback" in result.output:
        answer["fault"] = f"it says: {result.output}"
    elif _SECRETS.search(result.output):
        answer["fault"] = f"control characters: {result.output!r}"
    return answer


def refused(answer: Answer) -> str:
    """What is wrong with an answer that should be a refusal in our words; empty if nothing."""
    if answer.get("fault"):
        return str(answer["fault"])
    if answer["code"] not in (1, 2):
        return f"exit code {answer['code']}: {answer['said']}"
    return (
        ""
        if re.search(r"^(restore|Error|failed): \S", answer["said"], re.MULTILINE)
        else f"no message: {answer['said']}"
    )
