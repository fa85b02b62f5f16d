"""Prints alerts: with colours on a terminal, as plain text anywhere else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from heartbeat.channels.body import worst
from heartbeat.channels.protocol import GROUP_ABOVE, Channel
from heartbeat.errors import ChannelFailed
from heartbeat.text.alert_text import compose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.model import Alert
    from heartbeat.text.alert_text import Message

COLOURS = {"critical": "bold red", "warning": "bold yellow", "info": "bold green"}


class Console(Channel):
    """Prints to a stream; None: whatever standard output is at that moment."""

    def __init__(self, name: str, *, stream: TextIO | None = None, group_above: int = GROUP_ABOVE) -> None:
        self.name, self.group_above, self._stream = name, group_above, stream

    def send(self, alerts: Sequence[Alert], *, key: str, now: int, receipt: str) -> str:
        """See `Channel`."""
        del key, receipt
        message = compose(alerts, now)
        stream = self._stream or sys.stdout
        try:
            (_print_coloured if stream.isatty() else _print_plain)(message, stream)
        except (OSError, ValueError) as error:  # a closed pipe, or a closed stream
            raise ChannelFailed(f"the stream cannot be written ({type(error).__name__})") from None
        return ""


def _print_plain(message: Message, stream: TextIO) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(message.text.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()


def _print_coloured(message: Message, stream: TextIO) -> None:
    from rich.console import Console as Terminal  # noqa: PLC0415  (slow to import, and on AWS it is not there)
    from rich.text import Text  # noqa: PLC0415  (the same)

    text = Text(message.text)
    text.highlight_words([message.opening or message.headline], COLOURS[worst(message)])
    text.highlight_regex(r"(?m)^(?P<key>[A-Z][a-z ]+:)", style="dim")
    Terminal(file=stream, highlight=False, soft_wrap=True).print(text)
