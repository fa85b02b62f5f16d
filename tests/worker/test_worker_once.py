"""Work is done once: while it runs, when it is done, when another machine has it, and after a worker was killed."""

import json
import os
import signal
from uuid import uuid4

import pytest
from yard import order, until

from heartbeat.core.run_history import RunEnd


@pytest.fixture
def run():
    return str(uuid4())


def test_a_message_is_worked_on_told_and_deleted(yard, server, run):
    body = order(run, input={"rows": 3})
    ident = yard.send(run, body, slot="2026-11-28T08:00:00+00:00")
    command = "cat > $RAN.body; env | grep ^HEARTBEAT_ > $RAN.env; echo 3 rows"
    assert yard.work("--once", command=command) == (0, "")
    assert yard.waiting() == (0, 0)
    assert (yard.folder / "ran.body").read_text() == body
    given = dict(line.split("=", 1) for line in (yard.folder / "ran.env").read_text().splitlines())
    assert given["HEARTBEAT_JOB"] == "settle"
    assert given["HEARTBEAT_RUN_ID"] == run
    assert given["HEARTBEAT_SLOT"] == "2026-11-28T08:00:00+00:00"
    assert given["HEARTBEAT_MESSAGE_ID"] == ident
    assert given["HEARTBEAT_QUEUE"] == yard.url
    assert given["HEARTBEAT_RECEIPT_HANDLE"]
    assert server.signals(run) == [("start", f"message {ident}"), ("success", "3 rows\n")]
    assert server.record(run).end is RunEnd.DONE


def test_until_empty_works_on_all_whoever_sent_them(yard, server):
    runs = [str(uuid4()), str(uuid4())]
    yard.send(runs[0])
    yard.send(body=order(runs[1]))  # as EventBridge would pass it on, without attributes
    yard.send(body=json.dumps({"job": "unload", "truck": 7}))
    assert yard.work("--until-empty", "--wait", "0", "--job", "settle") == (0, "")
    assert (yard.runs, yard.waiting()) == (3, (0, 0))
    assert [server.record(run).end for run in runs] == [RunEnd.DONE, RunEnd.DONE]


def test_nothing_to_do_is_fine(yard):
    assert yard.work("--once", "--wait", "0") == (0, "")
    assert yard.runs == 0


def test_its_message_is_hidden_for_as_long_as_it_takes(yard, run):
    yard.send(run)
    first = yard.start("--once", "--visibility", "2s", command="echo ran >> $RAN; sleep 5")
    until(lambda: yard.runs == 1)
    assert yard.work("--once", "--wait", "4", "--visibility", "2s", machine="two") == (0, "")
    assert first.wait(10) == 0
    assert (yard.runs, yard.waiting()) == (1, (0, 0))


def test_a_run_that_is_done_is_deleted_without_work(yard, server, run):
    for machine in ("one", "one", "two"):  # the second time this machine knows, the third time the server does
        yard.send(run)
        status, said = yard.work("--once", "--db", str(server.db), machine=machine)
        assert status == 0
    assert "is already done; deleted without work" in said
    assert (yard.runs, yard.waiting()) == (1, (0, 0))
    assert server.kinds(run) == ["start", "success"]


def test_without_a_store_this_machine_still_knows_its_own(yard, run):
    for _ in range(2):
        yard.send(run)
        assert yard.work("--once")[0] == 0
    assert (yard.runs, yard.waiting()) == (1, (0, 0))


@pytest.mark.parametrize("machine", ["one", "two"])
def test_a_run_that_is_under_way_is_left(yard, server, run, machine):
    options = ("--once", "--backoff", "0s", "--db", str(server.db))
    yard.send(run)
    first = yard.start(*options, command="echo ran >> $RAN; while [ ! -e $RAN.go ]; do sleep 0.05; done")
    until(lambda: yard.runs == 1)
    yard.send(run)
    status, said = yard.work(*options, machine=machine)
    assert status == 75
    assert "is under way elsewhere; left alone" in said
    assert yard.waiting() == (1, 1)
    (yard.folder / "ran.go").touch()
    assert first.wait(10) == 0
    assert yard.work(*options, machine=machine)[0] == 0
    assert (yard.runs, yard.waiting()) == (1, (0, 0))


@pytest.mark.parametrize("machine", ["one", "two"])
def test_the_run_of_a_killed_worker_is_begun_again(yard, server, run, machine):
    yard.send(run)
    options = ("--once", "--visibility", "2s", "--db", str(server.db))
    killed = yard.start(*options, command="echo ran >> $RAN; sleep 60")
    until(lambda: yard.runs == 1)
    os.killpg(killed.pid, signal.SIGKILL)
    assert yard.work(*options, "--wait", "5", machine=machine) == (0, "")
    assert (yard.runs, yard.waiting()) == (2, (0, 0))
    assert server.kinds(run) == ["start", "start", "success"]
    assert server.record(run).end is RunEnd.DONE


def test_a_worker_killed_before_it_could_delete_leaves_nothing_to_do(yard, server, run):
    ident = yard.send(run)
    server.hear(run, "start", f"message {ident}")
    server.hear(run, "success")
    assert yard.work("--once", "--db", str(server.db))[0] == 0
    assert (yard.runs, yard.waiting()) == (0, (0, 0))


def test_a_command_that_outlives_its_worker_is_under_way(yard, run):
    yard.send(run)
    options = ("--once", "--visibility", "1s", "--backoff", "0s")
    first = yard.start(*options, command="echo ran >> $RAN; while [ ! -e $RAN.go ]; do sleep 0.05; done")
    until(lambda: yard.runs == 1)
    first.kill()
    status, said = yard.work(*options, "--wait", "5")
    (yard.folder / "ran.go").touch()
    assert (status, yard.runs) == (75, 1)
    assert "is under way elsewhere; left alone" in said


def test_two_machines_with_a_message_each_of_one_run_begin_it_once(yard, server, run):
    """Both look at the same moment; who said first that it begins goes on."""
    options = ("--once", "--backoff", "0s", "--db", str(server.db))
    yard.send(run)
    yard.send(run)
    both = [yard.start(*options, machine=each, command="echo ran >> $RAN; sleep 1") for each in ("one", "two")]
    assert sorted(each.wait(20) for each in both) == [0, 75]
    assert yard.work(*options)[0] == 0
    assert (yard.runs, yard.waiting()) == (1, (0, 0))
