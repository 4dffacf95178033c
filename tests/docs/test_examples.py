"""The files in docs/examples are what their programs take: each is checked by the program's own schema or parser."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from restore.cli.main import main

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
PAGE = (EXAMPLES.parent / "machines.md").read_text("utf-8")
needs_shell = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
# The options of sbatch that stand in the example, with what their values are, by its manual.
_SBATCH = {
    "array": r"\d+-\d+(%\d+)?",
    "cpus-per-task": r"\d+",
    "job-name": r"\w+",
    "mem": r"\d+[KMGT]?",
    "open-mode": r"append|truncate",
    "output": r"[\w.%-]+",
    "requeue": None,
    "signal": r"([RB]:)?\w+(@\d+)?",
    "time": r"(\d+-)?\d+(:\d+){0,2}",
}


def load(name: str) -> Any:
    text = (EXAMPLES / name).read_text("utf-8")
    return json.loads(text) if name.endswith(".json") else yaml.safe_load(text)


def asked(tmp_path: Path, script: str, **environment: object) -> list[list[str]]:
    """What a shell script calls restore with; each call is parsed as the command line would."""
    for name, does in (("restore", 'printf "%s\\n" "$*" >> "$CALLS"'), ("srun", 'exec "$@"')):
        stand_in = tmp_path / name
        stand_in.write_text(f"#!/bin/sh\n{does}\n")
        stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    calls = tmp_path / "calls"
    given = {name: str(value) for name, value in environment.items()}
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["bash", "-c", script, "script", "/shared/photos", "/shared/large"],
        env={**given, "PATH": path, "CALLS": str(calls)},
        check=True,
        timeout=60,
    )
    found = [shlex.split(line) for line in calls.read_text().splitlines()]
    enhance = main.get_command(click.Context(main), "enhance")
    assert enhance is not None
    for name, *arguments in found:
        assert name == "enhance"
        enhance.make_context("enhance", arguments)
    return found


def shards(calls: list[list[str]]) -> list[str]:
    return [call[call.index("--shard") + 1] for call in calls]


def test_the_page_names_every_file() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == set(re.findall(r"\(examples/([^)]+)\)", PAGE))


@needs_shell
def test_slurm(tmp_path: Path) -> None:
    text = (EXAMPLES / "slurm.sh").read_text("utf-8")
    lines = text.splitlines()
    directives = [i for i, line in enumerate(lines) if line.startswith("#SBATCH")]
    first_command = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    assert max(directives) < first_command, "sbatch reads no directive behind the first command"
    for i in directives:
        named = re.fullmatch(r"#SBATCH --([a-z-]+)(?:=(\S+))?", lines[i])
        assert named, lines[i]
        form = _SBATCH[named[1]]
        assert named[2] is None if form is None else re.fullmatch(form, named[2] or ""), lines[i]
    (array,) = re.findall(r"--array=(\d+)-(\d+)", text)
    told = {"SLURM_ARRAY_TASK_MIN": array[0], "SLURM_ARRAY_TASK_COUNT": int(array[1]) - int(array[0]) + 1}
    more = {"SLURM_CPUS_PER_TASK": 2, "SLURM_ARRAY_JOB_ID": 7}
    for task, shard in ((array[0], "1/32"), (array[1], "32/32")):
        calls = asked(tmp_path, text, SLURM_ARRAY_TASK_ID=task, **told, **more)
        assert shards(calls)[-1] == shard


@needs_shell
def test_kubernetes(tmp_path: Path) -> None:
    job = load("kubernetes-job.yaml")
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install '.[dev]'")
    kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
    spec = job["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert container["name"] == spec["podFailurePolicy"]["rules"][1]["onExitCodes"]["containerName"]
    calls = asked(tmp_path, container["args"][0], JOB_COMPLETION_INDEX=spec["completions"] - 1)
    assert shards(calls) == [f"{spec['completions']}/{spec['completions']}"]


@needs_shell
def test_aws_batch(tmp_path: Path) -> None:
    pytest.importorskip("botocore", reason="pip install '.[dev]'")
    from botocore.loaders import create_loader
    from botocore.model import ServiceModel
    from botocore.validate import validate_parameters

    service = ServiceModel(create_loader().load_service_model("batch", "service-2"))
    definition, job = load("aws-batch-definition.json"), load("aws-batch-job.json")
    validate_parameters(definition, service.operation_model("RegisterJobDefinition").input_shape)
    validate_parameters(job, service.operation_model("SubmitJob").input_shape)
    with pytest.raises(Exception, match="Unknown parameter"):  # or the check would say nothing
        validate_parameters({**job, "shards": 3}, service.operation_model("SubmitJob").input_shape)
    container = definition["containerProperties"]
    told = {one["name"]: one["value"] for one in container["environment"]}
    size = job["arrayProperties"]["size"]
    assert job["jobDefinition"] == definition["jobDefinitionName"]
    calls = asked(tmp_path, container["command"][2], AWS_BATCH_JOB_ARRAY_INDEX=0, AWS_BATCH_JOB_ARRAY_SIZE=size, **told)
    assert shards(calls) == [f"1/{size}"]
    assert calls[0][1:3] == ["s3://bucket/photos", "s3://bucket/large"]


@needs_shell
def test_skypilot(tmp_path: Path) -> None:
    """SkyPilot needs another version of click, so that its schema is only looked at where it is installed."""
    task = load("skypilot.yaml")
    if importlib.util.find_spec("sky") is not None:
        import jsonschema
        from sky.utils.schemas import get_task_schema

        jsonschema.validate(task, get_task_schema())
    assert set(task) == {"name", "num_nodes", "resources", "envs", "setup", "run"}
    nodes, found = task["num_nodes"], []
    for rank in range(nodes):
        found += asked(tmp_path, task["run"], SKYPILOT_NODE_RANK=rank, SKYPILOT_NUM_NODES=nodes, **task["envs"])
        (tmp_path / "calls").unlink()
    assert sorted(shards(found), key=lambda shard: int(shard.split("/")[0])) == [f"{i}/32" for i in range(1, 33)]


def test_ray_cluster() -> None:
    spec = importlib.util.find_spec("ray")  # to import it takes seconds
    assert spec is not None, "pip install '.[dev]'"
    assert spec.origin is not None
    import jsonschema

    cluster = load("ray-cluster.yaml")
    schema = json.loads((Path(spec.origin).parent / "autoscaler/ray-schema.json").read_text("utf-8"))
    jsonschema.validate(cluster, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**cluster, "shards": 3}, schema)
    assert cluster["head_node_type"] in cluster["available_node_types"]
    text = (EXAMPLES / "ray-cluster.yaml").read_text("utf-8")
    (command,) = re.findall(r'"restore (enhance .*)"', text)
    enhance = main.get_command(click.Context(main), "enhance")
    assert enhance is not None
    enhance.make_context("enhance", command.split()[1:])
