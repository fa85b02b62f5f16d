"""Pings for jobs that do not exist: counted, and answered with the nearest name."""

import io

import pytest

from heartbeat.errors import StoreUnavailable
from heartbeat.model import Change, Document
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.telemetry import Happened, Log
from heartbeat.verbs.unknown_pings import NEIGHBOURS, SORTED_MAX, STRAYS_MAX, Strays

T0 = 1_795_350_000_000


def quiet_log():
    return Log(lambda: 1_795_350_000.25, stream=io.StringIO())


class TestStrays:
    def test_the_nearest_name(self):
        strays = Strays(quiet_log())
        strays.learn([f"job-{i}" for i in range(20_000)] + ["daily-report", "settle"])
        typos = ["dayly-report", "daily-reprot", "dail-report", "aily-report", "daily_report", "setle", "ettle"]
        assert {strays.nearest(typo) for typo in typos} == {"daily-report", "settle"}
        assert strays.nearest("zzz") == ""

    @pytest.mark.parametrize("name", ["aaa-report", "zzz-report"])
    def test_a_broken_beginning_among_more_names_than_are_sorted_at_once(self, name):
        strays = Strays(quiet_log())
        strays.learn([f"job-{i:06}" for i in range(SORTED_MAX + 1_000)] + [name])
        assert strays.nearest(f"q{name[1:]}") == name

    def test_the_work_is_bounded(self):
        strays = Strays(quiet_log())
        strays.learn(f"{'x' * 60}-{i:06}" for i in range(50_000))
        assert NEIGHBOURS * 4 < 100
        assert strays.nearest("x" * 60 + "-0400000").startswith("x" * 60)

    def test_counts_add_up_in_the_store_and_stay_few(self):
        store, strays = SQLiteStore(":memory:"), Strays(quiet_log())
        for i in range(STRAYS_MAX + 100):
            strays.count(f"name-{i}", T0)
        strays.flush(store)
        strays.count("late", T0 + 1)
        strays.count("late", T0 + 2)
        strays.flush(store)
        found = store.document("strays").value
        assert len(found) == STRAYS_MAX
        assert found["late"] == {"count": 2, "first": T0 + 1, "last": T0 + 2}
        store.close()

    def test_a_store_that_is_away_keeps_the_counts_for_later(self):
        class Away(SQLiteStore):
            away = True

            def commit(self, changes):
                if self.away:
                    raise StoreUnavailable("away")
                return super().commit(changes)

        store, strays = Away(":memory:"), Strays(quiet_log())
        strays.count("name", T0)
        with pytest.raises(StoreUnavailable):
            strays.flush(store)
        strays.count("name", T0 + 5)
        store.away = False
        strays.flush(store)
        assert store.document("strays").value == {"name": {"count": 2, "first": T0, "last": T0 + 5}}
        store.close()

    def test_a_lost_race_keeps_the_counts_for_later(self):
        class Raced(SQLiteStore):
            def document(self, name):
                found = super().document(name)
                if found.version == 0:
                    other = Document(name=name, version=1, value={"a": {"count": 1, "first": 1, "last": 1}})
                    super().commit([Change(documents=(other,))])
                return found

        store, strays = Raced(":memory:"), Strays(quiet_log())
        strays.count("name", T0)
        strays.flush(store)
        strays.flush(store)
        assert set(store.document("strays").value) == {"a", "name"}
        store.close()

    def test_so_many_strays_are_looked_at_and_no_more(self):
        log = quiet_log()
        strays = Strays(log)
        strays.learn(["name"])
        assert [strays.count(f"nam{i}", T0) for i in range(STRAYS_MAX + 5)] == ["name"] * STRAYS_MAX + [""] * 5
        assert log.counts[Happened.STRAY] == STRAYS_MAX
        assert strays.count("nam0", T0) == "name"
        strays.learn(["name"])
        assert strays.count("nam-x", T0) == "name"
