from itertools import product
from pathlib import Path

from heartbeat.core.transition import TRANSITIONS, Tell, page
from heartbeat.model import BAD, GOOD, Status, Verdict

STATES = Path(__file__).parents[2] / "docs" / "states.md"


def test_every_pair_has_a_row():
    assert set(TRANSITIONS) == set(product(Status, Verdict))


def test_people_are_told_exactly_when_a_job_goes_down_or_comes_back():
    for (status, _), row in TRANSITIONS.items():
        went_down = status is not Status.DOWN and row.next is Status.DOWN
        came_back = status is Status.DOWN and row.next is Status.UP
        expected = Tell.OPENED if went_down else Tell.RECOVERED if came_back else Tell.NOTHING
        assert row.tell is expected


def test_only_bad_verdicts_bring_a_job_down_and_only_good_ones_up():
    for (status, verdict), row in TRANSITIONS.items():
        if row.next is Status.DOWN and status is not Status.DOWN:
            assert verdict in BAD
        if row.next is Status.UP and status is not Status.UP:
            assert verdict in GOOD


def test_no_verdict_ends_a_pause():
    assert {TRANSITIONS[Status.PAUSED, verdict].next for verdict in Verdict} == {Status.PAUSED}


def test_the_page_in_the_docs_is_made_from_the_table():
    assert STATES.read_text() == page(), "write it again: python -m heartbeat.core.transition > docs/states.md"
