"""The ping keys that a service keeps: what is valid when, across rotations."""

import pytest

from heartbeat.errors import NotNow
from heartbeat.model import DAY, HOUR
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs import ping_keys

NOW = 1_795_000_000_000


@pytest.fixture
def store():
    return SQLiteStore(":memory:")


def test_after_a_rotation_old_and_new_are_valid_until_the_old_ones_end(store):
    old, fresh = ping_keys.first(store)
    assert (fresh, ping_keys.read(store, NOW).valid) == (True, (old,))
    told = ping_keys.rotate(store, NOW, 7 * DAY)
    assert told.valid == (told.newest, old)
    assert told.next_end == NOW + 7 * DAY
    assert ping_keys.read(store, NOW + 7 * DAY - 1).valid == (told.newest, old)
    assert ping_keys.read(store, NOW + 7 * DAY).valid == (told.newest,)
    assert ping_keys.first(store) == (told.newest, False)


def test_a_key_that_got_out_is_refused_at_once_with_all_before_it(store):
    ping_keys.first(store)
    ping_keys.rotate(store, NOW, 7 * DAY)
    last = ping_keys.rotate(store, NOW, 0)
    assert last.valid == (last.newest,)


def test_a_second_rotation_shortens_the_time_of_an_old_key_and_never_lengthens_it(store):
    first, _ = ping_keys.first(store)
    second = ping_keys.rotate(store, NOW, DAY).newest
    third = ping_keys.rotate(store, NOW + HOUR, 7 * DAY)
    assert [(old.key, old.until - NOW) for old in third.before] == [(second, HOUR + 7 * DAY), (first, DAY)]
    assert [old.until - NOW for old in ping_keys.rotate(store, NOW + HOUR, HOUR).before] == [2 * HOUR] * 3


def test_no_more_old_keys_than_some_are_kept(store):
    for _ in range(20):
        kept = ping_keys.rotate(store, NOW, DAY)
    assert len(kept.before) == ping_keys.BEFORE_MAX


def test_the_first_rotation_of_a_service_without_a_key_makes_one(store):
    assert ping_keys.read(store, NOW).valid == ()
    assert len(ping_keys.rotate(store, NOW, DAY).valid) == 1


def test_keys_of_the_environment_are_not_rotated_here(store):
    ping_keys.first(store)
    ping_keys.note_given(store, 2)
    with pytest.raises(NotNow, match="takes 2 keys from its environment: write a new one in front of HEARTBEAT_PING"):
        ping_keys.rotate(store, NOW, DAY)
    ping_keys.note_given(store, 0)
    assert len(ping_keys.rotate(store, NOW, DAY).valid) == 2


def test_the_newest_key_stands_alone_where_an_older_version_looks_for_it(store):
    ping_keys.first(store)
    assert store.document("ping-key").value == ping_keys.read(store, NOW).newest
    told = ping_keys.rotate(store, NOW, DAY)
    assert store.document("ping-key").value == told.newest
