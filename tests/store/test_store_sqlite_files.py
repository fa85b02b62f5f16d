"""The files of the SQLite store: private, and noticed when they are taken away, replaced or written over."""

import os
import shutil
import sqlite3
import time
from contextlib import closing

import pytest
from store_samples import new, ping

from heartbeat.errors import StoreGone
from heartbeat.model import Commit
from heartbeat.store.sqlite.store import SQLiteStore

STORED = Commit.STORED
ENDINGS = ("", "-wal", "-shm")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "heartbeat.db"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr("heartbeat.store.sqlite.place.STEADY", 0.0)


@pytest.fixture(params=["busy folder", "quiet folder"])
def store(request, path, monkeypatch):
    """A store; in a folder that has been as it is for a while, it is only that which is looked at."""
    with closing(SQLiteStore(path)) as opened:
        opened.commit([new()])
        if request.param == "quiet folder":
            monkeypatch.setattr("heartbeat.store.sqlite.place.COARSE", 0.02)
            path.with_name("a neighbour").touch()
            opened.commit([])
            time.sleep(0.03)
            opened.commit([])
            assert opened._file._place._quiet
        yield opened


@pytest.fixture
def another(tmp_path):
    """A database with another job."""
    place = tmp_path / "another.db"
    with closing(SQLiteStore(place)) as other:
        other.commit([new("other")])
    return place


def modes(path):
    return [oct(path.with_name(path.name + ending).stat().st_mode & 0o777) for ending in ENDINGS]


def look_again(store):
    store._file._look_at = 0.0


class TestPrivate:
    def test_a_new_one_is_for_its_owner_alone(self, path, store):
        assert modes(path) == ["0o600"] * 3
        assert not store.tightened

    def test_an_older_one_is_closed_to_others(self, path):
        with closing(SQLiteStore(path)) as old:
            old.commit([new()])
            for ending in ENDINGS:
                path.with_name(path.name + ending).chmod(0o664)
            with closing(SQLiteStore(path)) as store:
                assert modes(path) == ["0o600"] * 3
                assert store.tightened

    def test_whatever_the_umask(self, path):
        before = os.umask(0)
        try:
            with closing(SQLiteStore(path)) as store:
                store.commit([new()])
                assert modes(path) == ["0o600"] * 3
        finally:
            os.umask(before)


class TestTakenAway:
    @pytest.mark.parametrize("ending", ENDINGS)
    def test_nothing_is_stored_where_nobody_reads_it(self, path, store, ending):
        path.with_name(path.name + ending).unlink()
        with pytest.raises(StoreGone, match="is gone: it was deleted"):
            store.commit([ping()])

    def test_the_moment_does_not_matter(self, path, store, monkeypatch):
        def keep(*_):
            path.unlink()  # after the look before, within the transaction
            return [True], {}

        monkeypatch.setattr("heartbeat.store.sqlite.store.keep", keep)
        with pytest.raises(StoreGone):
            store.commit([ping()])

    def test_a_link_and_what_it_leads_to_are_looked_at_themselves(self, path, tmp_path, monkeypatch):
        monkeypatch.setattr("heartbeat.store.sqlite.place.COARSE", 0)
        (tmp_path / "links").mkdir()
        link = tmp_path / "links" / "heartbeat.db"
        link.symlink_to(path)
        SQLiteStore(path).close()
        with closing(SQLiteStore(link)) as store:
            assert store.commit([new()]) == [STORED]
            for n in range(1, 40):  # looks at the -wal now and then
                assert store.commit([ping(expected=n)]) == [STORED]
            path.unlink()  # the folder of the link is as it was
            with pytest.raises(StoreGone):
                store.commit([ping()])

    def test_the_folder_itself_is_exchanged(self, tmp_path, monkeypatch):
        monkeypatch.setattr("heartbeat.store.sqlite.place.COARSE", 0)
        folder = tmp_path / "data"
        folder.mkdir()
        with closing(SQLiteStore(folder / "heartbeat.db")) as store:
            assert store.commit([new()]) == [STORED]
            folder.rename(tmp_path / "before")
            folder.mkdir()
            with pytest.raises(StoreGone):
                store.commit([ping()])

    def test_who_only_reads_notices_too(self, path, store):
        path.unlink()
        look_again(store)
        with pytest.raises(StoreGone, match="is gone: it was deleted"):
            store.load(["backup"])

    def test_none_is_made_in_its_place(self, path, store):
        path.unlink()
        for _ in range(3):
            with pytest.raises(StoreGone, match="is gone: it was deleted"):
                store.commit([ping()])
        assert not path.exists()

    def test_it_comes_back(self, path, store):
        path.rename(path.with_name("aside"))
        with pytest.raises(StoreGone):
            store.commit([ping()])
        path.with_name("aside").rename(path)
        assert store.commit([ping(expected=store.load(["backup"])["backup"].state.version)]) == [STORED]
        assert store.era == 1

    def test_an_empty_file_is_not_made_a_store(self, path, store):
        path.unlink()
        path.touch()
        for _ in range(3):
            with pytest.raises(StoreGone, match="is gone: it was deleted"):
                store.commit([ping()])
        assert path.stat().st_size == 0

    def test_a_database_of_something_else_is_not_taken(self, path, store):
        path.unlink()
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE songs (name TEXT)")
        with pytest.raises(StoreGone):
            store.commit([ping()])
        with pytest.raises(StoreGone, match="of something else"):
            store.commit([ping()])


class TestReplaced:
    def test_not_before_it_is_there_whole(self, path, store, another, monkeypatch):
        monkeypatch.setattr("heartbeat.store.sqlite.place.STEADY", 60.0)
        another.replace(path)
        for _ in range(3):
            with pytest.raises(StoreGone, match="is gone: it was deleted"):
                store.commit([ping("other")])

    def test_half_a_file_is_not_taken(self, path, store, another):
        path.unlink()
        path.write_bytes(another.read_bytes()[:20_000])
        with pytest.raises(StoreGone):
            store.commit([ping()])
        with pytest.raises(StoreGone, match="is damaged"):
            store.load(["backup"])
        another.replace(path)
        assert list(store.load(["other"])) == ["other"]

    def test_it_goes_on_with_the_new_one(self, path, store, another):
        another.replace(path)
        with pytest.raises(StoreGone, match="is gone: it was deleted"):
            store.commit([ping()])
        assert list(store.load(["backup", "other"])) == ["other"]
        assert store.commit([ping("other")]) == [STORED]
        with closing(SQLiteStore(path)) as again:
            assert again.load(["other"])["other"].state.version == 2

    def test_what_the_old_one_had_in_its_log_is_kept_aside_and_not_mixed_in(self, path, store, another):
        store.commit([ping()])
        path.rename(path.with_name("old.db"))
        another.replace(path)
        look_again(store)
        with pytest.raises(StoreGone):
            store.load(["backup"])
        assert list(store.load(["backup", "other"])) == ["other"]
        path.with_name("heartbeat.db-wal.replaced").rename(path.with_name("old.db-wal"))
        with closing(SQLiteStore(path.with_name("old.db"))) as old:
            assert old.load(["backup"])["backup"].state.version == 2

    def test_a_copy_written_over_it_is_noticed_and_left_as_it_is(self, path, another):
        store = SQLiteStore(path)
        store.commit([new()])
        shutil.copyfile(another, path)
        content = path.read_bytes()
        with pytest.raises(StoreGone, match="was overwritten while it was open"):
            store.commit([ping()])
        with pytest.raises(StoreGone, match="was overwritten while it was open"):
            store.load(["backup"])
        store.close()
        assert path.read_bytes() == content  # the last to close would have written its log into it

    def test_a_checkpoint_of_another_process_is_nothing(self, path, store):
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        assert store.commit([ping()]) == [STORED]
        assert store.era == 0
