"""The world around a job: nobody answers, nobody can be trusted, nothing is set; and what a run block does then."""

import base64
import shutil
import socket
import subprocess
from urllib.parse import parse_qsl, urlsplit

import pytest
from faulty_receiver import Answer, Receiver
from languages import KEY, SLACK_PATH

UUID = "11111111-2222-4333-8444-555555555555"
RUN_ENDS = {"python": 1, "php": 255, "php-streams": 255, "ruby": 1, "bash": 1, "dash": 1, "wget": 1}
RUNTIME_ERRORS = {"php": "RuntimeException", "php-streams": "RuntimeException"}


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """An https server whose certificate nobody has signed."""
    assert shutil.which("openssl"), "there is no openssl to make a certificate with"
    pem = tmp_path_factory.mktemp("stranger") / "stranger.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    subprocess.run([*made.split(), "-keyout", pem, "-out", f"{pem}.cert"], check=True, capture_output=True)
    with pem.open("a") as both:
        both.write((pem.with_name("stranger.pem.cert")).read_text())
    with Receiver(certificate=pem) as receiver:
        yield receiver


def test_a_server_that_is_down_is_one_line_and_the_job_goes_on(told, nobody):
    calls = [{"call": "success", "slug": "report"}, {"call": "run", "slug": "settle", "do": "return", "text": "7 rows"}]
    done = told(calls, HEARTBEAT_URL=nobody, HEARTBEAT_PING_KEY=KEY, HEARTBEAT_TIMEOUT="0.3")
    assert (done.status, done.results) == (0, [False, "7 rows"])
    first, second, third = done.stderr.splitlines()
    assert first.startswith(f"heartbeat: success of 'report' was not delivered: {nobody} cannot be reached (")
    assert first.endswith("); is it up, is HEARTBEAT_URL right?")
    assert second.startswith("heartbeat: start of 'settle' was not delivered: ")
    assert third.startswith("heartbeat: success of 'settle' was not delivered: ")


def test_a_certificate_that_nobody_signed_is_refused(told, stranger):
    done = told(
        [{"call": "success", "slug": "report"}],
        HEARTBEAT_URL=stranger.url,
        HEARTBEAT_PING_KEY=KEY,
        HEARTBEAT_TIMEOUT="5",
    )
    assert done.results == [False]
    assert "certificate" in done.line("report").lower()
    assert stranger.seen == []


def test_without_any_configuration_the_line_names_what_to_set(told):
    calls = [{"call": "success", "slug": "report"}, {"call": "run", "slug": "settle", "do": "return", "text": "done"}]
    done = told(calls)
    assert (done.status, done.results) == (0, [False, "done"])
    assert done.line("report").startswith("heartbeat: success of 'report' was not delivered: HEARTBEAT_URL is not set")


def test_without_a_key_the_line_names_it_and_a_uuid_needs_none(told, receiver):
    calls = [{"call": "success", "slug": "report"}, {"call": "success", "slug": UUID.upper()}]
    done = told([*calls, {"call": "fail", "slug": f"{receiver.url}/ping/{KEY}/whole"}], HEARTBEAT_URL=receiver.url)
    assert done.results == [False, True, True]
    assert "HEARTBEAT_PING_KEY is not set" in done.line("report")
    assert [one.path for one in receiver.seen] == [["ping", UUID], ["ping", KEY, "whole", "fail"]]


def test_a_url_that_is_none_is_told(told):
    urls = ["ftp://example.org", "http://exa mple.org", "example.org", "http://x/?a=1"]
    sets = [{"call": "set", "environ": {"HEARTBEAT_URL": url}} for url in urls]
    calls = [one for number, set_ in enumerate(sets) for one in (set_, {"call": "success", "slug": f"report-{number}"})]
    done = told(calls, HEARTBEAT_PING_KEY=KEY)
    assert done.results == [None, False] * 4
    assert ["the URL is not one to call" in done.line(f"report-{number}") for number in range(4)] == [True] * 4


def test_a_timeout_that_is_none_is_told_and_the_ping_goes_out(told, receiver):
    done = told(
        [{"call": "success", "slug": "report"}],
        HEARTBEAT_URL=receiver.url,
        HEARTBEAT_PING_KEY=KEY,
        HEARTBEAT_TIMEOUT="soon",
    )
    assert done.results == [True]
    assert done.stderr == "heartbeat: HEARTBEAT_TIMEOUT='soon' is no number of seconds; taking 5\n"


def test_settings_from_a_file_written_on_windows_are_read(told, receiver):
    settings = {"URL": receiver.url, "PING_KEY": KEY, "TIMEOUT": "3", "RAISE": "0", "JOB": "report", "RUN_ID": UUID}
    done = told(
        [{"call": "success", "slug": "report"}, {"call": "run", "slug": "settle", "do": "return", "text": "7 rows"}],
        **{f"HEARTBEAT_{name}": f"{value}\r" for name, value in settings.items()},
    )
    assert (done.results, done.stderr) == ([True, "7 rows"], "")
    paths = [one.path for one in receiver.seen]
    assert paths == [["ping", KEY, "report"], ["ping", KEY, "settle", "start"], ["ping", KEY, "settle"]]
    assert receiver.seen[0].query["rid"] == UUID


@pytest.mark.parametrize("ends", ["/", "//", "/ping", "/ping/"])
def test_heartbeat_url_with_more_than_the_address_is_understood(told, receiver, ends):
    calls = [{"call": "success", "slug": "report"}, {"call": "success", "slug": UUID}]
    done = told(calls, HEARTBEAT_URL=receiver.url + ends, HEARTBEAT_PING_KEY=KEY)
    assert done.results == [True, True]
    assert [one.path for one in receiver.seen] == [["ping", KEY, "report"], ["ping", UUID]]


def test_metrics_arrive_as_numbers(told, receiver):
    options = {"metrics": {"rows": 3, "load.avg": -0.5}}
    calls = [{"call": "success", "slug": "report", "options": options}]
    calls += [{"call": "fail", "slug": "report", "options": {"metrics": {"rows": "many"}}}]
    done = told(calls, HEARTBEAT_URL=receiver.url, HEARTBEAT_PING_KEY=KEY)
    assert done.results == [True, False]
    assert "rows" in done.line("report")
    (ping,) = receiver.seen
    query = [(name, value) for name, value in parse_qsl(urlsplit(ping.url).query) if name == "metric"]
    assert query == [("metric", "rows:3"), ("metric", "load.avg:-0.5")]


def test_disabled_is_no_request_and_no_word(told, receiver):
    calls = [{"call": "success", "slug": "report"}, {"call": "run", "slug": "settle", "do": "return", "text": "7 rows"}]
    for settings in ({"HEARTBEAT_URL": receiver.url, "HEARTBEAT_PING_KEY": KEY}, {"HEARTBEAT_RAISE": "1"}):
        done = told(calls, HEARTBEAT_DISABLED="1", **settings)
        assert (done.status, done.results, done.stderr) == (0, [True, "7 rows"], "")
    assert receiver.seen == []


def test_neither_a_uuid_nor_a_url_is_shown_whole(told, receiver):
    """Both are secrets: who has them can say that the job ran."""
    receiver.answers[UUID] += []
    url = f"{receiver.url}/ping/{KEY}/whole"
    receiver.answers["whole"].append(Answer(status=404, body=f"no /ping/{KEY}/whole and {UUID}".encode()))
    done = told([{"call": "success", "slug": UUID}, {"call": "success", "slug": url}], HEARTBEAT_URL="http://x y")
    assert done.results == [False, False]
    assert UUID not in done.stderr
    assert "success of '11111111…' was not" in done.stderr
    assert f"success of '{receiver.url}' was not" in done.stderr


def test_with_nothing_set_a_server_that_hangs_costs_a_run_seven_seconds(told, receiver):
    """Two at its start and five at its end."""
    receiver.answers["settle"].append(Answer(hang=True))
    calls = [{"call": "run", "slug": "settle", "do": "return", "text": "7 rows"}]
    done = told(calls, HEARTBEAT_URL=receiver.url, HEARTBEAT_PING_KEY=KEY)
    assert done.results == ["7 rows"]
    assert 5 < done.seconds < 9


def test_raise_is_an_error_of_its_own_name(told, language, nobody):
    given = {"HEARTBEAT_URL": nobody, "HEARTBEAT_PING_KEY": KEY, "HEARTBEAT_TIMEOUT": "0.3", "HEARTBEAT_RAISE": "1"}
    done = told([{"call": "success", "slug": "report", "catch": True}], **given)
    if language.is_shell:
        assert (done.results, len(done.stderr.splitlines())) == ([False], 1)
        return
    (said,) = done.results
    assert said.startswith(
        {"python": "PingError: ", "ruby": "Heartbeat::PingError: "}.get(language.name, "HeartbeatPingError: ") + nobody
    )
    assert done.stderr == ""


def test_a_run_is_three_facts_about_one_run_id(told, receiver):
    calls = [{"call": "run", "slug": "settle", "do": "return", "text": "7 rows"}]
    done = told(calls, HEARTBEAT_URL=receiver.url, HEARTBEAT_PING_KEY=KEY)
    start, end = receiver.seen
    assert (done.status, done.results, done.stderr) == (0, ["7 rows"], "")
    assert (start.path[3:], end.path[3:]) == (["start"], [])
    assert start.query["rid"] == end.query["rid"]
    assert len(start.query["rid"]) == 36
    assert 0 <= float(end.query["duration"]) < 5


def test_what_a_trigger_started_is_one_run(told, receiver):
    other = "22222222-2222-4333-8444-555555555555"
    calls = [
        {"call": "run", "slug": "settle", "do": "return", "text": "7 rows"},
        {"call": "success", "slug": "settle"},
        {"call": "success", "slug": "settle", "options": {"run_id": other}},
        {"call": "success", "slug": "report"},
    ]
    told(calls, HEARTBEAT_URL=receiver.url, HEARTBEAT_PING_KEY=KEY, HEARTBEAT_JOB="settle", HEARTBEAT_RUN_ID=UUID)
    assert [one.query.get("rid") for one in receiver.seen] == [UUID, UUID, UUID, other, None]


def test_what_a_block_raises_is_told_and_goes_on(told, language, receiver):
    calls = [{"call": "run", "slug": "settle", "do": "raise", "text": "no rows in <ledger>"}]
    done = told(calls, HEARTBEAT_URL=receiver.url, HEARTBEAT_PING_KEY=KEY)
    assert (done.status, done.results) == (RUN_ENDS[language.name], [])
    start, end = receiver.seen
    assert (start.path[3:], end.path[3:]) == (["start"], ["1"] if language.is_shell else ["fail"])
    assert start.query["rid"] == end.query["rid"]
    if not language.is_shell:  # a command's status is all there is
        assert "no rows in <ledger>" in done.stderr
        assert "RuntimeE" in end.body.decode()
        assert "no rows in <ledger>" in end.body.decode()
        assert "work" in end.body.decode(), "the backtrace"


def test_a_job_that_catches_its_error_sees_its_own(told, language, receiver):
    calls = [{"call": "run", "slug": "settle", "do": "raise", "text": "no rows", "catch": True}]
    done = told(calls, HEARTBEAT_URL=receiver.url, HEARTBEAT_PING_KEY=KEY)
    (said,) = done.results
    assert said == (
        "status 1" if language.is_shell else f"{RUNTIME_ERRORS.get(language.name, 'RuntimeError')}: no rows"
    )
    assert done.status == 0


@pytest.mark.parametrize("language", ["python", "php", "php-streams", "ruby"], indirect=True)
def test_what_was_wrong_stands_at_the_end_of_a_failure_where_alerts_show_it(told, language, receiver):
    calls = [{"call": "run", "slug": "settle", "do": "raise", "text": "no rows", "catch": True}]
    told(calls, HEARTBEAT_URL=receiver.url, HEARTBEAT_PING_KEY=KEY)
    error = RUNTIME_ERRORS.get(language.name, "RuntimeError")
    last = receiver.seen[1].body.decode().splitlines()[-1]
    assert last.endswith((f"{error}: no rows", f": no rows ({error})"))


@pytest.mark.parametrize("way", ["return", "raise", "exit"])
def test_a_forked_child_does_not_speak_for_its_parent(told, receiver, way):
    """Whichever way it leaves the block: the run ends when the process that began it says so, and it says so once."""
    calls = [{"call": "run", "slug": "settle", "do": "fork", "child": way, "text": "7 rows", "status": 3}]
    done = told(calls, HEARTBEAT_URL=receiver.url, HEARTBEAT_PING_KEY=KEY)
    assert (done.status, done.results) == (0, ["7 rows"])
    assert [one.path[3:] for one in receiver.seen] == [["start"], []]


def test_a_return_out_of_the_block_is_a_success(told, receiver):
    calls = [{"call": "run", "slug": "settle", "do": "leave", "text": "7 rows"}]
    done = told(calls, HEARTBEAT_URL=receiver.url, HEARTBEAT_PING_KEY=KEY)
    assert (done.status, done.results, done.stderr) == (0, ["7 rows"], "")
    assert [one.path[3:] for one in receiver.seen] == [["start"], []]


@pytest.mark.parametrize("status", [0, 3])
def test_an_exit_inside_a_block_keeps_its_status(told, language, receiver, status):
    calls = [{"call": "run", "slug": "settle", "do": "exit", "status": status}, {"call": "log", "slug": "settle"}]
    done = told(calls, HEARTBEAT_URL=receiver.url, HEARTBEAT_PING_KEY=KEY)
    assert done.status == status
    end = receiver.seen[1].path[3:]
    if language.name.startswith("php"):  # it cannot know the status at its end
        assert (end, receiver.seen[1].body[:6]) == (["fail"], b"exit()")
    else:
        assert end == ([str(status)] if status else [])


def test_with_nobody_there_a_blocks_own_error_goes_on(told, language, nobody):
    calls = [{"call": "run", "slug": "settle", "do": "raise", "text": "no rows"}]
    done = told(calls, HEARTBEAT_URL=nobody, HEARTBEAT_PING_KEY=KEY, HEARTBEAT_TIMEOUT="0.2")
    assert done.status == RUN_ENDS[language.name]
    assert len([line for line in done.stderr.splitlines() if line.startswith("heartbeat: ")]) == 2


def test_slack_is_told_when_nothing_else_worked(told, nobody):
    with Receiver() as slack:
        done = told(
            [{"call": kind, "slug": "R&D <nightly>"} for kind in ("start", "log", "success", "fail")],
            HEARTBEAT_URL=nobody,
            HEARTBEAT_PING_KEY=KEY,
            HEARTBEAT_TIMEOUT="0.3",
            HEARTBEAT_FALLBACK_SLACK=slack.url + SLACK_PATH,
        )
    assert done.results == [False, False, False, False]
    assert len(done.stderr.splitlines()) == 4
    success, fail = slack.seen
    assert (success.method, success.url) == ("POST", SLACK_PATH)
    assert success.headers["content-type"] == "application/json"
    said = [one.json["text"] for one in (success, fail)]
    assert said[0].startswith("Heartbeat could not be told: success of 'R&amp;D &lt;nightly&gt;' on ")
    assert f"{socket.gethostname()} ({nobody} cannot be reached" in said[0]
    assert said[1].startswith("Heartbeat could not be told: fail of 'R&amp;D &lt;nightly&gt;' on ")


def test_slack_that_does_not_answer_is_one_line_too(told, nobody, receiver):
    receiver.answers[""].append(Answer(status=403, body=SLACK_PATH.encode()))
    done = told(
        [{"call": "success", "slug": "report"}],
        HEARTBEAT_URL=nobody,
        HEARTBEAT_PING_KEY=KEY,
        HEARTBEAT_TIMEOUT="0.3",
        HEARTBEAT_FALLBACK_SLACK=receiver.url + SLACK_PATH,
    )
    assert (done.results, len(receiver.seen)) == ([False], 1)
    assert len(done.stderr.splitlines()) == 1


def test_a_refused_ping_is_told_to_slack_at_once(told, receiver):
    receiver.answers["report"].append(Answer(status=404, body=b"not found"))
    done = told(
        [{"call": "success", "slug": "report"}],
        HEARTBEAT_URL=receiver.url,
        HEARTBEAT_PING_KEY=KEY,
        HEARTBEAT_FALLBACK_SLACK=receiver.url + SLACK_PATH,
    )
    ping, slack = receiver.seen
    assert (done.results, ping.job, slack.url) == ([False], "report", SLACK_PATH)
    assert "answered 404 'not found'" in slack.json["text"]


def test_what_is_called_wrongly_is_a_line_and_the_job_goes_on(told, language, receiver):
    calls = [
        {"call": "success", "slug_base64": base64.b64encode(b"a\xff\xfeb").decode()},
        {"call": "success", "slug": "misspelt", "options": {"exitstatus": 3}, "catch": True},
        {"call": "success", "slug": "undated", "options": {"at": "yesterday"}},
        {"call": "success", "slug": "hasty", "options": {"timeout": "soon"}},
        {"call": "run", "slug": "nested", "do": "nest", "text": "7 rows", "options": {"run_id": UUID}},
    ]
    done = told(calls, HEARTBEAT_URL=receiver.url, HEARTBEAT_PING_KEY=KEY)
    odd, misspelt, undated, hasty, nested = done.results
    assert (done.status, odd in (True, False), undated, hasty, nested) == (0, True, False, False, "7 rows")
    if language.name == "python":
        assert misspelt.startswith("TypeError: "), "a call that Python itself refuses"
    else:
        assert misspelt is False
        assert "there is no option" in done.line("misspelt")
        assert "exit" in done.line("misspelt")
    assert "was not delivered: " in done.line("undated")
    assert "was not delivered: " in done.line("hasty")
    assert {one.job for one in receiver.seen[-2:]} == {"nested"}
    assert not {"misspelt", "undated", "hasty"} & {one.job for one in receiver.seen}
