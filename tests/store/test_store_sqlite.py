"""What is promised of the SQLite store alone: its file, its statements, and its errors."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from msgspec.structs import replace
from store_samples import T0, delivery, new, ping, sent, state, uuid

from heartbeat.errors import StoreCorrupt, StoreUnavailable
from heartbeat.model import NEVER, Change, Commit, Incident, Reason, Status, Verdict
from heartbeat.store.sqlite.commit import STATE_STEP
from heartbeat.store.sqlite.store import DUE, OF_INCIDENT, OUTBOX, SQLiteStore

STORED = Commit.STORED
INCIDENT = Incident(
    id="backup-1795305600000", opened_at=T0, verdict=Verdict.MISSED, reason=Reason.GRACE_RAN_OUT, slot=T0
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "heartbeat.db"


@pytest.fixture
def store(path):
    with closing(SQLiteStore(path)) as opened:
        yield opened


def statements(store, *changes):
    """What SQLite ran for these changes, the transaction's own two left out."""
    (db,) = store._file._idle
    ran = []
    db.set_trace_callback(ran.append)
    assert set(store.commit(changes)) == {STORED}
    db.set_trace_callback(None)
    assert (ran[0], ran[-1]) == ("BEGIN IMMEDIATE", "COMMIT")
    return [" ".join(sql.split()) for sql in ran[1:-1]]


def written(store, *changes):
    """The writing ones among them."""
    return [sql for sql in statements(store, *changes) if not sql.startswith("SELECT")]


class TestStatements:
    def test_an_on_time_ping_writes_two_rows(self, store):
        store.commit([new()])
        job_row, log = written(store, ping())
        assert log.startswith("INSERT INTO log")
        assert job_row.startswith("UPDATE jobs SET state = ")
        assert "due =" not in job_row
        assert "definition =" not in job_row

    def test_a_batch_of_pings_writes_two_rows_each_in_one_transaction(self, store):
        store.commit([new(f"job-{n}", n) for n in range(64)])
        assert len(written(store, *(ping(f"job-{n}") for n in range(64)))) == 128

    def test_a_batch_reads_as_often_as_a_single_ping(self, path, store):
        store.commit([new(f"job-{n}", n) for n in range(64)])
        pings = [ping(f"job-{n}") for n in range(64)]
        with closing(SQLiteStore(path)) as fresh:
            fresh.load(["job-1"])
            fresh.commit([])
            reads = [sql for sql in statements(fresh, *pings) if sql.startswith("SELECT")]
            assert len(reads) == 2  # the jobs not seen yet, and the number of the latest line of history

    def test_what_it_left_itself_it_does_not_read_again(self, store):
        store.commit([new(f"job-{n}", n) for n in range(64)])
        reads = [sql for sql in statements(store, *(ping(f"job-{n}") for n in range(64))) if sql.startswith("SELECT")]
        assert len(reads) == 1  # the number of the latest line of history

    @pytest.mark.parametrize("others", ["first", "second", "third"])
    def test_one_job_that_another_process_changed_costs_the_others_nothing(self, path, store, others):
        names = ["first", "second", "third"]
        store.commit([new(name, n) for n, name in enumerate(names)])
        with closing(SQLiteStore(path)) as other:
            assert other.commit([ping(others)]) == [STORED]
        answers = dict(zip(names, store.commit([ping(name) for name in names]), strict=True))
        assert {name for name, answer in answers.items() if answer is Commit.STALE} == {others}
        assert store.commit([ping(others, expected=2)]) == [STORED]
        assert [len(store.history(name, 9)) for name in names] == [1 + (name == others) for name in names]

    def test_a_commit_that_came_to_nothing_is_not_believed(self, path, store):
        """What a batch would have left is known only once it is durable."""
        store.commit([new()])
        (db,) = store._file._idle
        db.set_authorizer(lambda what, name, *_: (what, name) == (sqlite3.SQLITE_TRANSACTION, "COMMIT"))  # 1: denied
        with pytest.raises(StoreCorrupt, match="not authorized"):
            store.commit([ping()])
        db.set_authorizer(None)
        with closing(SQLiteStore(path)) as other:
            assert other.commit([ping(), ping(expected=2)]) == [STORED, STORED]
        assert store.commit([ping()]) + store.commit([ping(expected=3)]) == [Commit.STALE, STORED]
        assert [entry.n for entry in store.history("backup", 9)] == [4, 3, 2]

    def test_a_job_that_changes_twice_in_a_batch_is_written_once(self, store):
        store.commit([new()])
        writes = written(store, ping(), ping(expected=2))
        assert [sql.split()[0] for sql in writes] == ["UPDATE", "INSERT", "INSERT"]
        assert len(store.history("backup", 10)) == 2

    def test_a_job_removed_and_made_again_in_a_batch_keeps_its_history(self, store):
        store.commit([new()])
        remove = Change(slug="backup", expected=2, remove=True)
        assert store.commit([ping(), remove, new()]) == [STORED] * 3
        assert store.load(["backup"])["backup"].state.version == 1
        assert len(store.history("backup", 10)) == 1

    def test_removing_what_is_not_there_is_refused(self, store):
        assert store.commit([Change(slug="nothing", remove=True)]) == [Commit.STALE]

    @pytest.mark.parametrize(
        ("sql", "index"), [(DUE, "jobs_due"), (OUTBOX, "deliveries_pending"), (OF_INCIDENT, "deliveries_incident")]
    )
    def test_what_is_due_is_found_by_an_index(self, store, sql, index):
        with store._file.reading() as db:
            plan = " ".join(row[3] for row in db.execute("EXPLAIN QUERY PLAN " + sql, (5,) * sql.count("?")))
        assert index in plan
        assert "SCAN" not in plan

    def test_a_ping_leaves_the_due_index_alone(self, path, store):
        store.commit([new()])
        with closing(sqlite3.connect(path)) as db:
            root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'jobs_due'").fetchone()[0]
            (sql,) = (sql for sql in statements(store, ping()) if sql.startswith("UPDATE"))
            opened = [row[3] for row in db.execute("EXPLAIN " + sql) if row[1] == "OpenWrite"]
        assert root not in opened

    def test_the_log_has_no_second_index(self, path, store):
        store.commit([])
        with closing(sqlite3.connect(path)) as db:
            assert db.execute(
                "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'log'"
            ).fetchone() == (0,)

    def test_commits_are_synced(self, store):
        with store._file.reading() as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert db.execute("PRAGMA synchronous").fetchone() == (2,)
            assert db.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)  # by us, and not by itself

    def test_jobs_that_go_down_and_up_stay_where_they_are(self, path, store):
        """Their rows are overwritten in place: no page is split, so no more pages are written than jobs changed."""
        store.commit([new(f"job-{n}", n) for n in range(300)])
        with closing(sqlite3.connect(path)) as db:
            pages = db.execute("PRAGMA page_count").fetchone()
            down = replace(state(2), status=Status.DOWN, bad_slot=T0, incident=INCIDENT, recent=(T0,) * 5)
            store.commit([Change(slug=f"job-{n}", expected=1, state=down) for n in range(300)])
            store.commit([Change(slug=f"job-{n}", expected=2, state=state(3)) for n in range(300)])
            assert db.execute("PRAGMA page_count").fetchone() == pages
            assert db.execute("SELECT DISTINCT length(state) FROM jobs").fetchall() == [(STATE_STEP,)]

    def test_a_state_too_long_for_its_room_is_given_more(self, path, store):
        store.commit([new(), Change(slug="backup", expected=1, state=state(2, pause_reason="why" * 200))])
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT length(state) FROM jobs").fetchall() == [(3 * STATE_STEP,)]
        assert store.load(["backup"])["backup"].state.pause_reason == "why" * 200

    def test_a_job_is_found_again_by_the_number_of_its_row(self, store):
        store.commit([new()])
        with closing(SQLiteStore(store._file.path)) as fresh:
            fresh.load(["backup"])
            (db,) = fresh._file._idle
            ran = []
            db.set_trace_callback(ran.append)
            fresh.load(["backup"])
            db.set_trace_callback(None)
            assert [" ".join(sql.split()).partition(" WHERE ")[2] for sql in ran] == ["id IN (1)"]

    def test_what_was_read_to_decide_is_not_read_again_to_write(self, store):
        store.commit([new()])
        with closing(SQLiteStore(store._file.path)) as fresh:
            fresh.load(["backup"])
            fresh.commit([])
            assert not [sql for sql in statements(fresh, ping()) if "FROM jobs" in sql]

    def test_a_row_that_has_become_another_jobs_is_not_taken_for_the_first(self, path, store):
        store.commit([new("first")])
        store.load(["first"])
        with closing(SQLiteStore(path)) as other:
            remove = Change(slug="first", expected=1, remove=True)
            assert other.commit([remove, new("second"), new("first", 1)]) == [STORED] * 3
        assert store.load(["first", "second"]) == {s: store.load([s])[s] for s in ("second", "first")}
        assert store.load(["first"])["first"].uuid == uuid(1)
        assert store.commit([ping("first"), ping("second")]) == [STORED, STORED]
        assert [entry.slug for entry in store.history("second", 5)] == ["second"]

    def test_a_row_that_has_become_another_jobs_does_not_bring_its_first_back(self, path, store):
        store.commit([new("first")])
        store.load(["first"])
        with closing(SQLiteStore(path)) as other:
            other.commit([Change(slug="first", expected=1, remove=True), new("second")])
        assert store.load(["first"]) == {}
        assert store.commit([ping("first")]) == [Commit.STALE]

    def test_forgets_rows_rather_than_remember_without_end(self, store, monkeypatch):
        monkeypatch.setattr("heartbeat.store.sqlite.find.ROWS_MAX", 10)
        store.commit([new(f"job-{n}", n) for n in range(30)])
        for n in range(30):
            assert list(store.load([f"job-{n}"])) == [f"job-{n}"]
        assert list(store._jobs._rows) == [f"job-{n}" for n in range(20, 30)]  # the latest stay


class TestThreads:
    def test_many_use_one_store_at_once(self, store):
        store.commit([new(f"job-{n}", n) for n in range(8)])

        def work(number):
            slug = f"job-{number}"
            for version in range(1, 31):
                assert store.commit([ping(slug, version, slot=T0 + version)]) == [STORED]
                assert store.load([slug])[slug].state.version == version + 1
                assert store.history(slug, 1)[0].n == version + 1

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert [len(store.history(f"job-{n}", 99)) for n in range(8)] == [30] * 8
        assert len(store._file._idle) <= 8

    def test_many_open_a_new_file_at_once(self, tmp_path):
        with ThreadPoolExecutor(8) as pool:  # without waiting for each other, one round in eight fails
            for number in range(40):
                for opened in pool.map(SQLiteStore, [tmp_path / f"{number}.db"] * 8):
                    assert opened.load(["none"]) == {}
                    opened.close()

    def test_a_file_that_stays_locked_is_given_up_after_the_timeout(self, path):
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreUnavailable, match="is locked by another process"):
                SQLiteStore(path, timeout=0.1)

    def test_a_closed_store_says_so(self, store):
        store.close()
        with pytest.raises(StoreUnavailable, match="is closed"):
            store.load(["backup"])


WRITER = """
import sys
from store_samples import T0, Change, delivery, entry, new, ping
from msgspec.structs import replace
from heartbeat.model import Document
from heartbeat.store.sqlite.store import SQLiteStore
store = SQLiteStore(sys.argv[1])
store.commit([new("a", 1), new("b", 2)])
for n in range(1, 100_000):
    documents = (Document(name="clock", version=n, value=n),)
    told = ping("a", n, slot=T0 + n, deliveries=(delivery(f"d{n}"),), documents=documents)
    store.commit([told, ping("b", n, slot=T0 + n)])
    print(n, flush=True)
"""


class TestCrash:
    @pytest.mark.parametrize("after", [1, 40, 150])
    def test_kill_9_leaves_whole_commits_and_all_that_were_answered(self, path, after):
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, env=env) as writer:
            for line in writer.stdout:
                if int(line) >= after:
                    break
            writer.send_signal(signal.SIGKILL)
            answered = max([after, *map(int, writer.stdout.read().split())])
        with closing(SQLiteStore(path)) as store:
            done = store.document("clock").version
            assert done in {answered, answered + 1}
            assert {found.state.version for found in store.load(["a", "b"]).values()} == {done + 1}
            assert len(store.deliveries("i-1")) == done
            assert [found.n for found in store.history("b", done + 9)] == list(range(done + 1, 1, -1))
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_file_is_one_and_clean_after_closing(path):
    with closing(SQLiteStore(path)) as store:
        store.commit([new(), ping()])
    assert [found.name for found in path.parent.iterdir()] == ["heartbeat.db"]


def test_purging_all_keeps_the_newest_row_so_that_no_number_is_given_out_twice(store):
    store.commit([new("a", 1), new("b", 2), ping("a"), ping("b")])
    assert store.purge(NEVER, 99) == 1
    assert store.history("a", 9) == []
    assert [found.n for found in store.history("b", 9)] == [2]
    store.commit([ping("b", 2), ping("a", 2)])
    assert [(found.slug, found.n) for found in store.history("a", 9)] == [("a", 3)]


def test_purge_is_not_held_up_by_what_waits(store):
    waiting = tuple(delivery(f"w{n}") for n in range(3))
    store.commit([Change(deliveries=(*waiting, delivery("x")))])
    store.commit([Change(deliveries=(sent("x"),))])
    assert store.purge(NEVER, 4) == 1
