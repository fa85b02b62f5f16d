"""What the pages of the recipes on AWS show under "What you see then" is what is shown then."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from pages import Page

from heartbeat.config import read
from heartbeat.core.definition import founding
from heartbeat.core.start_orders import Order
from heartbeat.doors.cli import main
from heartbeat.model import SECOND, Kind, Signal
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.targets.protocol import TargetAnswer
from heartbeat.text.alert_text import compose
from heartbeat.verbs.record import Recorder
from heartbeat.verbs.sweep import sweep
from heartbeat.verbs.trigger import Starter


def at(text):
    """A time of 2026-11-28 in Tokyo, in milliseconds."""
    return round(
        datetime.fromisoformat(f"2026-11-28T{text}").replace(tzinfo=ZoneInfo("Asia/Tokyo")).timestamp() * SECOND
    )


class Target:
    """Takes everything, with the answers that the page shows."""

    timeout, repeatable = 10 * SECOND, 0

    def __init__(self):
        self.text = ""

    def start(self, _call, _sent):
        return TargetAnswer(text=self.text)


class Recipe:
    """A page's jobs, in a store whose clock the test moves."""

    def __init__(self, name, path, born):
        self.page, self.db, self.now, self.target = Page(f"recipes/{name}.md"), path / "hb.db", at(born), Target()
        self.store = SQLiteStore(self.db)
        config = read(self.page.file("jobs.yaml").text)
        self.store.commit([founding(job, self.now) for job in config.jobs])

    @property
    def shown(self):
        """The lines of the page: (those of `heartbeat runs`, the sentence of the alert)."""
        runs, _, alert = self.page.block("What you see then").text.partition("\n\n")
        return runs.splitlines(), alert.strip()

    def fire(self, job, when, answer):
        """The schedule starts its run; its id."""
        self.now, self.target.text = at(when), answer
        started = Starter(self.store, lambda _: self.target, lambda: self.now).start(Order(slug=job, slot=self.now))
        return started.run_id

    def hear(self, job, run, kind, when, **more):
        self.now = at(when)
        told = Signal(slug=job, kind=Kind(kind), at=self.now, received=self.now, run_id=run, id=f"{run}{kind}", **more)
        Recorder(self.store).record([told])

    def runs(self, job, capsys):
        """The table; what a failed run said, and what to type next, stand below it."""
        assert main(["runs", job, "--db", str(self.db)], clock=lambda: self.now) == 0
        return capsys.readouterr().out.partition("\n\n")[0].splitlines()

    def told(self):
        return [compose([each.alert], self.now).summary for each in self.store.outbox(1 << 52, 10)]


def alike(lines, ids):
    """Without widths, and with the page's ids in place of ours."""
    text = "\n".join(" ".join(line.split()) for line in lines)
    for ours, shown in ids.items():
        text = text.replace(ours[:8], shown)
    return text.splitlines()


def test_schedules_in_yaml(tmp_path, capsys):
    recipe = Recipe("schedules-in-yaml", tmp_path, "08:00")
    lines, alert = recipe.shown
    run = recipe.fire("backup", "09:00", "execution 0f6f77c0-4d0d-5f6e-9a51-0d7a1b1f3c11")
    recipe.hear("backup", run, "start", "09:00:02", source="step_functions")
    recipe.hear("backup", run, "success", "09:04:02", source="step_functions", duration=240 * SECOND)
    recipe.hear("backup", "b5b3cf54-hand", "start", "14:02:11", source="step_functions")
    recipe.hear("backup", "b5b3cf54-hand", "fail", "14:02:23", source="step_functions", duration=12_000, exit_status=1)
    assert alike(recipe.runs("backup", capsys), {run: "0f6f77c0"}) == alike(lines, {})
    assert recipe.told() == [alert]


def test_queue_to_ecs(tmp_path, capsys):
    recipe = Recipe("queue-to-ecs", tmp_path, "08:00")
    lines, alert = recipe.shown
    recipe.hear("csv-import", "8e83f279-one", "start", "18:36:55")
    recipe.hear("csv-import", "8e83f279-one", "success", "18:40:55", duration=240 * SECOND)
    recipe.hear("csv-import", "1c0d9a2e-two", "start", "18:41:55")
    recipe.hear("csv-import", "1c0d9a2e-two", "fail", "18:41:57", duration=2 * SECOND, exit_status=1)
    assert alike(recipe.runs("csv-import", capsys), {}) == alike(lines, {})
    assert recipe.told() == [alert]


@pytest.mark.parametrize("comes", [True, False])
def test_job_observer(tmp_path, capsys, comes):
    recipe = Recipe("job-observer", tmp_path, "04:00")
    lines, alert = recipe.shown
    run = recipe.fire("feed", "05:00", "message 6dd67a44-1f0e-4a53-8c1f-2b8f8e0c7c55")
    if comes:
        recipe.hear("feed", run, "start", "05:12")
        recipe.hear("feed", run, "success", "05:19", duration=420 * SECOND)
        assert alike(recipe.runs("feed", capsys), {run: "5f2f6a1c"}) == alike(lines, {})
        return
    for minute in range(0, 32, 4):
        recipe.now = at(f"05:{minute:02}")
        sweep(recipe.store, recipe.now)
    recipe.now = at("05:31")
    sweep(recipe.store, recipe.now)
    assert recipe.told() == [alert]
