from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alert_samples import NOW, alert

from heartbeat import channels
from heartbeat.channels.build import build
from heartbeat.channels.console.terminal import Console
from heartbeat.channels.kinds import CHANNEL_KINDS
from heartbeat.channels.slack.bot import SlackBot
from heartbeat.channels.slack.webhook import SlackWebhook
from heartbeat.channels.sns.topic import Sns
from heartbeat.channels.webhook.request import Webhook
from heartbeat.errors import BadSetting

ARN = "arn:aws:sns:eu-west-1:123456789012:alerts"
HOOK = "https://hooks.slack.com/services/T/B/s3cret"


@pytest.mark.parametrize(
    ("settings", "kind", "parallel", "pace"),
    [
        ({"slack": {"webhook": HOOK}}, SlackWebhook, 1, 1000),
        ({"slack": HOOK}, SlackWebhook, 1, 1000),
        ({"slack": {"token": "xoxb-1", "channel": "C0123456789", "thread": False}}, SlackBot, 1, 1000),
        ({"sns": ARN}, Sns, 4, 0),
        ({"sns": {"topic": f"{ARN}.fifo", "format": "chatbot"}}, Sns, 4, 0),
        ({"webhook": "https://example.com/hook"}, Webhook, 16, 0),
        ({"webhook": {"url": "http://[::1]:8080/x", "headers": {"X-A": "b"}, "allow_private": True}}, Webhook, 16, 0),
        ({"console": {}}, Console, 1, 0),
        ({"console": None}, Console, 1, 0),
    ],
)
def test_each_kind_is_built(settings, kind, parallel, pace):
    channel = build("ops", settings)
    assert isinstance(channel, kind)
    assert (channel.name, channel.group_above, channel.parallel, channel.pace) == ("ops", 5, parallel, pace)


def test_a_definition_is_another_one_when_a_setting_or_a_secret_is():
    def definition(word="a", url=HOOK):
        given = {"webhook": {"url": url, "secret": "${env:S}"}}
        return build("ops", given, resolve=lambda text: word if text == "${env:S}" else text).definition

    assert definition() == definition()
    assert len({definition(), definition("b"), definition(url=f"{HOOK}/x")}) == 3
    assert len(definition()) == 6


def test_every_kind_takes_group_above():
    for settings in (
        {"slack": {"webhook": HOOK}},
        {"sns": {"topic": ARN}},
        {"webhook": {"url": HOOK}},
        {"console": {}},
    ):
        ((kind, inner),) = settings.items()
        assert build("ops", {kind: inner | {"group_above": 0}}).group_above == 0


def test_the_kinds_are_those_that_can_be_built():
    folder = Path(channels.__file__).parent
    assert set(CHANNEL_KINDS) == {each.name for each in folder.iterdir() if (each / "__init__.py").exists()}
    for kind in CHANNEL_KINDS.values():
        assert kind.short == "" or kind.short in kind.keys
        assert {key for keys in kind.either for key in keys} <= set(kind.keys)


def test_references_are_read(receiver):
    settings = {"webhook": {"url": "${env:URL}", "headers": {"X-Token": "${env:T}"}, "allow_private": True}}
    values = {"${env:URL}": receiver.url, "${env:T}": "tok"}
    build("ops", settings, resolve=lambda text: values[text]).send([alert()], key="k", now=NOW, receipt="")
    assert receiver.asked[0].headers["x-token"] == "tok"


def test_a_template_is_the_channel_s_own(receiver):
    settings = {"webhook": {"url": receiver.url, "allow_private": True, "template": '{"text": "${headline}"}'}}
    build("ops", settings).send([alert()], key="k", now=NOW, receipt="")
    assert receiver.asked[0].json["text"].startswith("MISSED daily-report")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"slack": {"webhook": HOOK, "thread": True}}, "(slack): thread needs a bot"),
        ({"slack": {"webhook": "hooks.slack.com/s3cret"}}, "webhook must be an http or https URL with a host"),
        ({"slack": {"webhook": "https://x\n/s3cret"}}, "webhook must be an http or https URL with a host"),
        ({"slack": {"token": "s3cret", "channel": "#ops"}}, "must be the channel's id, such as C0123456789"),
        ({"sns": "s3cret"}, "topic must be a topic's ARN"),
        ({"webhook": {"url": "file:///etc/passwd"}}, "url must be an http or https URL"),
        ({"webhook": {"url": "https://u:s3cret@x/"}}, "url must not hold a user or password"),
        ({"webhook": {"url": "https://x:99999/s3cret"}}, "url must be an http or https URL"),
        ({"webhook": {"url": HOOK, "headers": {"X Y": "1"}}}, "headers.X Y is not a valid header name"),
        ({"webhook": {"url": HOOK, "headers": {"X-Y": "s3cret\r\nZ: 1"}}}, "headers.X-Y must have a value of"),
        ({"webhook": {"url": HOOK, "template": "{"}}, "write JSON with the fields in quotes"),
        ({"webhook": "${env:HB_NOPE}"}, "(webhook): ${env:HB_NOPE}: the environment has no 'HB_NOPE'"),
    ],
)
def test_what_cannot_work_is_refused_and_no_value_shown(settings, problem):
    with pytest.raises(BadSetting) as refused:
        build("ops", settings)
    assert problem in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_secrets_are_in_no_repr():
    settings = {"webhook": {"url": HOOK, "secret": "s3cret", "headers": {"Authorization": "s3cret"}}}
    channel = build("ops", settings)
    assert "s3cret" not in repr(channel)
    assert "s3cret" not in repr(channel._request)
    assert "xoxb-1" not in repr(build("ops", {"slack": {"token": "xoxb-1", "channel": "C0123456789"}}))


def test_reading_a_file_loads_no_sdk():
    code = "import sys, heartbeat.channels.kinds, heartbeat.channels.build, heartbeat.channels.sns.topic;"
    code += "print(*{'slack_sdk', 'boto3', 'rich', 'urllib3'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
