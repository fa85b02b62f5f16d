from __future__ import annotations

import json
import logging

import pytest
from alert_samples import NOW, alert, recovered
from receiver import Receiver, listening

from heartbeat.channels.slack.bot import SlackBot
from heartbeat.channels.slack.webhook import SlackWebhook
from heartbeat.errors import ChannelFailed
from heartbeat.model import Event
from heartbeat.outbound.addresses import Guard

SECRET = "T0000/B0000/verysecret"
OPEN = Guard(allow_private=True)
ROOT = json.dumps({"channel": "C0123456789", "ts": "1.000001", "alerts": 1})


class Workspace(Receiver):
    """Stands for slack.com: takes every call, unless an error is scripted for its method."""

    def __init__(self):
        super().__init__()
        self.errors = {}

    def answer(self, asked):
        method = asked.path.rpartition("/")[2]
        status, headers, error = self.errors.get(method, [(200, {}, "")])[0]
        if len(self.errors.get(method, ())) > 1:
            self.errors[method].pop(0)
        said = {"ok": False, "error": error} if error else self.said(asked.form)
        return status, headers, json.dumps(said).encode()

    def said(self, form):
        return {"ok": True, "channel": form["channel"], "ts": form.get("ts") or f"{len(self.asked)}.000001"}

    def calls(self):
        return [asked.path.rpartition("/")[2] for asked in self.asked]


@pytest.fixture
def slack():
    with listening(Workspace()) as server:
        yield server


def bot(slack, **settings):
    return SlackBot("ops", "xoxb-secret", "C0123456789", base_url=f"{slack.url}/api/", guard=OPEN, **settings)


def hook(receiver, **settings):
    return SlackWebhook("ops", f"{receiver.url}/services/{SECRET}", guard=OPEN, **settings)


def send(channel, *alerts, receipt=""):
    return channel.send(alerts, key="k", now=NOW, receipt=receipt)


# The incoming webhook


def test_a_webhook_gets_text_and_blocks_and_unfurls_nothing(receiver):
    assert send(hook(receiver), alert()) == ""
    (asked,) = receiver.asked
    assert asked.json["text"].startswith("MISSED daily-report (prod): expected 09:00 JST")
    assert asked.json["blocks"][0]["text"]["text"].startswith(":red_circle: *MISSED* daily-report")
    assert (asked.json["unfurl_links"], asked.json["unfurl_media"]) == (False, False)


def test_many_are_one_message(receiver):
    send(hook(receiver), *(alert(f"job{n}") for n in range(24)))
    (asked,) = receiver.asked
    assert asked.json["text"].endswith("job9 (prod) and 14 more")


@pytest.mark.parametrize(
    ("answer", "refused", "retry_after"),
    [
        ((429, {"Retry-After": "17"}, b"rate_limited"), False, 17.0),
        ((429, {}, b"rate_limited"), False, 30.0),
        ((500, {}, b"oops"), False, None),
        ((404, {}, b"no_service"), True, None),
        ((403, {}, b"action_prohibited"), True, None),
        ((410, {}, b"channel_is_archived"), True, None),
        ((400, {}, b"user_not_found"), True, None),
        ((400, {}, b"what_is_this"), False, None),
    ],
)
def test_what_a_webhook_s_answers_mean(receiver, answer, refused, retry_after):
    receiver.otherwise = answer
    with pytest.raises(ChannelFailed) as failed:
        send(hook(receiver), alert())
    assert (failed.value.final, failed.value.refused, failed.value.retry_after) == (False, refused, retry_after)
    assert str(failed.value) == f"Slack answered {answer[0]} {answer[2].decode()}"
    assert len(receiver.asked) == 1


def test_blocks_that_slack_refuses_are_said_in_plain_words(receiver):
    receiver.script = [(400, {}, b"invalid_blocks")]
    send(hook(receiver), alert())
    assert ["blocks" in asked.json for asked in receiver.asked] == [True, False]


def test_the_url_is_never_shown(receiver, caplog):
    caplog.set_level(logging.DEBUG)
    channel = hook(receiver)
    send(channel, alert())
    receiver.shutdown()
    receiver.server_close()
    with pytest.raises(ChannelFailed, match=r"cannot be reached \(ConnectionRefusedError\)") as failed:
        send(channel, alert())
    assert not failed.value.final
    assert "verysecret" not in f"{failed.value}{failed.getrepr(chain=False).reprcrash}{channel!r}{caplog.text}"


# The bot


def test_a_bot_keeps_where_its_message_lies(slack):
    receipt = send(bot(slack), alert())
    assert json.loads(receipt) == {"channel": "C0123456789", "ts": "1.000001", "alerts": 1}
    (asked,) = slack.asked
    assert asked.headers["authorization"] == "Bearer xoxb-secret"
    assert asked.form["unfurl_links"] in {False, "0"}
    assert "thread_ts" not in asked.form


def test_a_recovery_turns_the_first_message_green_and_replies(slack):
    assert send(bot(slack), recovered(), receipt=ROOT) == ROOT
    update, reply = slack.asked
    assert slack.calls() == ["chat.update", "chat.postMessage"]
    assert update.form["ts"] == "1.000001"
    assert ":large_green_circle: *RECOVERED*" in json.dumps(update.form["blocks"])
    assert reply.form["thread_ts"] == "1.000001"
    assert reply.form["text"] == ":large_green_circle: Recovered after 42 min, 3 missed"


def test_a_reminder_goes_into_the_thread(slack):
    assert send(bot(slack), alert(event=Event.REMINDER, bad=2), receipt=ROOT) == ROOT
    (asked,) = slack.asked
    assert asked.form["thread_ts"] == "1.000001"
    assert asked.form["text"].startswith("STILL DOWN daily-report (prod): since 09:10 JST (21 min), 2 missed")


@pytest.mark.parametrize(
    ("thread", "update", "calls"),
    [
        (True, True, ["chat.update", "chat.postMessage"]),
        (True, False, ["chat.postMessage"]),
        (False, True, ["chat.update"]),
        (False, False, ["chat.postMessage"]),
    ],
)
def test_both_can_be_switched(slack, thread, update, calls):
    send(bot(slack, thread=thread, update=update), recovered(), receipt=ROOT)
    assert slack.calls() == calls
    assert ("thread_ts" in slack.asked[-1].form) is thread


def test_without_threads_a_reminder_is_a_message_of_its_own(slack):
    send(bot(slack, thread=False), alert(event=Event.REMINDER), receipt=ROOT)
    assert "thread_ts" not in slack.asked[0].form


@pytest.mark.parametrize("error", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_a_message_that_cannot_be_updated_is_said_anew(slack, error):
    slack.errors = {"chat.update": [(200, {}, error)]}
    receipt = send(bot(slack), recovered(), receipt=ROOT)
    assert slack.calls() == ["chat.update", "chat.postMessage"]
    assert "thread_ts" not in slack.asked[1].form
    assert slack.asked[1].form["text"].startswith("RECOVERED daily-report")
    assert json.loads(receipt)["ts"] == "2.000001"


def test_a_thread_that_is_gone_is_said_anew(slack):
    slack.errors = {"chat.postMessage": [(200, {}, "thread_not_found"), (200, {}, "")]}
    send(bot(slack), alert(event=Event.REMINDER), receipt=ROOT)
    assert ["thread_ts" in asked.form for asked in slack.asked] == [True, False]


@pytest.mark.parametrize("receipt", ["", "{", "[]", '{"channel": "C1"}', "null"])
def test_a_receipt_that_is_lost_or_broken_means_a_new_message(slack, receipt):
    send(bot(slack), recovered(), receipt=receipt)
    assert slack.calls() == ["chat.postMessage"]
    assert "thread_ts" not in slack.asked[0].form


def test_the_recovery_of_one_of_many_goes_into_their_thread(slack):
    receipt = send(bot(slack), *(alert(f"job{n}") for n in range(8)))
    assert json.loads(receipt)["alerts"] == 8
    assert send(bot(slack), recovered("job3"), receipt=receipt) == receipt
    assert slack.calls() == ["chat.postMessage", "chat.postMessage"]
    assert slack.asked[1].form["thread_ts"] == "1.000001"
    assert slack.asked[1].form["text"] == "RECOVERED job3 (prod): after 42 min, 3 missed"


def test_the_recovery_of_many_is_shown_in_the_channel_too(slack):
    receipt = send(bot(slack), *(alert(f"job{n}") for n in range(8)))
    send(bot(slack), *(recovered(f"job{n}") for n in range(6)), receipt=receipt)
    assert slack.asked[1].form["thread_ts"] == "1.000001"
    assert slack.asked[1].form["reply_broadcast"] in {True, "1"}


@pytest.mark.parametrize(
    ("answer", "refused", "retry_after"),
    [
        ((429, {"Retry-After": "3"}, "ratelimited"), False, 3.0),
        ((200, {}, "invalid_auth"), True, None),
        ((200, {}, "channel_not_found"), True, None),
        ((200, {}, "internal_error"), False, None),
        ((503, {}, "service_unavailable"), False, None),
        ((403, {}, "some_proxy_said_no"), False, None),
    ],
)
def test_what_a_bot_s_answers_mean(slack, answer, refused, retry_after):
    slack.errors = {"chat.postMessage": [answer]}
    with pytest.raises(ChannelFailed) as failed:
        send(bot(slack), alert())
    assert (failed.value.final, failed.value.refused, failed.value.retry_after) == (False, refused, retry_after)
    assert len(slack.asked) == 1


def test_a_bot_says_refused_blocks_in_plain_words_too(slack):
    slack.errors = {"chat.postMessage": [(200, {}, "invalid_blocks"), (200, {}, "")]}
    send(bot(slack), alert())
    slack.errors = {"chat.update": [(200, {}, "invalid_blocks"), (200, {}, "")]}
    send(bot(slack), recovered(), receipt=ROOT)
    assert slack.calls() == ["chat.postMessage"] * 2 + ["chat.update"] * 2 + ["chat.postMessage"]


def test_slack_that_is_away_may_come_back():
    with listening(Workspace()) as gone:
        channel = bot(gone)
    with pytest.raises(ChannelFailed) as failed:
        send(channel, alert())
    assert not failed.value.final


@pytest.mark.parametrize("body", [b"[]", b'"ok"', b"null", b"{", b"<html>Log in</html>", b'{"ok": "no"', b"7"])
def test_a_bot_that_is_answered_by_somebody_else_is_not_told(receiver, body):
    receiver.otherwise = (200, {}, body)
    with pytest.raises(ChannelFailed) as failed:
        send(SlackBot("ops", "xoxb-secret", "C0123456789", base_url=f"{receiver.url}/api/", guard=OPEN), alert())
    assert not failed.value.final


def test_a_message_of_which_slack_does_not_say_where_it_lies_is_told(receiver):
    receiver.otherwise = (200, {}, b'{"ok": true}')
    told = SlackBot("ops", "xoxb-secret", "C0123456789", base_url=f"{receiver.url}/api/", guard=OPEN)
    assert send(told, alert()) == ""
