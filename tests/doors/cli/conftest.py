"""Machines as the tests find them: new, after a night, and with its jobs in a table."""

import shutil
from contextlib import contextmanager

import boto3
import pytest
from machine import CREDENTIALS, JOBS, RUN, TABLE, Machine, at
from moto import mock_aws
from stack_table import create_table

from heartbeat.model import Kind
from heartbeat.store.dynamodb.call import boto3_call


@pytest.fixture
def machine(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DB", "STORE", "BUCKET", "CONFIG", "URL", "PING_KEY", "EVIDENCE", "TIMEOUT", "RAISE"):
        monkeypatch.delenv(f"HEARTBEAT_{name}", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    made = Machine(tmp_path, capsys)
    made.write(JOBS)
    return made


def live_through_the_night(machine):
    machine.write(JOBS)
    machine.apply("2026-11-20T23:50")
    machine.alive("2026-11-20T23:50", "2026-11-20T23:58")
    machine.hear("daily-report", "2026-11-21T00:02", kind=Kind.START, run_id=RUN)
    machine.hear("daily-report", "2026-11-21T00:07", run_id=RUN, body="7 rows")
    machine.alive("2026-11-21T00:02", "2026-11-21T17:58")
    machine.hear("backup", "2026-11-21T18:03")
    machine.alive("2026-11-21T18:02", "2026-11-22T00:58")


@pytest.fixture(scope="session")
def told_night(tmp_path_factory):
    """The database of `night`, made once."""
    machine = Machine(tmp_path_factory.mktemp("night"), None)
    live_through_the_night(machine)
    return machine.folder / "heartbeat.db"


@pytest.fixture
def night(machine, told_night):
    """10:00 on the 22nd in Tokyo: the report is missing since 09:10, the backup ran, the worker was never heard of."""
    shutil.copy(told_night, machine.folder)
    machine.now = at("2026-11-22T01:00")
    return machine


@contextmanager
def cloud(monkeypatch):
    """An account on AWS with a table as a stack has it, and this machine with credentials for it."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr("heartbeat.store.address.HANDS", 1)  # moto copies a table while other threads write to it
    with mock_aws():
        create_table(boto3_call(boto3.client("dynamodb")), TABLE)
        yield f"dynamodb://{TABLE}"


@pytest.fixture
def aws(monkeypatch):
    with cloud(monkeypatch) as address:
        yield address


@pytest.fixture(scope="session")
def told_night_on_a_table(tmp_path_factory):
    """The items of the table of the same night."""
    with pytest.MonkeyPatch.context() as monkeypatch, cloud(monkeypatch):
        live_through_the_night(Machine(tmp_path_factory.mktemp("night"), None, table=TABLE))
        return boto3.client("dynamodb").scan(TableName=TABLE)["Items"]


@pytest.fixture
def night_on_a_table(machine, told_night_on_a_table, aws, monkeypatch):
    """The same night, seen from a laptop that has only the table's name."""
    for item in told_night_on_a_table:
        boto3.client("dynamodb").put_item(TableName=TABLE, Item=item)
    monkeypatch.setenv("HEARTBEAT_STORE", aws)
    machine.now, machine.table = at("2026-11-22T01:00"), TABLE
    yield machine
    assert not (machine.folder / "heartbeat.db").exists()


@pytest.fixture(params=["night", "night_on_a_table"])
def either_night(request):
    """The night, wherever it is kept."""
    return request.getfixturevalue(request.param)
