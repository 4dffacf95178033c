"""What is measured in NumPy needs no torch, nor anything else of the extras."""

from __future__ import annotations

import subprocess
import sys


def test_no_metric_but_the_learned_ones_imports_torch() -> None:
    code = (
        "import importlib, pkgutil, sys\n"
        "import restore.metrics as package\n"
        "for module in pkgutil.walk_packages(package.__path__, 'restore.metrics.'):\n"
        "    if '.learned' not in module.name:\n"
        "        importlib.import_module(module.name)\n"
        "print(sorted({'torch', 'torchvision', 'basicsr', 'torchmetrics', 'lpips', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
