"""Stores that are no file: their addresses, and every command on a table."""

import boto3
import pytest
from machine import CREDENTIALS

from heartbeat.store.address import Table, read


class TestAddress:
    @pytest.mark.parametrize(
        ("address", "place"),
        [
            ("dynamodb://hb-Table-1A2B", Table(name="hb-Table-1A2B")),
            ("dynamodb://hb.t/?region=eu-west-1&shards=4", Table(name="hb.t", region="eu-west-1", shards=4)),
            ("dynamodb://hb_t?profile=ops", Table(name="hb_t", profile="ops")),
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
            ("redis://x", "'redis://x' is not a store; write it like dynamodb://my-table"),
            ("dynamodb://", "a table's name has 3 to 255 letters"),
            ("dynamodb://[", "Invalid IPv6 URL"),
            ("dynamodb://me:secret@table:80", "a table's name has"),
            ("dynamodb://table/more", "a table's name has"),
            ("dynamodb://table#more", "a table's name has"),
            ("dynamodb://table?regoin=x", "there is no 'regoin', only region, profile, shards"),
            ("dynamodb://table?region", "region is empty"),
            ("dynamodb://table?shards=0", "shards is '0'; give a number from 1 to 1000"),
            ("dynamodb://table?shards=" + "9" * 5_000, "give a number from 1 to 1000"),
            ("dynamodb://table?shards=٣", "give a number from 1 to 1000"),
        ],
    )
    def test_that_is_none(self, machine, address, told):
        status, out, err = machine.run("--store", address, "status")
        assert (status, out, len(err.splitlines())) == (2, "", 1)
        assert told in err

    def test_and_a_database_are_one_too_many(self, machine):
        status, _, err = machine.run("status", "--store", "dynamodb://table", "--db", "heartbeat.db")
        assert (status, "not allowed with argument" in err) == (2, True)

    def test_that_is_no_text(self, machine):
        status, _, err = machine.run("pause", "backup", "--reason", "\udcff")
        assert (status, err) == (2, "heartbeat: '\\udcff' is not written in UTF-8\n")


class TestTable:
    def test_a_file_is_applied_to_it(self, machine, aws):
        status, out, _ = machine.run("--store", aws, "apply", when="2026-11-22T09:00")
        assert (status, "daily-report" in out) == (0, True)
        assert machine.run("plan", "--store", aws)[:2] == (0, "nothing to do, 3 unchanged\n")
        assert not (machine.folder / "heartbeat.db").exists()

    def test_the_variable_names_it_too_and_options_go_first(self, machine, aws, monkeypatch):
        monkeypatch.setenv("HEARTBEAT_STORE", aws)
        machine.run("apply", when="2026-11-22T09:00")
        assert not (machine.folder / "heartbeat.db").exists()
        machine.run("apply", "--db", "other.db")
        assert (machine.folder / "other.db").exists()

    def test_keys_are_kept_in_it(self, machine, aws):
        made = machine.json("key", "add", "grafana", "--read-only", "--store", aws, when="2026-11-22T09:00")
        assert made["key"].startswith("hbm_")
        listed = machine.json("key", "list", "--store", aws)["keys"]
        assert listed == [{"name": "grafana", "rights": "read", "created": "2026-11-22T09:00:00Z"}]

    def test_doctor_looks_at_it(self, night_on_a_table):
        status, out, _ = night_on_a_table.run("doctor")
        assert (status, "ok       database: the table hb-table opens" in out) == (1, True)
        assert "alerts: 1 wait, the oldest for 50 min; is the function …-checker of its stack running?" in out
        _, out, _ = night_on_a_table.run("doctor", when="2026-11-22T02:00")
        assert "clock: the last sweep was 1 h 2 min ago: is the function …-checker of its stack running?" in out

    def test_a_file_of_others_leaves_its_jobs_alone(self, night_on_a_table):
        night_on_a_table.write("name: laptop\njobs: {mine: {schedule: every 1h, notify: []}}\n")
        assert night_on_a_table.json_of("apply")["added"] == ["mine"]
        shown = [job["job"] for job in night_on_a_table.json("status")["jobs"]]
        assert sorted(shown) == ["backup", "daily-report", "mine", "worker"]


class TestTick:
    def test_sweeps_and_sends(self, night_on_a_table):
        night_on_a_table.run("resume", "worker")
        found = night_on_a_table.json_of("tick", when="2026-11-22T01:02")
        assert (found["sent"], found["failed"], found["dead"]) == (1, 0, 0)

    def test_with_a_file_that_lacks_a_channel_nothing_dies(self, night_on_a_table):
        night_on_a_table.write("channels: {other: {console: {}}}\njobs: {}\n")
        status, out, _ = night_on_a_table.run("tick", when="2026-11-22T01:02")
        assert (status, "1 failed" in out) == (3, True)
        (waiting,) = night_on_a_table.json("status")["undelivered"]
        assert (waiting["channel"], waiting["outcome"]) == ("screen", "pending")
        assert waiting["error"] == "no channel named 'screen' in the config"

    def test_looks_for_evidence_on_s3(self, machine, aws, monkeypatch):
        machine.write(
            "defaults: {timezone: UTC, grace: 5m, notify: [screen]}\nchannels: {screen: {console: {}}}\n"
            "jobs: {dump: {schedule: '0 9 * * *', evidence: {bucket: proofs, key: '{date:%Y-%m-%d}'}}}\n"
        )
        monkeypatch.setenv("HEARTBEAT_STORE", aws)
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="proofs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        machine.run("apply", when="2027-01-01T08:58")
        machine.run("tick", when="2027-01-01T09:02")
        day = s3.put_object(Bucket="proofs", Key="2027-01-01", Body=b"rows")
        assert day["ResponseMetadata"]["HTTPStatusCode"] == 200
        found = machine.json_of("tick", when="2027-01-01T09:06")
        assert (found["judged"], found["told"]) == (1, 1)
        assert machine.json("explain", "dump")["slots"][0]["verdict"] == "missed"


class TestWhatIsWrongWithAws:
    @pytest.fixture
    def bare(self, machine, monkeypatch, tmp_path):
        """A machine that knows nothing of AWS."""
        for name in (*CREDENTIALS, "AWS_REGION", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        return machine

    def told(self, machine, address, status=2):
        found, out, err = machine.run("--store", address, "status")
        assert (found, out, len(err.splitlines())) == (status, "", 1)
        return err

    def test_no_region(self, bare):
        err = self.told(bare, "dynamodb://table")
        assert err == ("heartbeat: the AWS region is not known: set AWS_REGION, or write dynamodb://table?region=…\n")

    @pytest.mark.usefixtures("aws")
    def test_a_region_that_is_none(self, machine):
        assert "Provided region_name 'no where'" in self.told(machine, "dynamodb://table?region=no+where")

    def test_no_credentials(self, bare):
        assert "there are no AWS credentials" in self.told(bare, "dynamodb://table?region=eu-west-1")

    def test_a_profile_that_there_is_not(self, bare):
        told = self.told(bare, "dynamodb://table?region=eu-west-1&profile=nobody")
        assert "the AWS credentials cannot be used: The config profile (nobody) could not be found" in told

    def test_an_endpoint_that_is_none(self, bare, monkeypatch):
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
        assert "Invalid endpoint: nonsense" in self.told(bare, "dynamodb://table")

    def test_a_table_that_is_not_there_is_not_made(self, machine, aws):
        status, _, err = machine.run("--store", f"{aws}-2", "apply", when="2026-11-22T09:00")
        told = "there is no table hb-table-2 in eu-west-1; check the table's name, the account and the region"
        assert (status, told in err) == (2, True)
        assert boto3.client("dynamodb").list_tables()["TableNames"] == ["hb-table"]


def test_key_rotate_of_a_stack(night_on_a_table):
    old = night_on_a_table.json("key", "rotate")["key"]
    new = night_on_a_table.json("key", "rotate", "--keep", "1d")
    assert (new["key"] != old, [each["key"] for each in new["before"]]) == (True, [old])
