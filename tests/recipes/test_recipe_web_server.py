"""docs/recipes/cron-on-the-web-server.md: its files as they stand, on two servers, with a real Heartbeat."""

import contextlib
import http.client
import json
import re
import subprocess
import threading
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import yaml
from app import App, until
from ministack import free_port
from pages import Page
from served import KEY, Served

from heartbeat.config import read, read_file
from heartbeat.core.run_history import RunEnd, records
from heartbeat.doors.cli import main
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.trigger_work import Starts
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.targets.build import build
from heartbeat.verbs.apply import apply
from heartbeat.verbs.trigger import Starter

PAGE = Page("recipes/cron-on-the-web-server.md")
JOBS = PAGE.file("jobs.yaml")
TOKEN = "the-token-of-the-app"
URL = "https://app.example.org/batch"
MANY = 4


def now():
    return time.time_ns() // 1_000_000


class Recipe:
    """The page's set-up, and jobs like its own with which something is wrong; all are due at one instant, soon."""

    def __init__(self, folder, app, slack):
        self.folder, self.app, self.slack = folder, app, slack
        self.db = folder / "heartbeat.db"

    def declare(self):
        """Writes jobs.yaml and applies it; the slot is so near that a server may come too late to be the first."""
        self.slot = int(time.time()) + 2
        local = datetime.fromtimestamp(self.slot, ZoneInfo("Asia/Tokyo"))
        declared = yaml.safe_load(JOBS.filled(**{URL: f"{self.app.balancer.url}/batch"}))
        for job in declared["jobs"].values():
            job["schedule"] = f"*-*-* {local:%H:%M:%S}"
        declared["jobs"] |= self.variants(declared["jobs"]["daily"])
        declared["channels"]["ops"]["slack"]["allow_private"] = True  # it stands on this machine
        (self.folder / "jobs.yaml").write_text(yaml.safe_dump(declared))
        with contextlib.closing(SQLiteStore(self.db)) as store:
            apply(store, read_file(self.folder / "jobs.yaml"), now())

    def variants(self, job):
        http = job["trigger"]["http"]
        nobody = {"url": f"http://127.0.0.1:{free_port()}/batch"}
        return {
            "weekly": job,
            "hourly": job,
            "stranger": job | {"trigger": {"http": http | {"token": "a-wrong-token"}}},
            "unknown": job,
            "lost": job | {"grace": "14s", "trigger": {"http": http | nobody}},
        }

    def rule_fires(self, barrier):
        """What AWS does: the page's rule calls the trigger function, and so does the schedule that Heartbeat keeps."""
        time_ = datetime.fromtimestamp(self.slot, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        rule = {"source": "aws.events", "time": time_, "resources": ["arn:aws:events:eu-west-1:1234:rule/Daily"]}
        schedule = {"heartbeat": "start", "job": "daily", "at": time_}
        with contextlib.closing(SQLiteStore(self.db)) as store:
            starts = Starts(store, Starter(store, build, now), Journal("recipe", time.time), now)
            barrier.wait(30)
            return [starts.answer(event, lambda: 60_000) for event in (rule, schedule)]

    def race(self):
        """Many calls of both kinds, when the server's own clock starts it too."""
        barrier, answers = threading.Barrier(MANY + 1), []
        racers = [threading.Thread(target=lambda: answers.append(self.rule_fires(barrier))) for _ in range(MANY)]
        for racer in racers:
            racer.start()
        time.sleep(max(0, self.slot - time.time()))
        barrier.wait(30)
        for racer in racers:
            racer.join()
        return answers

    def runs(self, job):
        with contextlib.closing(SQLiteStore(self.db)) as store:
            return records(store.load([job])[job], store.history(job, 100))

    def ended(self, job, end):
        """The one run of the job, once it has ended so."""
        until(lambda: [run.end for run in self.runs(job)] == [end])
        (run,) = self.runs(job)
        return run

    def told(self, job):
        """The one message about the job."""
        until(lambda: self.slack.about(job))
        (text,) = self.slack.about(job)
        return text

    def output(self, job):
        """What stands below the line in the message about the job."""
        return next(json.dumps(asked.json["blocks"]) for asked in self.slack.asked if f" {job}:" in asked.json["text"])

    def sentence(self, job, number, answer=""):
        """A sentence that the page shows, of this job on its first day. number: of the line, from the last one.

        answer: of this job's target, in place of the page's.
        """
        line = PAGE.block("What you see then").text.splitlines()[-1 - number]
        local = datetime.fromtimestamp(self.slot, ZoneInfo("Asia/Tokyo"))
        shown = f"{local:%H:%M:%S}".removesuffix(":00")
        line = line.replace(" daily:", f" {job}:").replace("expected 00:00", f"expected {shown}")
        if answer:
            line = re.sub("(?<=could not be started: ).*(?=, last)", answer, line)
        return re.sub("last success .*", "no success so far", line)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, module_slack):
    folder, port = tmp_path_factory.mktemp("heartbeat"), free_port()
    files = {block.path: block.text for block in PAGE.blocks("ruby")}
    job = PAGE.file("app/jobs/batch_job.rb")
    files[job.path] = job.filled(
        **{'"monthly" =>': '"weekly" => Batch::Weekly, "hourly" => Batch::Hourly, "monthly" =>'}
    )
    environ = {"BATCH_TOKEN": TOKEN, "SLACK_WEBHOOK": module_slack.url}
    told = {"HEARTBEAT_URL": f"http://127.0.0.1:{port}", "HEARTBEAT_PING_KEY": KEY}
    app = App(tmp_path_factory.mktemp("app"), files, **environ, **told)
    app.balancer.away["monthly"] = app.balancer.mute["hourly"] = 1
    with app, pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        made = Recipe(folder, app, module_slack)
        made.declare()
        with Served(folder, jobs=None, HEARTBEAT_PORT=str(port)) as server:
            assert server.port == port, server.said + server.log
            made.answers = made.race()
            yield made
            assert "unexpected error" not in server.log
            assert server.stop() == 0


def test_the_file_of_the_page_has_no_doubts():
    config = read(JOBS.text)
    assert ([job.slug for job in config.jobs], config.warnings) == (["daily", "monthly"], ())


def test_however_often_it_is_called_the_batch_ran_once(recipe):
    run = recipe.ended("daily", RunEnd.DONE)
    assert recipe.app.ran.count("daily") == 1
    assert (run.slot, run.attempts, run.answer, run.by) == (recipe.slot * 1000, 1, "200 OK", "")
    (call,) = [call for call in recipe.app.balancer.calls if call[2]["job"] == "daily"]
    assert (call[2]["token"], call[1]["Heartbeat-Run"], call[1]["Idempotency-Key"]) == (TOKEN, run.id, run.id)
    assert {run["run_id"] for both in recipe.answers for one in both for run in one["runs"]} == {run.id}
    assert recipe.slack.about("daily") == []


def test_what_runs_says_is_what_the_page_shows(recipe, capsys):
    shown = PAGE.block("What you see then").text.splitlines()
    recipe.ended("daily", RunEnd.DONE)
    recipe.ended("stranger", RunEnd.TRIGGER_FAILED)
    said = []
    for job in ("daily", "stranger"):
        assert main(["runs", job, "--db", str(recipe.db)]) == 0
        said.append(alike(capsys.readouterr().out.splitlines()[1], recipe))
    assert said == [alike(line, recipe) for line in shown[1:3]]
    assert shown[0].split() == ["RUN", "SLOT", "END", "TRIGGERED", "TOOK", "REMARKS"]


def alike(line, recipe):
    """Without what differs from run to run: ids, times of day, addresses, widths."""
    line = line.replace(recipe.app.balancer.url, URL.removesuffix("/batch"))
    line = re.sub(r"^[0-9a-f]{8}", "ID", re.sub(r"[0-9]{2}(:[0-9]{2}){1,2}", "TIME", line))
    return " ".join(re.sub(r"\b[0-9]+ s\b", "SECONDS", line).split())


def test_no_server_is_well_and_then_one_is(recipe):
    run = recipe.ended("monthly", RunEnd.DONE)
    calls = [(name is None, told["run_id"]) for name, _, told in recipe.app.balancer.calls if told["job"] == "monthly"]
    assert (run.attempts, calls) == (2, [(True, run.id), (False, run.id)])
    assert recipe.app.ran.count("monthly") == 1
    assert recipe.slack.about("monthly") == []


def test_a_run_whose_answer_was_lost_and_that_has_checked_in_is_not_asked_for_again(recipe):
    run = recipe.ended("hourly", RunEnd.DONE)
    calls = [(name, told["run_id"]) for name, _, told in recipe.app.balancer.calls if told["job"] == "hourly"]
    assert (run.attempts, [run_id for _, run_id in calls]) == (1, [run.id])
    assert recipe.app.ran.count("hourly") == 1
    assert recipe.slack.about("hourly") == []


def test_a_wrong_token_is_told_with_the_apps_answer(recipe):
    run = recipe.ended("stranger", RunEnd.TRIGGER_FAILED)
    said = f"{recipe.app.balancer.url} answered 403 Forbidden: wrong token"
    assert (run.attempts, run.answer) == (1, said)
    assert recipe.told("stranger") == recipe.sentence("stranger", 2, said)


def test_an_app_that_does_not_know_the_batch(recipe):
    run = recipe.ended("unknown", RunEnd.TRIGGER_FAILED)
    assert run.answer.endswith("answered 404 Not Found: no such batch")


def test_a_batch_that_raises(recipe):
    run = recipe.ended("weekly", RunEnd.FAILED)
    assert recipe.app.ran.count("weekly") == 1
    assert "no disk left (ArgumentError)" in run.output
    assert recipe.told("weekly") == recipe.sentence("weekly", 1)
    assert "no disk left (ArgumentError)" in recipe.output("weekly")


def test_an_app_that_is_not_there_is_tried_again_and_then_told(recipe):
    run = recipe.ended("lost", RunEnd.TRIGGER_FAILED)
    assert run.attempts == 2
    assert "cannot be reached" in run.answer
    assert recipe.told("lost") == recipe.sentence("lost", 2, run.answer)


def test_a_call_that_comes_again_is_answered_alike_and_starts_nothing(recipe):
    before = recipe.app.ran.count("monthly")
    body = json.dumps({"job": "monthly", "token": TOKEN})
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k", "Heartbeat-Run": "k"}
    for _ in range(4):
        connection = http.client.HTTPConnection(recipe.app.balancer.url.removeprefix("http://"), timeout=20)
        connection.request("POST", "/batch", body, headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"success")
        connection.close()
    assert {name for name, _, told in recipe.app.balancer.calls[-4:]} == {"one", "two"}
    until(lambda: recipe.app.ran.count("monthly") > before)
    time.sleep(0.3)
    assert recipe.app.ran.count("monthly") == before + 1


def test_the_apps_answer_to_a_stranger(recipe):
    """What the page has typed before anything starts."""
    (typed,) = re.findall(r"`curl -X POST (\S+) -d (\S+)`\s+says `(.+?)`", PAGE.text)
    port = recipe.app.balancer.ports["one"]
    command = ["curl", "-sS", "-X", "POST", typed[0].replace("https://app.example.org", f"http://127.0.0.1:{port}")]
    said = subprocess.run([*command, "-d", typed[1]], capture_output=True, text=True, check=True, timeout=20)
    assert (said.stdout, said.stderr) == (typed[2], "")
