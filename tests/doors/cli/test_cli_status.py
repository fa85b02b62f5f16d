"""status: what an on-call person sees first."""

from msgspec.structs import replace

from heartbeat.model import NEVER, Change, Document, Kind, Outcome, Silence
from heartbeat.verbs.operate import silence
from heartbeat.verbs.service_state import note_dead


def column(out, name):
    """{job: cell} of one column of the plain table."""
    lines = out.splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("JOB "))
    starts = lines[head].index(name)
    after = [i for i in range(starts + len(name), len(lines[head])) if lines[head][i - 2 : i] == "  " != lines[head][i]]
    end = next((i for i in after if lines[head][i] != " "), None)
    return {line.split()[0]: line[starts:end].strip() for line in lines[head + 1 :]}


def test_the_worst_comes_first_and_is_an_exit_status(either_night):
    status, out, err = either_night.run("status")
    assert (status, err) == (1, "")
    assert out.splitlines()[:3] == [
        "3 jobs: 1 down, 1 waiting, 1 up",
        "last sweep 2 min ago",
        "1 alert waits to be delivered, the oldest for 50 min",
    ]
    assert [line.split()[0] for line in out.splitlines()[5:]] == ["daily-report", "worker", "backup"]


def test_each_column_says_what_it_is_called(either_night):
    _, out, _ = either_night.run("status")
    assert column(out, "STATUS") == {"daily-report": "down", "worker": "waiting", "backup": "up"}
    assert column(out, "SINCE") == {"daily-report": "50 min", "worker": "1 d 1 h", "backup": "6 h 57 min"}
    assert column(out, "LAST SUCCESS") == {"daily-report": "1 d ago", "worker": "never", "backup": "6 h 57 min ago"}
    assert column(out, "NEXT EXPECTED")["daily-report"] == "tomorrow 09:00 JST, in 23 h"
    assert column(out, "REMARKS") == {"daily-report": "missed", "worker": "-", "backup": "-"}


def test_only_some(either_night):
    def names(*argv):
        return [job["job"] for job in either_night.json("status", *argv)["jobs"]]

    assert names("--down") == ["daily-report"]
    assert names("--tag", "db", "--tag", "nightly") == ["backup"]
    assert names("--tag", "db", "--tag", "reports") == []
    assert names("ba*", "worker") == ["worker", "backup"]


def test_fine_when_what_is_shown_is_fine(either_night):
    assert either_night.run("status", "backup")[0] == 0
    assert either_night.run("status", "daily-report")[0] == 1


def test_an_unknown_name_gives_the_nearest(either_night):
    status, out, err = either_night.run("status", "daily-reprot")
    assert (status, out, err) == (2, "", "heartbeat: no job is named 'daily-reprot'; did you mean 'daily-report'?\n")


def test_late_and_running_and_overdue_are_derived(either_night):
    def standing(when, slug="backup"):
        return next(job for job in either_night.json("status", when=when)["jobs"] if job["job"] == slug)["standing"]

    assert standing("2026-11-22T17:59") == "up"
    assert standing("2026-11-22T18:00") == "late"
    assert standing("2026-11-22T18:10") == "overdue"
    either_night.hear("backup", "2026-11-22T18:05", kind=Kind.START)
    assert standing("2026-11-22T18:10") == "running"


def test_overdue_is_wrong_too(either_night):
    assert either_night.run("status", "backup", when="2026-11-22T18:11")[0] == 1


def test_a_clock_that_stands_still_is_said_loudly_and_is_wrong(either_night):
    status, out, _ = either_night.run("status", "backup", when="2026-11-22T04:00")
    assert status == 1
    assert "last sweep 3 h 2 min ago: nothing is watched; is `heartbeat serve` running?" in out
    assert either_night.json("status")["watching"] is False


def test_before_the_first_sweep(machine):
    machine.apply("2026-11-20T12:00")
    status, out, _ = machine.run("status", when="2026-11-20T12:01")
    assert status == 0
    assert "no sweep has run yet, so nothing is watched; start `heartbeat serve`" in out


def test_without_jobs(machine):
    machine.write("jobs: {}\n")
    machine.apply("2026-11-20T12:00")
    assert "no jobs yet; `heartbeat apply` makes them" in machine.run("status", when="2026-11-20T12:01")[1]


def test_strays_with_the_nearest_name(either_night):
    seen = {"daily-reprot": {"count": 12, "first": either_night.now - 9_000_000, "last": either_night.now - 1_860_000}}
    seen |= {f"x{n}": {"count": 1, "first": 0, "last": n} for n in range(6)}
    with either_night.store as store:
        store.commit([Change(documents=(Document(name="strays", version=1, value=seen),))])
    _, out, _ = either_night.run("status")
    assert "12 pings for the unknown name daily-reprot, the last 31 min ago; did you mean daily-report?" in out
    assert "and 2 more unknown names" in out
    assert either_night.json("status")["strays"][0] == {
        "slug": "daily-reprot",
        "count": 12,
        "first": "2026-11-21T22:30:00Z",
        "last": "2026-11-22T00:29:00Z",
    }


def test_what_could_not_be_delivered(either_night):
    with either_night.store as store:
        (waiting,) = store.outbox(NEVER - 1, 10)
        dead = replace(waiting, version=2, outcome=Outcome.DEAD, next_at=NEVER, error="the webhook was revoked")
        store.commit([Change(deliveries=(dead,))])
        note_dead(store, [dead])
    _, out, _ = either_night.run("status")
    assert "1 alert never delivered, the latest:" in out
    assert "to screen: opened daily-report" in out
    assert "(the webhook was revoked)" in out
    assert either_night.json("status")["dead"]["latest"][0]["outcome"] == "dead"


def test_what_could_not_be_delivered_is_a_problem_for_a_week(either_night):
    with either_night.store as store:
        (waiting,) = store.outbox(NEVER - 1, 10)
        dead = replace(waiting, version=2, outcome=Outcome.DEAD, next_at=NEVER, error="the webhook was revoked")
        store.commit([Change(deliveries=(dead,))])
        note_dead(store, [dead])
    status, out, _ = either_night.run("doctor")
    assert status == 1
    assert "problem  alerts: never delivered to screen: opened daily-report" in out
    assert "never delivered" not in either_night.run("doctor", when="2026-12-01T00:00")[1]


def test_an_error_of_a_waiting_delivery_is_shown(either_night):
    with either_night.store as store:
        (waiting,) = store.outbox(NEVER - 1, 10)
        store.commit([Change(deliveries=(replace(waiting, version=2, attempts=2, error="timed out"),))])
    assert (
        "1 alert waits to be delivered, the oldest for 50 min; last error: timed out" in either_night.run("status")[1]
    )


def test_silences_are_shown_above_and_with_the_job(either_night):
    with either_night.store as store:
        end = either_night.now + 7_200_000
        silence(
            store, Silence(id="ab12", selector="tag:db", start=either_night.now, end=end, author="ann", reason="swap")
        )
    _, out, _ = either_night.run("status")
    assert "silence ab12: tag:db until 2026-11-22 03:00 UTC (in 2 h), by ann: swap" in out
    assert column(out, "REMARKS")["backup"] == "silenced until 03:00 UTC"


def test_nothing_from_outside_reaches_the_terminal_raw(either_night):
    either_night.run("pause", "worker", "--reason", "\x1b[31mred\x07\nline")
    _, out, _ = either_night.run("status")
    assert "\x1b" not in out
    assert column(out, "REMARKS")["worker"] == "until resumed, red line"


def test_wide_characters_keep_the_columns(machine):
    machine.apply("2026-11-20T12:00")
    machine.run("pause", "backup", "--reason", "日本語", when="2026-11-20T12:01")
    machine.run("silence", "worker", "--for", "1h", "--reason", "日本", "--author", "山田")
    machine.run("silence", "backup", "--for", "2h", "--reason", "x", "--author", "ann")
    lines = machine.run("silence", "--list")[1].splitlines()
    assert lines[1].index("日本") + 2 == lines[2].index("x") == lines[0].index("REASON")


def test_the_shape_of_the_json(either_night):
    found = either_night.json("status")
    assert set(found) == {
        "now", "last_sweep", "watching", "counts", "jobs", "undelivered", "dead", "illnesses", "silences", "strays",
    }  # fmt: skip
    assert (found["now"], found["last_sweep"]) == ("2026-11-22T01:00:00Z", "2026-11-22T00:58:00Z")
    assert found["counts"] == {
        "down": 1, "overdue": 0, "late": 0, "running": 0, "waiting": 1, "up": 1, "paused": 0, "disabled": 0,
    }  # fmt: skip
    job = found["jobs"][0]
    assert (job["job"], job["standing"], job["status"]) == ("daily-report", "down", "down")
    assert (job["since"], job["last_success"]) == ("2026-11-22T00:10:00Z", "2026-11-21T00:07:00Z")
    assert (job["next_expected"], job["deadline"]) == ("2026-11-23T00:00:00Z", "2026-11-23T00:10:00Z")
    assert job["incident"]["reason"] == "grace_ran_out"
    assert (job["schedule"], job["timezone"], job["tags"]) == (["0 9 * * *"], "Asia/Tokyo", ["reports"])


def test_a_page_of_many_the_worst_first(either_night):
    _, out, _ = either_night.run("status", "-n", "1")
    assert [line.split()[0] for line in out.splitlines()[5:6]] == ["daily-report"]
    more = "and 2 more jobs, none of them worse; --all shows them, --down, a name or a --tag fewer"
    assert out.splitlines()[6:] == ["", more]
    assert out.startswith("3 jobs: 1 down, 1 waiting, 1 up\n")
    assert len(either_night.run("status", "-n", "1", "--all")[1].splitlines()) == 8
    assert "more" not in either_night.run("status", "-n", "3")[1]


def test_what_is_not_on_the_page_is_in_the_exit_status(either_night):
    status, out, _ = either_night.run("status", "-n", "0")
    assert (status, "daily-report" in out) == (1, False)


def test_a_program_gets_all_unless_it_says_how_many(either_night):
    assert len(either_night.json("status")["jobs"]) == 3
    assert [job["job"] for job in either_night.json("status", "-n", "2")["jobs"]] == ["daily-report", "worker"]
