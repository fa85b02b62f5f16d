"""tick: one sweep and one pass of deliveries, for those who have no server."""

import os

import pytest

from heartbeat.model import Kind

EVIDENCE = """\
defaults: {timezone: UTC, grace: 10m, notify: [screen]}
channels: {screen: {console: {}}}
jobs:
  backup: {schedule: "0 18 * * *", evidence: {key: "backup/{date:%Y-%m-%d}.gz"}}
"""


def test_a_tick_tells_what_it_did_and_whom(night):
    status, out, err = night.run("tick", when="2026-11-22T01:02")
    assert (status, err) == (0, "")
    assert "MISSED daily-report" in out
    assert out.splitlines()[-1] == "1 sent"
    assert night.run("tick")[1] == "nothing was due\n"


def test_a_tick_finds_what_is_missing(machine):
    machine.apply("2026-11-20T23:50")
    for minute in range(50, 60, 2):
        assert machine.run("tick", when=f"2026-11-20T23:{minute}")[1] == "nothing was due\n"
    for minute in range(0, 10, 2):
        machine.run("tick", when=f"2026-11-21T00:0{minute}")
    status, out, _ = machine.run("tick", when="2026-11-21T00:11")
    assert status == 0
    assert "MISSED daily-report: expected 09:00 JST, nothing by 09:10, no success so far" in out
    assert out.splitlines()[-1] == "1 judged, 1 told, 1 sent"


def test_json_is_only_json(night):
    found = night.json_of("tick", when="2026-11-22T01:02")
    assert found == {"judged": 0, "told": 0, "sent": 1, "failed": 0, "dead": 0, "blind": None}


def test_a_gap_between_ticks_is_said(night):
    found = night.json_of("tick", when="2026-11-22T02:00")
    assert found["blind"] == {"start": "2026-11-22T00:58:00Z", "end": "2026-11-22T02:00:00Z"}
    assert (
        "nobody looked from 2026-11-22 02:00 UTC to 2026-11-22 03:00 UTC"
        in night.run("tick", when="2026-11-22T03:00")[1]
    )


def test_evidence_in_a_folder_from_cron(machine, monkeypatch):
    def tick(*minutes, hour=18):
        return [machine.run("tick", "--evidence", "proofs", when=f"2026-11-20T{hour}:{m:02}")[1] for m in minutes]

    machine.write(EVIDENCE)
    machine.apply("2026-11-20T17:56")
    tick(56, hour=17)
    assert "MISSED backup: expected 18:00 UTC" in "".join(tick(0, 4, 8, 12))
    (machine.folder / "proofs" / "backup").mkdir(parents=True)
    proof = machine.folder / "proofs" / "backup" / "2026-11-20.gz"
    proof.write_bytes(b"x")
    os.utime(proof, (1_795_198_380, 1_795_198_380))  # 18:13
    assert "RECOVERED backup: after 3 min, 1 missed" in "".join(tick(14))
    monkeypatch.setenv("HEARTBEAT_EVIDENCE", "proofs")
    assert machine.run("tick", when="2026-11-20T18:16")[1] == "nothing was due\n"


def test_a_channel_that_refuses_is_the_worlds_trouble(night):
    text = 'channels: {screen: {webhook: {url: "http://127.0.0.1:9/", allow_private: true}}}\njobs: {}\n'
    night.write(text)
    status, out, _ = night.run("tick", when="2026-11-22T01:02")
    assert (status, out) == (3, "1 failed\n")
    assert "last error: " in night.run("status")[1]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("tick", "--config", "no.yaml"), "no.yaml:1:1: the file cannot be read"),
        (("tick", "--db", "no.db"), "there is no database no.db"),
    ],
)
def test_common_mistakes(night, argv, words):
    status, out, err = night.run(*argv)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert words in err


def test_a_job_taken_out_of_the_file_and_put_back_is_told_of_again(machine):
    less = (
        "defaults: {timezone: UTC, grace: 1s, notify: [o]}\nchannels: {o: {console: {}}}\njobs:\n"
        "  keep: {schedule: every 1h}\n"
    )
    full = less + "  tick: {schedule: every 2s}\n"
    machine.write(full)
    machine.run("apply", when="2026-11-22T09:00:00")
    assert "MISSED tick" in machine.run("tick", when="2026-11-22T09:00:04")[1]
    for text in (less, full):
        machine.write(text)
        assert machine.run("apply", when="2026-11-22T09:00:05")[0] == 0
    out = machine.run("tick", when="2026-11-22T09:00:09")[1]
    assert "CLOSED tick: removed while it was down" in out
    assert "MISSED tick: expected 09:00:02 UTC, nothing by 09:00:03" in out
    machine.hear("tick", "2026-11-22T09:00:10", kind=Kind.FAIL)
    machine.hear("tick", "2026-11-22T09:00:11")
    assert "RECOVERED tick" in machine.run("tick", when="2026-11-22T09:00:11")[1]


def test_a_tick_with_a_broken_file_looks_and_tells_as_the_last_good_one_said(machine):
    machine.apply("2026-11-20T23:50")
    machine.run("tick", when="2026-11-20T23:51")
    machine.write("jobs: {a: {schedule: nonsense}}\n")
    status, out, err = machine.run("tick", when="2026-11-20T23:52")
    assert (status, "jobs.yaml:1:" in err, "mistake at line 1" in out) == (2, True, True)
    assert "mistake at line 1" in machine.run("status")[1]
    assert "mistake" not in machine.run("tick", when="2026-11-20T23:53")[1]
    assert "daily-report" in machine.run("tick", when="2026-11-21T00:11")[1]
    (machine.folder / "jobs.yaml").unlink()
    assert machine.run("tick", when="2026-11-21T00:13")[0] == 2


def test_the_first_tick_with_a_broken_file_ends_with_it(machine):
    machine.apply("2026-11-20T23:50")
    machine.write("jobs: {a: {schedule: nonsense}}\n")
    assert machine.run("tick", when="2026-11-20T23:51")[0] == 2


def test_a_secret_that_is_missing_silences_no_other_channel(machine, monkeypatch):
    monkeypatch.delenv("HOOK", raising=False)
    machine.write("""\
defaults: {timezone: UTC, grace: 10m, notify: [hook, screen]}
channels: {hook: {webhook: {url: "${env:HOOK}"}}, screen: {console: {}}}
jobs: {backup: {schedule: "0 18 * * *"}}
""")
    machine.apply("2026-11-20T17:56")
    machine.run("tick", when="2026-11-20T17:57")
    for minute in range(0, 12, 2):
        status, out, err = machine.run("tick", when=f"2026-11-20T18:{minute:02}")
        assert status == 2
        assert "HOOK" in err
    assert "MISSED backup: expected 18:00 UTC" in out
