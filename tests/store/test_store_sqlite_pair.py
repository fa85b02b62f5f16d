"""A -wal and the file that it lies beside: pairs that were killed belong together, a copy laid over does not."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from heartbeat.errors import StoreCorrupt
from heartbeat.store.sqlite import wal
from heartbeat.store.sqlite.store import SQLiteStore

WRITER = """
import sys
from store_samples import T0, new, ping
from heartbeat.errors import StoreUnavailable
from heartbeat.store.sqlite import wal
from heartbeat.store.sqlite.store import SQLiteStore
path, commits, wal.PAGES_MAX = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store = SQLiteStore(path)
found = store.load(["a"])
known = found["a"].state.version if found else 0
for n in range(known, known + commits):
    store.commit([ping("a", n, slot=T0 + n) if n else new("a", 1)])
    print(n + 1, flush=True)
sys.stdin.read()
"""
KILLED = """
import os, random, signal, sys, time
from store_samples import T0, new, ping
from heartbeat.store.sqlite import wal
from heartbeat.store.sqlite.store import SQLiteStore
path, rounds = sys.argv[1], int(sys.argv[2])
wal.PAGES_MAX, wal.LOOK_EVERY = 12, 1  # a new log every few commits
told = 0
for number in range(rounds):
    mine, theirs = os.pipe()
    child = os.fork()
    if not child:
        store = SQLiteStore(path)
        found = store.load(["a"])
        known = found["a"].state.version if found else 0
        assert known >= told, (known, told)
        for n in range(known, known + 100_000):
            store.commit([ping("a", n, slot=T0 + n) if n else new("a", 1)])
            os.write(theirs, n.to_bytes(4, "big"))
    os.close(theirs)
    first = os.read(mine, 4)
    if not first:
        sys.exit(f"round {number}: the file was refused")
    time.sleep(random.Random(number).uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    told = int.from_bytes((first + os.read(mine, 1 << 20))[-4:], "big") + 1
    os.close(mine)
store = SQLiteStore(path)
assert store.load(["a"])["a"].state.version >= told
print(wal.number(store._file._idle[0]) % wal.ROOT)
"""


def program(code, *arguments):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], env=env, **pipes)


def write(path, commits, *, kill=True, pages=10_000, then=None):
    """A process that commits so often, and is killed; then: called before it is."""
    with program(WRITER, path, commits, pages) as writer:
        for _ in range(commits):
            assert writer.stdout.readline()
        if then:
            then()
        if kill:
            writer.send_signal(signal.SIGKILL)
    return path.with_name(f"{path.name}-wal")


def version(path):
    with closing(SQLiteStore(path)) as store:
        return store.load(["a"])["a"].state.version


def is_sound(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "heartbeat.db"


@pytest.fixture
def copy(tmp_path):
    return tmp_path / "copy.db"


def refused(path):
    before = path.read_bytes(), path.with_name("heartbeat.db-wal").read_bytes()
    with pytest.raises(StoreCorrupt, match="do not belong together"):
        SQLiteStore(path)
    return before == (path.read_bytes(), path.with_name("heartbeat.db-wal").read_bytes())


def test_a_hundred_kills_at_any_moment_are_never_taken_for_a_wrong_pair(path):
    with program(KILLED, path, 100) as killed:
        said = killed.stdout.read()
    assert killed.returncode == 0
    assert int(said) > 100  # logs were begun and ended all the while
    assert is_sound(path)


def test_a_killed_process_leaves_a_pair(path):
    assert write(path, 5).stat().st_size > 0
    assert version(path) == 5


def cut_after_first_page(log):
    """The log up to the first frame of page 1, which so becomes its last; answers where that page begins."""
    raw = log.read_bytes()
    size = wal.FRAME + int.from_bytes(raw[8:12], "big")
    at = next(at for at in range(wal.HEADER, len(raw), size) if raw[at : at + 4] == b"\0\0\0\1")
    log.write_bytes(raw[: at + size])
    return at + wal.FRAME


def test_a_checkpoint_that_was_killed_before_its_last_page(path):
    """Page 1 is written first, and says how long the file will be."""
    log = write(path, 60)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        before, kept = path.read_bytes(), log.read_bytes()
        assert db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[0] == 0
        after = path.read_bytes()
    assert len(before) < len(after) == pages * 4096
    path.write_bytes(after[: max(len(before), 4096)])
    log.write_bytes(kept)
    assert version(path) == 60
    assert is_sound(path)


def test_a_page_that_was_not_written_before_the_kill_says_nothing(path):
    log = write(path, 5)
    page = cut_after_first_page(log)
    with log.open("r+b") as file:  # the frame's head is there, and behind it what the log before had at this place
        file.seek(page + wal.VERSION_AT)
        file.write(b"\x12\x34\x56\x78")
    SQLiteStore(path).close()


def test_the_last_page_of_a_log_counts_when_it_is_whole(path, copy):
    write(path, 3, kill=False)
    shutil.copy(path, copy)
    cut_after_first_page(write(path, 5))
    shutil.copy(copy, path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 77")
    assert wal.belong_together(str(path)) is True  # it was checkpointed away
    log = write(path, 5)
    cut_after_first_page(log)
    shutil.copy(copy, path)
    assert refused(path)


def test_the_copy_of_a_clean_stop_beside_the_log_of_later(path, copy):
    write(path, 3, kill=False)
    shutil.copy(path, copy)
    write(path, 5)
    shutil.copy(copy, path)
    assert refused(path)


def test_a_copy_made_while_it_was_written_beside_the_log_of_later(path, copy):
    def make():
        with closing(sqlite3.connect(path)) as db, closing(sqlite3.connect(copy)) as other:
            db.backup(other)

    write(path, 3, then=make)
    write(path, 200, pages=40)
    shutil.copy(copy, path)
    assert refused(path)


def test_the_copy_of_another_database(path, copy):
    write(copy, 3, kill=False)
    write(path, 3)
    shutil.copy(copy, path)
    assert refused(path)


def test_a_log_of_another_database(path, copy):
    write(path, 3, kill=False)
    write(copy, 3)
    shutil.copy(f"{copy}-wal", f"{path}-wal")
    assert refused(path)


def test_a_copy_beside_the_log_of_its_own_time_becomes_what_the_file_was(path, copy):
    def make():
        with closing(sqlite3.connect(path)) as db, closing(sqlite3.connect(copy)) as other:
            db.backup(other)

    write(path, 3, then=make)
    write(path, 5)
    shutil.copy(copy, path)
    assert version(path) == 8
    assert is_sound(path)


def test_without_the_log_the_copy_is_what_it_is(path, copy):
    write(path, 3, kill=False)
    shutil.copy(path, copy)
    wal = write(path, 5)
    shutil.copy(copy, path)
    wal.unlink()
    assert version(path) == 3


def test_a_file_from_before_there_were_numbers_gets_one(path):
    write(path, 3, kill=False)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 0")
    write(path, 2)
    assert version(path) == 5
    with closing(sqlite3.connect(path)) as db:
        assert wal.number(db) > wal.ROOT


def test_somebody_who_reads_does_not_make_a_pair_look_wrong(path):
    with closing(SQLiteStore(path)), closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM jobs").fetchone()
        write(path, 60, pages=12)
        shutil.copy(path, path.with_name("seen.db"))
        shutil.copy(f"{path}-wal", path.with_name("seen.db-wal"))
    assert version(path.with_name("seen.db")) == 60
    assert version(path) == 60


def test_a_checkpoint_by_others_does_not_make_a_pair_look_wrong(path):
    def checkpoint():
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    write(path, 5, then=checkpoint)
    assert version(path) == 5


def test_what_is_no_log_is_left_to_sqlite(path):
    write(path, 2, kill=False)
    path.with_name("heartbeat.db-wal").write_bytes(b"no log at all" * 9)
    assert version(path) == 2


def test_a_checkpoint_that_took_long_is_followed_by_a_shorter_log(tmp_path):
    log = wal.WriteAheadLog(str(tmp_path / "a.db"))

    def after(took):
        log.begun(took, anew=True, first=False)
        return log._pages

    assert log._pages == wal.PAGES_MIN  # nobody knows yet how long it takes
    assert [after(0.001) for _ in range(20)][-1] == wal.PAGES_MAX
    assert [after(took) for took in (9.0, 0.5, 0.014, 0.001, 0.1, 0.1, 0.1, 0.1)] == [
        5_000, 2_500, 2_500, 3_125, 1_562, 1_000, 1_000, 1_000
    ]  # fmt: skip
