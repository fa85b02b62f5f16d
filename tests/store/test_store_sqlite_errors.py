"""What the SQLite store makes of old, newer, foreign, full, locked and damaged files."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from store_samples import T0, delivery, entry, job, new, ping, state

from heartbeat.errors import BadSetting, StoreCorrupt, StoreUnavailable
from heartbeat.model import Change, Commit, Document
from heartbeat.store.sqlite.schema import MIGRATIONS
from heartbeat.store.sqlite.store import SQLiteStore

STORED = Commit.STORED


@pytest.fixture
def path(tmp_path):
    return tmp_path / "heartbeat.db"


@pytest.fixture
def store(path):
    with closing(SQLiteStore(path)) as opened:
        yield opened


class TestMigrations:
    ADD = ("ALTER TABLE jobs ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'", "CREATE TABLE extra (n INTEGER) STRICT")

    def schema(self, path):
        with closing(sqlite3.connect(path)) as db:
            return db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()[0]

    def test_a_file_of_the_first_version_is_taken_along(self, path):
        with closing(sqlite3.connect(path)) as db:
            for sql in MIGRATIONS[0]:
                db.execute(sql)
            db.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT")
            db.execute("INSERT INTO meta VALUES ('schema', 1)")
            db.execute(
                """INSERT INTO jobs VALUES (1, 'backup', 'u', 1, 5, NULL, '[1,1,2,3]', '[1,"backup",["every 5m"]]')"""
            )
            db.commit()
        with closing(SQLiteStore(path, migrations=(*MIGRATIONS, self.ADD))) as store:
            assert store.load(["backup"])["backup"].job.schedule == ("every 5m",)
            assert store.commit([ping()]) == [STORED]
        assert self.schema(path) == len(MIGRATIONS) + 1
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT colour FROM jobs").fetchone() == ("grey",)

    def test_is_done_once(self, path):
        for _ in range(2):
            SQLiteStore(path, migrations=(*MIGRATIONS, self.ADD)).close()
        assert self.schema(path) == len(MIGRATIONS) + 1

    def test_one_that_fails_leaves_the_file_as_it_was(self, path):
        SQLiteStore(path).close()
        with pytest.raises(StoreCorrupt, match="syntax error"):
            SQLiteStore(path, migrations=(*MIGRATIONS, (*self.ADD, "NONSENSE")))
        assert self.schema(path) == len(MIGRATIONS)
        with closing(SQLiteStore(path)) as store, store._file.reading() as db:
            assert "colour" not in {row[1] for row in db.execute("PRAGMA table_info(jobs)")}

    def test_a_newer_file_is_refused(self, path):
        SQLiteStore(path, migrations=(*MIGRATIONS, self.ADD)).close()
        with pytest.raises(
            BadSetting, match=f"has schema {len(MIGRATIONS) + 1}, this version knows up to {len(MIGRATIONS)}: start"
        ):
            SQLiteStore(path)

    def test_a_file_of_another_program_is_refused(self, path):
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE songs (title TEXT)")
        with pytest.raises(BadSetting, match="is a SQLite database of something else: choose another path"):
            SQLiteStore(path)


class TestErrors:
    def test_locked_by_another_process(self, path):
        SQLiteStore(path).close()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with closing(SQLiteStore(path, timeout=0.01)) as waiting:
                with pytest.raises(StoreUnavailable, match=r"locked by another process .*: end it, or try again"):
                    waiting.commit([new()])
                assert waiting.load(["backup"]) == {}
                other.execute("ROLLBACK")
                assert waiting.commit([new()]) == [STORED]

    def test_full(self, store):
        store.commit([new()])
        with store._file.reading() as db:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            db.execute(f"PRAGMA max_page_count = {pages + 2}")
        large = entry(body="x" * 9_000)
        with pytest.raises(StoreUnavailable, match="has filled its disk: free some space"):
            store.commit([ping(), *(Change(slug="backup", expected=2, entries=(large,)) for _ in range(9))])
        assert store.load(["backup"])["backup"].state == state()
        assert store.commit([ping()]) == [STORED]

    def test_no_space_left_on_the_device(self, path):
        """A limit on file sizes stands in for a full disk: the write itself fails, in the WAL."""
        code = (
            "import resource, signal, sys\n"
            "from store_samples import delivery, new, ping\n"
            "from heartbeat.errors import StoreUnavailable\n"
            "from heartbeat.store.sqlite.store import SQLiteStore\n"
            "store = SQLiteStore(sys.argv[1])\n"
            "store.commit([new()])\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))\n"
            "for n in range(1, 1000):\n"
            "    try:\n"
            "        store.commit([ping(expected=n)])\n"
            "    except StoreUnavailable as error:\n"
            "        print(n, store.load(['backup'])['backup'].state.version, error)\n"
            "        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
            "        print(*store.commit([ping(expected=n)]))\n"
            "        break\n"
        )
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", code, path], env=env, capture_output=True, text=True, check=True)
        told, after = done.stdout.splitlines()
        failed, version, words = told.split(" ", 2)
        assert failed == version
        assert "fit its disk" in words or "reports errors" in words
        assert after == "stored"

    def test_read_only(self, path):
        SQLiteStore(path).close()
        with closing(SQLiteStore(path)) as store:
            with store._file.reading() as db:
                db.execute("PRAGMA query_only = 1")
            with pytest.raises(StoreUnavailable, match="cannot be written: check owner and mode"):
                store.commit([new()])

    def test_no_such_folder(self, path):
        with pytest.raises(StoreUnavailable, match="cannot be opened: check that its folder exists"):
            SQLiteStore(path / "not" / "there.db")

    def test_not_a_database(self, path):
        path.write_bytes(b"this is a text, and it is long enough to be taken for a header" * 99)
        with pytest.raises(StoreCorrupt, match="is not a SQLite database: check the path"):
            SQLiteStore(path)

    def test_damaged(self, path):
        with closing(SQLiteStore(path)) as store:
            store.commit([new(f"job-{n:04}", n) for n in range(500)])
        content = bytearray(path.read_bytes())
        content[len(content) // 2 :] = b"\xff" * len(content[len(content) // 2 :])
        path.write_bytes(content)
        with closing(SQLiteStore(path)) as store, pytest.raises(StoreCorrupt, match="is damaged: restore a backup"):
            store.page("", 999)

    def test_a_row_that_cannot_be_read(self, path, store):
        store.commit([new(), ping(deliveries=(delivery(),), documents=(Document(name="clock", version=1, value=1),))])
        with closing(sqlite3.connect(path)) as db:
            for update in (
                "UPDATE jobs SET state = '[1,'",
                "UPDATE log SET entry = '[1,'",
                "UPDATE deliveries SET delivery = '[1,'",
                "UPDATE documents SET value = '[1,'",
            ):
                db.execute(update)
            db.commit()
        for match, read in (
            ("jobs.state 'backup': Input data was truncated", lambda: store.load(["backup"])),
            ("log 'backup': Input data was truncated", lambda: store.history("backup", 1)),
            ("deliveries 'one': Input data was truncated", lambda: store.outbox(T0, 1)),
            ("documents 'clock': Input data was truncated", lambda: store.document("clock")),
        ):
            with pytest.raises(StoreCorrupt, match=match):
                read()

    def test_a_definition_that_cannot_be_read(self, path, store):
        store.commit([new()])
        with closing(sqlite3.connect(path)) as db:
            db.execute("UPDATE jobs SET definition = '[9]'")
            db.commit()
        with pytest.raises(StoreCorrupt, match=r"jobs\.definition 'backup': format 9 is not known here"):
            store.load(["backup"])

    def test_missing_tables(self, path, store):
        with closing(sqlite3.connect(path)) as db:
            db.execute("DROP TABLE log")
        with pytest.raises(StoreCorrupt, match=r"holds something other than this version expects .*no such table"):
            store.commit([new(), ping()])

    def test_a_change_that_makes_a_job_without_its_state(self, store):
        with pytest.raises(ValueError, match="needs its definition and its state"):
            store.commit([ping("other"), Change(slug="backup", job=job())])
        assert store.commit([new()]) == [STORED]
