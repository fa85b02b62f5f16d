"""What the functions hold: everything they need, and nothing else."""

import re
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

from building import build

from heartbeat.config import read, read_file
from heartbeat.config.declared import load

ROOT = Path(__file__).parents[2]


def names_below(folder):
    return {path.name for path in folder.iterdir()}


def test_it_holds_what_it_needs_and_nothing_else(built):
    packages = {name for name in names_below(built) if not name.endswith(".dist-info") and name != "__pycache__"}
    assert packages == {
        "aws_lambda_powertools",
        "dateutil",
        "heartbeat",
        "jmespath",
        "jobs.json",
        "msgspec",
        "six.py",
        "slack",
        "slack_sdk",
        "typing_extensions.py",
        "tzdata",
    }
    ours = {path.relative_to(built / "heartbeat").as_posix() for path in (built / "heartbeat").rglob("*.py")}
    assert "doors/lambdas/ping.py" in ours
    assert [name for name in ours if "test" in name or name.startswith(("doors/cli", "store/sqlite"))] == []


def test_compiled_wheels_are_there_for_both_architectures(built):
    found = {path.name.rpartition("-linux")[0].rpartition("-")[2] for path in (built / "msgspec").glob("_core.*.so")}
    assert found == {"aarch64", "x86_64"}


def test_bytecode_is_there_and_is_not_checked_against_the_source(built):
    sources = [path for path in built.rglob("*.py") if "slack/" not in path.as_posix()]
    assert len(sources) > 100
    for source in sources:
        [compiled] = (source.parent / "__pycache__").glob(f"{source.stem}.{sys.implementation.cache_tag}.pyc")
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 1, source  # PEP 552: hash-based, unchecked


def test_the_jobs_travel_compiled(built):
    assert b'"daily-report"' in (built / "jobs.json").read_bytes()


def test_the_example_for_aws_has_no_doubts():
    config = read_file(ROOT / "examples" / "jobs-on-aws.yaml")
    assert (config.warnings, len(config.jobs)) == ((), 3)


def test_the_jobs_on_the_page_about_deploying_can_be_read():
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE | re.DOTALL)
    assert [[job.slug for job in read(block).jobs] for block in blocks if ".github/" not in block] == [
        ["daily-report"],
        ["heartbeat-in-frankfurt"],
    ]


def test_the_page_about_deploying_names_outputs_and_parameters_that_there_are():
    template = (ROOT / "infra" / "template.yaml").read_text()
    names = re.findall(
        r"`([A-Z][a-zA-Z]+)`", (ROOT / "docs" / "deploy.md").read_text()
    )  # and the namespace of the metrics
    assert [name for name in names if not re.search(rf"^  {name}:$", template, re.MULTILINE)] == ["Heartbeat"]
    assert {"AlertEmail", "ShowPingKey", "WatchdogUrl", "MaxSweepAge", "SecretsPath"} <= set(names)


def test_a_jobs_file_with_a_mistake_is_refused(tmp_path):
    config = tmp_path / "jobs.yaml"
    config.write_text("jobs:\n  backup: {schedule: '61 * * * *'}\n")
    target = tmp_path / "function"
    done = build(target, config)
    assert done.returncode == 1
    assert f"{config}:2:22: jobs.backup.schedule" in done.stderr
    assert not target.exists()


def test_without_a_jobs_file_it_says_what_to_do(tmp_path):
    done = build(tmp_path / "function", tmp_path / "none.yaml")
    assert done.returncode == 1
    assert done.stderr == (
        f"there is no {tmp_path}/none.yaml: copy examples/jobs-on-aws.yaml to jobs.yaml and write your jobs into it, "
        "or name your file with HEARTBEAT_CONFIG\n"
    )


def name_of(requirement):
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower().replace("_", "-")


def closure(wanted):
    found, todo = set(), [name_of(each) for each in wanted]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [name_of(each) for each in requires(name) or [] if "extra ==" not in each]
    return found


def test_requirements_are_those_of_the_extra_at_the_locked_versions():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["lambda"]
    lines = (ROOT / "infra" / "requirements.txt").read_text().splitlines()
    locked = (ROOT / "requirements.lock").read_text().splitlines()
    assert {name_of(line) for line in lines} == closure(wanted)
    assert [line for line in lines if line not in locked] == []
    assert "boto3" not in closure(wanted)


def test_every_extra_says_the_same_bounds_of_dateutil():
    """2.9 to 4: tests/schedule passed on 2.9.0, 3.0.0 and 4.0.0. (boto3 itself holds it below 3 today.)"""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    said = [each for wanted in extras.values() for each in wanted if name_of(each) == "python-dateutil"]
    assert said == ["python-dateutil>=2.9,<5"] * 3


def test_a_folder_of_jobs_files_and_what_they_include_travel_in_the_build(tmp_path):
    folder, more, target = tmp_path / "conf", tmp_path / "conf" / "more", tmp_path / "function"
    more.mkdir(parents=True)
    (folder / "a.yaml").write_text('include: more/*.yaml\njobs: {one: {schedule: "every 1h"}}\n')
    (more / "b.yaml").write_text('jobs: {two: {schedule: "every 1h"}}\n')
    assert build(target, folder).returncode == 0
    assert [job.slug for job in load(target / "jobs.json").jobs] == ["one", "two"]
    (more / "b.yaml").write_text('jobs: {three: {schedule: "every 1h"}}\n')
    assert build(target, folder).returncode == 0
    assert [job.slug for job in load(target / "jobs.json").jobs] == ["one", "three"]
    (more / "b.yaml").write_text("jobs: {three: {}}\n")
    assert "b.yaml:1:15:" in build(target, folder).stderr
