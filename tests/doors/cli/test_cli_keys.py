"""The ping key and management keys."""

import pytest


@pytest.fixture
def machine(machine):
    machine.apply("2026-11-22T08:00")
    return machine


def test_a_key_is_shown_once_and_kept_as_a_hash(machine):
    made = machine.json("key", "add", "grafana", "--read-only", when="2026-11-22T09:00")
    assert (made["name"], made["rights"], made["key"][:4], len(made["key"])) == ("grafana", "read", "hbm_", 31)
    assert machine.json("key", "list") == {
        "keys": [{"name": "grafana", "rights": "read", "created": "2026-11-22T09:00:00Z"}]
    }
    with machine.store as store:
        assert made["key"] not in str(store.document("management-keys").value)


def test_a_key_that_is_taken_away_is_gone(machine):
    machine.run("key", "add", "me", when="2026-11-22T09:00")
    assert machine.run("key", "remove", "me")[:2] == (0, "the key of me opens nothing any more\n")
    assert machine.json("key", "list") == {"keys": []}


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("key", "add"), "`key add NAME`"),
        (("key", "list", "me"), "`key list`"),
        (("key", "rotate", "me"), "`key rotate`"),
        (("key", "rotate", "--keep", "soon"), "--keep: "),
        (("key", "rotate", "--keep", "10000d"), "--keep 10000d: at most 366d"),
        (("key", "add", "\n"), "is no name for a key"),
        (("key", "add", "ann", "--db", "mistyped.db"), "there is no database mistyped.db"),
        (("key", "remove", "nobody"), "there is no key of the name 'nobody'"),
        (("key", "add", "me"), "there is a key of the name 'me' already"),
    ],
)
def test_what_cannot_be_done_is_said(machine, argv, told):
    machine.run("key", "add", "me", when="2026-11-22T09:00")
    status, _, err = machine.run(*argv)
    assert (status, told in err) == (2, True)
    assert not (machine.folder / "mistyped.db").exists()


def test_key_show_before_there_is_one_says_who_makes_it(machine):
    assert machine.json("key", "show", when="2026-11-22T09:00") == {"key": None, "before": [], "given": 0}
    assert machine.run("key", "show")[1].startswith("there is no ping key yet; `heartbeat serve` makes one")


def test_key_rotate_says_until_when_the_old_key_is_taken(machine, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    old = machine.json("key", "rotate", when="2026-11-22T09:00")
    assert old["before"] == []
    new = machine.json("key", "rotate", "--keep", "30d")
    assert new["before"] == [{"key": old["key"], "until": "2026-12-22T09:00:00Z"}]
    assert machine.json("key", "show") == new
    shown = machine.run("key", "show")[1].splitlines()
    assert (shown[0], shown[1][: len(old["key"]) + 16]) == (new["key"], f"{old['key']} is taken until ")
    assert machine.json("key", "show", when="2026-12-22T09:00")["before"] == []


def test_key_rotate_of_a_key_that_got_out_keeps_none(machine):
    machine.run("key", "rotate", when="2026-11-22T09:00")
    _, out, _ = machine.run("key", "rotate", "--keep", "0s")
    assert out.splitlines()[1] == "no other key opens anything any more"
    assert machine.json("key", "show")["before"] == []
