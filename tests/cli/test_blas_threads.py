"""The command keeps numpy's BLAS to one thread, unless the user says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import os, sys
import restore.cli.main as cli
from restore.cli.main import main
assert "numpy" not in sys.modules, "it would have started its threads"
cli.run_and_leave = lambda run: print(os.environ["OPENBLAS_NUM_THREADS"])
sys.argv[1:] = ["models"]
main(prog_name="restore")
"""


@pytest.mark.parametrize(("given", "wanted"), [(None, "1"), ("3", "3")])
def test_blas_has_one_thread(given: str | None, wanted: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment |= {"OPENBLAS_NUM_THREADS": given} if given else {}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{wanted}\n"
