"""The database under a running server: deleted, moved, replaced, written over. No 200 for what is written nowhere."""

import json
import shutil
import sqlite3
from contextlib import closing

from served import until

from heartbeat.doors.cli import main as cli
from heartbeat.store.sqlite.store import SQLiteStore


def health(server):
    answer = server.ask("GET", "/healthz")
    return answer.status, json.loads(answer.body)["illnesses"].get("database", "")


def bodies(path, slug="backup"):
    with closing(SQLiteStore(path)) as store:
        return {entry.signal.body for entry in store.history(slug, 1000) if entry.signal}


def ping(server, body):
    return server.ping("backup", "POST", body.encode()).status


def is_unwell(server):
    until(lambda: health(server)[1])
    status, text = health(server)
    assert status == 503
    return text


def test_deleted_refused_said_and_put_back(serve, door, tmp_path):
    with serve(HEARTBEAT_DOOR=door) as server:
        assert ping(server, "before") == 200
        server.db.rename(tmp_path / "away")
        assert [ping(server, f"lost-{n}") for n in range(5)] == [503] * 5
        assert "is gone: it was deleted, moved or replaced" in is_unwell(server)
        assert not server.db.exists()
        (tmp_path / "away").rename(server.db)
        until(lambda: health(server) == (200, ""))
        assert ping(server, "after") == 200
        assert server.stop() == 0
        assert {"before", "after"} <= bodies(server.db)
        assert server.log.count("the database does not answer; pings get 503 until it does") == 1
        assert server.log.count("the database answers again") == 1


def test_a_silent_server_notices_with_its_next_sweep(serve):
    with serve() as server:
        server.db.unlink()
        assert "was deleted, moved or replaced" in is_unwell(server)
        assert "something is in the way" in server.log


def test_replaced_by_another_it_goes_on_with_that_and_applies_the_file(serve, tmp_path):
    with serve() as server:
        assert ping(server, "before") == 200
        with closing(SQLiteStore(tmp_path / "empty.db")):
            pass
        (tmp_path / "empty.db").replace(server.db)
        assert ping(server, "lost") == 503
        until(lambda: ping(server, "after") == 200)
        until(lambda: health(server) == (200, ""))
        assert server.stop() == 0
        assert bodies(server.db) == {"after"}


def test_a_copy_written_over_it_is_not_answered_from_nor_spoilt(serve, tmp_path):
    with serve() as server:
        assert ping(server, "before") == 200
        with closing(SQLiteStore(tmp_path / "copy.db")):
            pass
        shutil.copyfile(tmp_path / "copy.db", server.db)
        assert ping(server, "lost") == 503
        assert "overwritten while it was open: stop the server" in is_unwell(server)
        server.stop()
        assert server.db.read_bytes() == (tmp_path / "copy.db").read_bytes()


def test_nothing_answered_is_lost_while_it_comes_and_goes(serve, door, tmp_path):
    with serve(HEARTBEAT_DOOR=door) as server:
        taken = set()
        for turn in range(4):
            for number in range(20):
                body = f"{turn}-{number}"
                if ping(server, body) == 200:
                    taken.add(body)
            server.db.rename(tmp_path / "away")
            assert ping(server, f"{turn}-lost") == 503
            (tmp_path / "away").rename(server.db)
            until(lambda: ping(server, f"{turn}-back") == 200)  # noqa: B023 - called at once
        assert server.stop() == 0
        assert taken - bodies(server.db) == set()
        assert len(taken) >= 77


def test_others_cannot_read_it(serve):
    with serve() as server:
        assert ping(server, "before") == 200
        files = [server.db.with_name(f"heartbeat.db{ending}") for ending in ("", "-wal", "-shm")]
        assert [oct(file.stat().st_mode & 0o777) for file in files] == ["0o600"] * 3
        server.stop()
        server.db.chmod(0o644)
    with serve() as again:
        assert "others could read the database" in again.log
        assert oct(again.db.stat().st_mode & 0o777) == "0o600"


def test_a_pair_that_does_not_belong_together_is_refused(serve, tmp_path):
    with serve() as server:
        server.stop()
        shutil.copy(server.db, tmp_path / "copy.db")
    with serve() as server:
        assert {ping(server, f"later-{n}") for n in range(20)} == {200}
        server.stop(9)
        shutil.copy(tmp_path / "copy.db", server.db)
    with serve() as again:
        assert again.stop() == 3
        assert "heartbeat.db and the -wal beside it do not belong together" in again.log
    with closing(sqlite3.connect(f"file:{server.db}?immutable=1", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_backup_is_restored_under_a_server_whose_database_was_deleted(serve, tmp_path):
    with serve() as server:
        assert ping(server, "before") == 200
        assert cli(["backup", str(tmp_path / "copy.db"), "--db", str(server.db)]) == 0
        assert ping(server, "later") == 200
        assert cli(["restore", str(tmp_path / "copy.db"), "--db", str(server.db)]) == 3
        server.db.unlink()
        assert ping(server, "lost") == 503
        assert cli(["restore", str(tmp_path / "copy.db"), "--db", str(server.db)]) == 0
        until(lambda: ping(server, "after") == 200)
        until(lambda: health(server) == (200, ""))
        assert server.stop() == 0
        assert bodies(server.db) == {"before", "after"}
