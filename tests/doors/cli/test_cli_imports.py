"""What each command loads, and must not: a command is as slow to start as what it imports. Nothing here is timed."""

import subprocess
import sys

import pytest
from receiver import Receiver, listening

from heartbeat.doors.cli.commands import COMMANDS

SDKS = {"boto3", "botocore", "rich", "slack_sdk", "uvicorn"}
WEB = {"email", "http.client", "socket", "ssl", "urllib.request"}
ODD = {"asyncio", "concurrent.futures", "difflib", "importlib.metadata", "logging", "shutil", "subprocess", "tempfile"}
"""What takes milliseconds to load, of the standard library, and what only some commands have a use for."""
SERVICE = {"msgspec", "typing", "dataclasses", "inspect", "json", "hashlib", "sqlite3", "unicodedata", "uuid", "yaml"}
DOOR = {f"heartbeat.doors{name}" for name in ("", ".cli", ".cli.commands", ".cli.parser", ".cli.ping_exec")}
CLIENT = {"heartbeat", "heartbeat.client", "heartbeat.errors"}
NEEDS = {
    "status": {"sqlite3"},
    "explain daily-report": {"sqlite3"},
    "runs daily-report": {"sqlite3"},
    "next @daily": set(),
    "check": {"yaml"},
    "plan": {"sqlite3", "yaml"},
    "apply": {"sqlite3", "yaml"},
    "pause daily-report --for 1h": {"sqlite3"},
    "silence daily-report --for 1h": {"sqlite3"},
    "key list": {"sqlite3"},
    "systemd": set(),
    "tick": {"concurrent.futures", "logging", "sqlite3", "yaml"},
    "backup copy.db": {"sqlite3"},
    "import crontab cron.txt": {"shutil", "subprocess", "yaml"},
    "ping --help": {"shutil"},
    "serve --help": {"shutil"},
    "worker --help": {"shutil"},
    "run --help": {"shutil", "sqlite3"},
    "doctor --help": {"shutil", "tempfile", *WEB},
}
"""A command as it is typed, and what it may load of what is heavy."""
CODE = """
import sys
from heartbeat.doors.cli import main
try:
    status = main(sys.argv[1:])
finally:
    sys.stderr.write(" ".join(["\\n", str(status), *sys.modules]))
"""


@pytest.fixture
def loaded(machine):
    """The modules that a command has loaded, once it has done its work."""

    def run(*argv):
        done = subprocess.run(
            [sys.executable, "-c", CODE, *argv], cwd=machine.folder, capture_output=True, text=True, check=True
        )
        status, *modules = done.stderr.splitlines()[-1].split()
        assert status in {"0", "1"}, done.stderr
        return set(modules)

    machine.apply("2026-11-22T09:00")
    (machine.folder / "cron.txt").write_text("0 9 * * * /bin/report\n")
    return run


@pytest.mark.parametrize("command", ["ping j", "exec j -- true", "exec --no-output --lock j -- true"])
def test_a_job_loads_the_client_and_the_door_to_it(loaded, monkeypatch, command):
    with listening(Receiver()) as server:
        monkeypatch.setenv("HEARTBEAT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HEARTBEAT_STATE", "state")
        monkeypatch.setenv("HEARTBEAT_PING_KEY", "a-ping-key-0000000000")
        modules = loaded(*command.split())
    assert len(server.asked) == (1 if command == "ping j" else 2)
    assert {name for name in modules if name.partition(".")[0] == "heartbeat"} == CLIENT | DOOR
    given = {"socket", "subprocess"}
    assert modules & (SDKS | WEB | ODD | SERVICE) - given == set()


@pytest.mark.parametrize("command", ["--version", "--help", ""])
def test_what_is_said_without_a_job_loads_nothing_of_the_service(loaded, command):
    modules = loaded(*command.split())
    needs = {"importlib.metadata"} if command == "--version" else set()
    assert modules & (SDKS | {"msgspec", "sqlite3", "yaml", "http.client", "ssl", "importlib.metadata"}) == needs


@pytest.mark.parametrize("command", NEEDS)
def test_a_command_loads_what_it_uses(loaded, command):
    heavy = SDKS | WEB | ODD | {"sqlite3", "yaml"}
    assert loaded(*command.split()) & heavy <= NEEDS[command]


def test_every_command_is_asked():
    asked = {command.split()[0] for command in NEEDS} | {"exec"}
    others = {"ack", "rerun", "restore", "resume"}  # each in the module of another one
    assert asked | others == set(COMMANDS)
