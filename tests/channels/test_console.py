from __future__ import annotations

import io

import pytest
from alert_samples import NOW, alert

from heartbeat.channels.console.terminal import Console
from heartbeat.errors import ChannelFailed


class Tty(io.StringIO):
    def isatty(self):
        return True


def send(stream, *alerts):
    Console("screen", stream=stream).send(alerts or [alert()], key="k", now=NOW, receipt="")


def test_plain_text_where_nobody_looks():
    stream = io.StringIO()
    send(stream)
    assert stream.getvalue().startswith("MISSED daily-report (prod): expected 09:00 JST, nothing by 09:10, last")
    assert "\x1b" not in stream.getvalue()


def test_colours_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Tty()
    send(stream, alert("[bold]daily[/bold]", output="\x1b[2Jboo [red]"))
    assert "\x1b[1;31mMISSED" in stream.getvalue()
    assert "[bold]daily[/bold]" in stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue()
    assert "boo [red]" in stream.getvalue()


def test_what_the_stream_cannot_write_is_replaced():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    send(stream, alert(description="日次"))
    assert b"About: ??" in raw.getvalue()


def test_standard_output_is_the_default(capsys):
    Console("screen").send([alert()], key="k", now=NOW, receipt="")
    assert "MISSED daily-report" in capsys.readouterr().out


def test_a_closed_stream_may_be_opened_again():
    stream = io.StringIO()
    stream.close()
    with pytest.raises(ChannelFailed) as failed:
        send(stream)
    assert not failed.value.final
