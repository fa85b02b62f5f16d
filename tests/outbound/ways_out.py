"""Everything of ours that sends HTTP, each as a function of the URL that it is to call."""

from __future__ import annotations

from io import StringIO

from alert_samples import NOW, alert

from heartbeat.channels.slack.bot import SlackBot
from heartbeat.channels.slack.webhook import SlackWebhook
from heartbeat.channels.webhook.request import Webhook, WebhookSettings
from heartbeat.doors.http.watchdog import Watchdog
from heartbeat.errors import WorldError
from heartbeat.model import Trigger
from heartbeat.outbound.addresses import Guard
from heartbeat.targets.build import build
from heartbeat.targets.protocol import StartCall
from heartbeat.telemetry import Log

OPEN = Guard(allow_private=True)
CALL = StartCall(slug="report", run_id="0b7c9d6e", slot=1_767_603_600_000, timezone="UTC")


def channel(made):
    made.send([alert()], key="k", now=NOW, receipt="")


def webhook(url, guard=OPEN):
    channel(Webhook("hook", WebhookSettings(url=url), guard=guard))


def slack_webhook(url, guard=OPEN):
    channel(SlackWebhook("ops", url, guard=guard))


def slack_bot(url, guard=OPEN):
    channel(SlackBot("ops", "xoxb-1", "C0123456789", base_url=f"{url}/", guard=guard))


def target(url, **settings):
    build(Trigger(kind="http", settings={"url": url, **settings}), resolve=lambda text: text).start(CALL, lambda: None)


def watchdog(url):
    said = StringIO()
    if not Watchdog(url, Log(lambda: 0.0, stream=said)).beat():
        raise WorldError(said.getvalue())


CHANNELS = [webhook, slack_webhook, slack_bot]
WAYS = [*CHANNELS, target, watchdog]
