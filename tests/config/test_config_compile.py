"""A jobs file compiled for where no YAML is read."""

import subprocess
import sys

import pytest

from heartbeat.config import read
from heartbeat.config.compile import main
from heartbeat.config.declared import compiled, load
from heartbeat.errors import BadConfig

TEXT = """
defaults: {timezone: Asia/Tokyo, notify: [ops]}
channels:
  ops: {slack: {webhook: "${ssm:/heartbeat/slack}"}}
jobs:
  backup:
    schedule: ["0 9 * * *", "0 18 * * *"]
    evidence: {key: "b/{date:%Y-%m-%d}", min_size: 10MB}
    metrics: {rows: {min: 1}}
    sources: [{step_functions: {state_machine: nightly}}]
  settle:
    schedule: "30 3 * * *"
    max_runtime: 1h
    overlap: queue
    trigger:
      ecs:
        {task_definition: t, container: app, command: [a, b], environment: {A: "1"}, log: {group: g, prefix: p}}
"""


def test_what_is_compiled_says_the_same(tmp_path):
    config = read(TEXT)
    (tmp_path / "jobs.json").write_bytes(compiled(config))
    assert load(tmp_path / "jobs.json") == config
    assert b"${ssm:/heartbeat/slack}" in compiled(config)


def test_a_file_with_mistakes_compiles_to_nothing_and_says_them_all(tmp_path, capsys):
    source, target = tmp_path / "jobs.yaml", tmp_path / "jobs.json"
    source.write_text("jobs:\n  a: {schedule: '61 * * * *'}\n  b: {schedul: '0 9 * * *'}\n")
    assert main(str(source), str(target)) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line.removeprefix(f"{source}:").partition(" ")[0] for line in told] == ["2:17:", "3:6:", "3:7:"]
    assert not target.exists()


def test_a_triggered_job_whose_schedule_eventbridge_cannot_say_is_refused(tmp_path, capsys):
    """On one machine it may be so; what is compiled is for AWS."""
    source, target = tmp_path / "jobs.yaml", tmp_path / "jobs.json"
    trigger = "trigger: {http: {url: https://x.example}}"
    text = 'defaults: {{timezone: UTC, notify: []}}\njobs:\n  a: {{schedule: "*-*-* 09:00:30", max_runtime: 1h{}}}\n'
    source.write_text(text.format(f", {trigger}"))
    assert main(str(source), str(target)) == 2
    assert capsys.readouterr().err == (
        "jobs.a.schedule: expression: '*-*-* 09:00:30' has seconds, and EventBridge has none; "
        "let it begin at a full minute\n"
    )
    source.write_text(text.format(""))
    assert main(str(source), str(target)) == 0


@pytest.mark.parametrize("text", [None, "", "[]", '{"name": 3}'])
def test_what_was_not_compiled_here_is_refused(tmp_path, text):
    path = tmp_path / "jobs.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadConfig, match=r"no compiled jobs file \(.+\); build the function again"):
        load(path)


def test_a_compiled_file_is_read_without_yaml(tmp_path):
    (tmp_path / "jobs.json").write_bytes(compiled(read(TEXT)))
    program = (
        "import sys; sys.modules['yaml'] = None\n"
        "from heartbeat.config.declared import load\n"
        "import heartbeat.verbs.apply\n"
        "print(load(sys.argv[1]).jobs[0].slug)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "jobs.json")], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "backup\n"
