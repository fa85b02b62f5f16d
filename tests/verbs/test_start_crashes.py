"""Whoever starts a run ends at some step of it: the table of docs/architecture.md, row by row.

The schedule fires again half a minute later, the checker comes by every minute, and a run whose work began checks in.
"""

from pathlib import Path

import pytest
from trigger_stage import BORN, MINUTE, Killed, at

from heartbeat.core.start_orders import Held
from heartbeat.core.starting import run_for
from heartbeat.model import Kind
from heartbeat.targets.protocol import TargetAnswer

PAGE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
RUN = run_for("job", at("09:00"), BORN)


def end(*_):
    raise Killed


def before_the_claim(s, patch):
    patch.setattr(s.store, "commit", end)


def before_the_call(s, _patch):
    s.target.script = [end]


def during_the_call(s, _patch):
    s.target.script = [Killed()]


def before_it_is_written(s, patch):
    patch.setattr(s.starter, "_tell", end)


def after_it(s, patch):
    tell = s.starter._tell
    patch.setattr(s.starter, "_tell", lambda *given: (tell(*given), end()))


MOMENTS = {
    "before the claim": before_the_claim,
    "after the claim, before the call": before_the_call,
    "during the call": during_the_call,
    "after the answer, before it is written": before_it_is_written,
    "after it is written": after_it,
}


def crash(s, moment, monkeypatch, *, repeatable):
    """Of the run: (phase, calls, how often its work began, what people were told)."""
    s.target.repeatable = 60 * MINUTE if repeatable else 0
    with monkeypatch.context() as patch:
        MOMENTS[moment](s, patch)
        with pytest.raises(Killed):
            s.fire("09:00")
    again = s.fire("09:00:30")
    s.sweep("09:01", "09:02", "09:03")
    if s.target.started:
        s.hear("success", "09:05", RUN)
    s.sweep("09:06", "09:11")
    return again.held, s.phases, len(s.target.calls), s.target.started.count(RUN), s.told()


SILENT = [("opened", "never_checked_in")]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("before the claim", (None, ["started"], 1, 1, [])),
        ("after the claim, before the call", (Held.BUSY, ["started"], 2, 1, [])),
        ("during the call", (Held.BUSY, ["started"], 2, 1, [])),
        ("after the answer, before it is written", (Held.BUSY, ["started"], 2, 1, [])),
        ("after it is written", (Held.DONE, ["started"], 1, 1, [])),
    ],
)
def test_a_target_that_may_be_called_again(stage, monkeypatch, moment, expected):
    assert crash(stage(), moment, monkeypatch, repeatable=True) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("before the claim", (None, ["started"], 1, 1, [])),
        ("after the claim, before the call", (Held.BUSY, ["unknown"], 1, 0, SILENT)),
        ("during the call", (Held.BUSY, ["unknown"], 1, 1, [])),
        ("after the answer, before it is written", (Held.BUSY, ["unknown"], 1, 1, [])),
        ("after it is written", (Held.DONE, ["started"], 1, 1, [])),
    ],
)
def test_one_that_may_not(stage, monkeypatch, moment, expected):
    assert crash(stage(), moment, monkeypatch, repeatable=False) == expected


def test_between_the_answer_and_the_end_of_a_run_that_was_waited_for(stage, monkeypatch):
    """The run is known to have begun; its end is lost with us."""
    s = stage(max_runtime=5 * MINUTE)
    s.target.script = [lambda _call, sent: sent() or TargetAnswer(text="200 OK", ok=True)]
    record = s.starter._record
    with monkeypatch.context() as patch:
        patch.setattr(
            s.starter, "_record", lambda order, kind, body: end() if kind is Kind.SUCCESS else record(order, kind, body)
        )
        with pytest.raises(Killed):
            s.fire("09:00")
    s.sweep("09:02", "09:06")
    assert (s.phases, s.target.started, s.told()) == (["started"], [RUN], [("opened", "max_runtime_ran_out")])


def test_the_page_has_these_moments():
    table = PAGE.partition("\n### When whoever starts a run ends\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")]
    assert cells[2:7] == list(MOMENTS)
