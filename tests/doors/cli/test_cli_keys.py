"""Management keys."""

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
        (("key", "add"), "write `key add NAME`"),
        (("key", "list", "me"), "write `key add NAME`"),
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
