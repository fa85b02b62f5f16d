"""The kinds of channels that may stand under `channels:` in jobs.yaml.

    ops:    {slack: {webhook: "${env:SLACK_WEBHOOK}"}}
    pager:  {sns: "${env:ALERT_TOPIC}"}          # the same as {sns: {topic: "${env:ALERT_TOPIC}"}}

To add one: a folder beside this file with a KIND, and its name here. Nothing here loads an SDK or the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.channels import console, slack, sns, webhook

if TYPE_CHECKING:
    from heartbeat.channels.kind import ChannelKind

CHANNEL_KINDS: dict[str, ChannelKind] = {
    "slack": slack.KIND,
    "sns": sns.KIND,
    "webhook": webhook.KIND,
    "console": console.KIND,
}
