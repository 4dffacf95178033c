"""Package the code and the model zoo; everything else is said in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    # models/ at the top level becomes restore/zoo/models inside an installed package, where zoo.find looks first.
    packages=[*find_packages(include=["restore", "restore.*"]), "restore.zoo.models"],
    package_dir={"restore": "restore", "restore.zoo.models": "models"},
    package_data={
        "restore.zoo.models": ["*/*.onnx", "*/*.yaml", "*/*.md", "*/*.json"],
        "restore": ["py.typed"],
        "restore.metrics": ["niqe.npz", "niqe.NOTICE"],
        "restore.recipes": ["*.yaml"],
        "restore.runtime": ["graphs/*.onnx"],
        "restore.compare": ["web/*"],
    },
)
