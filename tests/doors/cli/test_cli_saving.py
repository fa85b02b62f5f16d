"""backup and restore: a copy that is whole and private, put back without a mixture of two."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from machine import at

from heartbeat.model import Kind

HOLD = """
import sys
from heartbeat.verbs.operate import pause_job
from heartbeat.store.sqlite.store import SQLiteStore
store = SQLiteStore(sys.argv[1])
pause_job(store, "backup", 1, reason="by the process")
print("open", flush=True)
sys.stdin.read()
store.close()
"""


@pytest.fixture
def night(machine):
    machine.apply("2026-11-20T12:00")
    machine.now = at("2026-11-22T01:02:03")
    return machine


@pytest.fixture
def other_process(night):
    """Has the database open, has paused the job `backup`, and has not checkpointed."""
    db = night.folder / "heartbeat.db"
    with subprocess.Popen([sys.executable, "-c", HOLD, db], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"open\n"
        yield process
        process.kill()


def pauses(path):
    with closing(sqlite3.connect(path)) as db:
        (count,) = db.execute("SELECT count(*) FROM jobs WHERE state LIKE '%by the process%'").fetchone()
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return count


def names(machine):
    return sorted(each.name for each in machine.folder.iterdir())


class TestBackup:
    @pytest.mark.usefixtures("other_process")
    def test_of_a_database_in_use_with_what_is_not_checkpointed(self, night):
        status, out, err = night.run("backup", "copy.db")
        assert (status, err) == (0, "")
        assert out.startswith("copy.db is a copy of heartbeat.db: 3 jobs, ")
        copy = night.folder / "copy.db"
        assert oct(copy.stat().st_mode & 0o777) == "0o600"
        assert pauses(copy) == 1
        assert [name for name in names(night) if "copy" in name] == ["copy.db"]

    def test_as_json(self, night):
        assert night.json("backup", "copy.db") == {
            "database": "heartbeat.db",
            "file": "copy.db",
            "jobs": 3,
            "bytes": (night.folder / "copy.db").stat().st_size,
        }

    def test_overwrites_nothing_unless_told_to(self, night):
        night.write("precious", "copy.db")
        status, _, err = night.run("backup", "copy.db")
        assert status == 2
        assert "copy.db already exists: name another file, or overwrite it with --force" in err
        assert (night.folder / "copy.db").read_text() == "precious"
        assert night.run("backup", "copy.db", "--force")[0] == 0
        assert pauses(night.folder / "copy.db") == 0

    def test_never_over_itself(self, night):
        status, _, err = night.run("backup", "heartbeat.db", "--force")
        assert (status, "is the database itself" in err) == (2, True)

    def test_of_a_damaged_one_leaves_no_file(self, night):
        db = night.folder / "heartbeat.db"
        content = bytearray(db.read_bytes())
        content[4096:8192] = b"\xff" * 4096
        db.write_bytes(content)
        status, _, err = night.run("backup", "copy.db")
        assert (status, "is damaged" in err) == (3, True)
        assert "copy.db" not in " ".join(names(night))

    def test_of_none(self, machine):
        status, _, err = machine.run("backup", "copy.db")
        assert (status, "there is no database heartbeat.db" in err) == (2, True)

    def test_where_it_cannot_be_written(self, night):
        status, _, err = night.run("backup", "nowhere/copy.db")
        assert (status, "there is no folder nowhere; make it" in err) == (2, True)

    def test_of_a_table(self, night):
        status, _, err = night.run("backup", "copy.db", "--store", "dynamodb://jobs?region=eu-west-1")
        assert (status, "jobs is a table" in err) == (2, True)


class TestRestore:
    def test_puts_the_copy_in_place_and_keeps_what_was_there(self, night):
        night.run("backup", "copy.db")
        night.run("pause", "backup", "--reason", "by the process")
        status, out, err = night.run("restore", "copy.db")
        assert (status, err) == (0, "")
        aside = "heartbeat.db.replaced-20261122T010203.000Z"
        assert out == f"heartbeat.db is what copy.db was: 3 jobs, checked; the old one is now {aside}\n"
        assert names(night) == ["copy.db", "heartbeat.db", aside, "jobs.yaml"]
        assert oct((night.folder / "heartbeat.db").stat().st_mode & 0o777) == "0o600"
        assert (pauses(night.folder / "heartbeat.db"), pauses(night.folder / aside)) == (0, 1)
        assert night.run("status")[0] == 1  # the clock stands still, which is all

    def test_beside_the_log_of_a_dead_server(self, night, other_process):
        night.run("backup", "copy.db")
        night.hear("daily-report", "2026-11-22T00:01", kind=Kind.SUCCESS)
        other_process.send_signal(signal.SIGKILL)
        other_process.wait()
        assert (night.folder / "heartbeat.db-wal").stat().st_size > 0
        found = night.json("restore", "copy.db")
        assert found["jobs"] == 3
        assert pauses(night.folder / "heartbeat.db") == 1
        with night.store as store:
            assert [entry.signal for entry in store.history("daily-report", 9)] == []
        aside = night.folder / found["kept_aside"]
        with closing(sqlite3.connect(aside)) as db:  # with its own -wal
            assert db.execute("SELECT count(*) FROM log WHERE entry LIKE '%daily-report%success%'").fetchone() == (1,)

    def test_of_a_backup_laid_over_by_hand(self, night, other_process):
        night.run("backup", "copy.db")
        other_process.send_signal(signal.SIGKILL)
        other_process.wait()
        shutil.copy(night.folder / "copy.db", night.folder / "heartbeat.db")
        status, _, err = night.run("status")
        assert status == 3
        assert "heartbeat.db and the -wal beside it do not belong together" in err
        assert "`heartbeat restore COPY` does it right" in err
        assert night.run("restore", "copy.db")[0] == 0
        assert pauses(night.folder / "heartbeat.db") == 1

    def test_not_while_somebody_has_it_open(self, night, other_process):
        night.run("backup", "copy.db")
        status, _, err = night.run("restore", "copy.db")
        assert status == 3
        assert "heartbeat.db is open in another process: stop the server first" in err
        assert not [name for name in names(night) if "replaced" in name or "part" in name]
        other_process.stdin.close()
        other_process.wait()
        assert night.run("restore", "copy.db")[0] == 0

    def test_where_there_is_none(self, night):
        night.run("backup", "copy.db")
        (night.folder / "heartbeat.db").unlink()
        assert night.json("restore", "copy.db")["kept_aside"] is None
        assert pauses(night.folder / "heartbeat.db") == 0

    @pytest.mark.skipif(os.geteuid() != 0 and "CI" not in os.environ, reason="only root may give files away")
    @pytest.mark.parametrize("there", [True, False])
    def test_by_root_is_the_servers_file(self, night, there):
        night.run("backup", "copy.db")
        db = night.folder / "heartbeat.db"
        owned = db if there else night.folder
        os.chown(owned, 65_534, 65_534)
        if not there:
            db.unlink()
        assert night.run("restore", "copy.db")[0] == 0
        assert (db.stat().st_uid, db.stat().st_gid, db.stat().st_mode & 0o777) == (65_534, 65_534, 0o600)

    @pytest.mark.parametrize(
        ("content", "said"),
        [(b"no database at all" * 99, "is not a SQLite database"), (b"", "is not a Heartbeat database")],
    )
    def test_of_what_is_none(self, night, content, said):
        before = (night.folder / "heartbeat.db").read_bytes()
        (night.folder / "copy.db").write_bytes(content)
        status, _, err = night.run("restore", "copy.db")
        assert (status in {2, 3}, said in err) == (True, True), err
        assert (night.folder / "heartbeat.db").read_bytes() == before
        assert names(night) == ["copy.db", "heartbeat.db", "jobs.yaml"]

    def test_of_one_that_a_newer_version_wrote(self, night):
        night.run("backup", "copy.db")
        with closing(sqlite3.connect(night.folder / "copy.db")) as db:
            db.execute("UPDATE meta SET value = 99 WHERE name = 'schema'")
            db.commit()
        status, _, err = night.run("restore", "copy.db")
        assert (status, "copy.db has schema 99" in err) == (2, True)

    def test_of_nothing(self, night):
        status, _, err = night.run("restore", "copy.db")
        assert (status, "there is no copy.db" in err) == (2, True)

    def test_of_itself(self, night):
        os.link(night.folder / "heartbeat.db", night.folder / "link.db")
        status, _, err = night.run("restore", "link.db")
        assert (status, "is the database itself" in err) == (2, True)


def test_after_a_restore_the_time_since_the_copy_is_told_as_blind_and_no_run_in_it_as_missed(night):
    """As docs/upgrading.md says."""
    night.hear("backup", "2026-11-20T18:03")
    night.alive("2026-11-20T12:00", "2026-11-20T23:58")
    night.run("backup", "copy.db")
    night.alive("2026-11-21T00:02", "2026-11-21T00:06")
    night.run("restore", "copy.db")
    _, out, _ = night.run("tick", when="2026-11-22T08:00")
    assert "BLIND Heartbeat: was not looking from 2026-11-20 23:56 UTC to 08:00 UTC" in out
    assert "MISSED" not in out
