"""Management keys, and stores that are no file."""

import boto3
import pytest
from moto import mock_aws

from heartbeat.store.address import Table, read
from heartbeat.store.dynamodb_call import boto3_call, create_table


class TestKeys:
    def test_a_key_is_shown_once_and_kept_as_a_hash(self, machine):
        made = machine.json("key", "add", "grafana", "--read-only", when="2026-11-22T09:00")
        assert (made["name"], made["rights"], made["key"][:4], len(made["key"])) == ("grafana", "read", "hbm_", 31)
        assert machine.json("key", "list") == {
            "keys": [{"name": "grafana", "rights": "read", "created": "2026-11-22T09:00:00Z"}]
        }
        with machine.store as store:
            assert made["key"] not in str(store.document("management-keys").value)

    def test_a_key_that_is_taken_away_is_gone(self, machine):
        machine.run("key", "add", "me", when="2026-11-22T09:00")
        assert machine.run("key", "remove", "me")[:2] == (0, "the key of me opens nothing any more\n")
        assert machine.json("key", "list") == {"keys": []}

    @pytest.mark.parametrize(
        ("argv", "told"),
        [
            (("key", "add"), "write `key add NAME`"),
            (("key", "list", "me"), "write `key add NAME`"),
            (("key", "add", "\n"), "is no name for a key"),
            (("key", "remove", "nobody"), "there is no key of the name 'nobody'"),
            (("key", "add", "me"), "there is a key of the name 'me' already"),
        ],
    )
    def test_what_cannot_be_done_is_said(self, machine, argv, told):
        machine.run("key", "add", "me", when="2026-11-22T09:00")
        status, _, err = machine.run(*argv)
        assert (status, told in err) == (2, True)


class TestAddress:
    @pytest.mark.parametrize(
        ("address", "place"),
        [
            ("dynamodb://hb-Table-1A2B", Table(name="hb-Table-1A2B")),
            ("dynamodb://t?region=eu-west-1&shards=4", Table(name="t", region="eu-west-1", shards=4)),
            ("dynamodb://t?profile=ops", Table(name="t", profile="ops")),
        ],
    )
    def test_of_a_table(self, address, place):
        assert read(address) == place

    @pytest.mark.parametrize("address", ["some/heartbeat.db", "sqlite:///some/heartbeat.db"])
    def test_of_a_file(self, address):
        assert str(read(address)) == "some/heartbeat.db"

    @pytest.mark.parametrize(
        ("address", "told"),
        [
            ("redis://x", "'redis://x' is no store; write it like dynamodb://my-table"),
            ("dynamodb://", "a table's name is missing"),
            ("dynamodb://t/more", "is no store"),
            ("dynamodb://t?regoin=x", "there is no 'regoin', only region, profile, shards"),
            ("dynamodb://t?shards=0", "shards is '0'; give a number from 1 to 1000"),
        ],
    )
    def test_that_is_none(self, machine, address, told):
        status, _, err = machine.run("--store", address, "status")
        assert (status, told in err) == (2, True)


@pytest.fixture
def aws(monkeypatch):
    """A table as a stack has it, and credentials for it."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        create_table(boto3_call(boto3.client("dynamodb")), "hb-table")
        yield "dynamodb://hb-table"


class TestTable:
    def test_every_command_works_on_a_table(self, machine, aws):
        machine.now = 0
        status, out, _ = machine.run("--store", aws, "apply", when="2026-11-22T09:00")
        assert (status, "daily-report" in out) == (0, True)
        assert machine.run("plan", "--store", aws)[0] == 0
        shown = machine.json("status", f"--store={aws}")
        assert [job["job"] for job in shown["jobs"]] == ["backup", "daily-report", "worker"]
        assert machine.run("pause", "backup", "--for", "2h", "--store", aws)[0] == 0
        assert machine.json("explain", "backup", "--store", aws)["status"] == "paused"
        assert machine.run("resume", "backup", "--store", aws)[0] == 0
        assert machine.run("silence", "back*", "--for", "1h", "--store", aws)[0] == 0
        assert machine.run("tick", "--store", aws)[0] == 0
        assert "the table hb-table opens" in machine.run("doctor", "--store", aws)[1]
        assert not (machine.folder / "heartbeat.db").exists()

    def test_the_variable_names_it_too(self, machine, aws, monkeypatch):
        monkeypatch.setenv("HEARTBEAT_STORE", aws)
        assert machine.run("apply", when="2026-11-22T09:00")[0] == 0
        assert not (machine.folder / "heartbeat.db").exists()

    def test_a_table_that_is_not_there_is_not_made(self, machine, aws):
        status, _, err = machine.run("--store", f"{aws}-2", "apply", when="2026-11-22T09:00")
        assert (status, "check the table's name, the account and the region" in err) == (3, True)
        assert boto3.client("dynamodb").list_tables()["TableNames"] == ["hb-table"]

    def test_without_a_region(self, machine, monkeypatch, tmp_path):
        for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        status, _, err = machine.run("--store", "dynamodb://t", "status")
        assert (status, "set AWS_REGION" in err) == (2, True)

    def test_without_credentials(self, machine, monkeypatch, tmp_path):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        status, _, err = machine.run("--store", "dynamodb://t?region=eu-west-1", "status")
        assert (status, "there are no AWS credentials" in err) == (2, True)

    def test_a_profile_that_there_is_not(self, machine):
        status, _, err = machine.run("--store", "dynamodb://t?region=eu-west-1&profile=no-such", "status")
        assert (status, "no-such" in err) == (2, True)
