"""An SNS topic. `content` says what is published."""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any

from heartbeat import aws
from heartbeat.channels.protocol import GROUP_ABOVE, Channel
from heartbeat.channels.sns.content import content
from heartbeat.errors import ChannelFailed
from heartbeat.redact import credentials, veiled
from heartbeat.text.alert_text import compose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.model import Alert
    from heartbeat.text.alert_text import Message

REFUSED = frozenset({"NotFound", "AuthorizationError", "AccessDenied", "AccessDeniedException", "InvalidClientTokenId"})
"""What a person can fix: the topic, a permission, the keys."""
FINAL = frozenset({"InvalidParameter", "InvalidParameterValue"})
SERVER_ERROR = 500


class Sns(Channel):
    """Publishes to a topic. Region and endpoint come from the ARN and the environment."""

    parallel = 4

    def __init__(self, name: str, topic: str, *, layout: str = "json", group_above: int = GROUP_ABOVE) -> None:
        self.name, self.group_above = name, group_above
        self._topic, self._layout, self._making = topic, layout, Lock()

    def send(self, alerts: Sequence[Alert], *, key: str, now: int, receipt: str) -> str:
        """See `Channel`."""
        del receipt
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (slow; only who uses SNS has it)
        from botocore.parsers import ResponseParserError  # noqa: PLC0415  (the same)

        message = compose(alerts, now)
        try:
            with self._making:
                client = self._client
            client.publish(TopicArn=self._topic, **self._order(message, key), **content(message, key, self._layout))
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise _failed(code, status) from None
        except (BotoCoreError, ResponseParserError) as error:  # without its text: the latter's is the whole answer
            raise ChannelFailed(f"SNS cannot be reached ({type(error).__name__})") from None
        return ""

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401  (boto3 makes its clients at run time)
        region = self._topic.split(":")[3]
        return aws.client("sns", region, connect_timeout=3, read_timeout=10, max_pool_connections=self.parallel)

    def _order(self, message: Message, key: str) -> dict[str, str]:
        """FIFO: in order for each job; SNS accepts the same key once in five minutes."""
        if not self._topic.endswith(".fifo"):
            return {}
        group = message.alerts[0].slug or "heartbeat"
        return {"MessageGroupId": digest(group), "MessageDeduplicationId": digest(key)}


def _failed(code: str, status: int) -> ChannelFailed:
    unsent = 400 <= status < SERVER_ERROR  # noqa: PLR2004  (the caller's fault: nothing was published)
    said = f"SNS answered {veiled(code[:80], credentials())}"
    return ChannelFailed(said, refused=code in REFUSED, final=code in FINAL, unsent=unsent)


def digest(text: str) -> str:
    """64 characters that SNS accepts as an id, whatever the text contains."""
    return sha256(text.encode()).hexdigest()
