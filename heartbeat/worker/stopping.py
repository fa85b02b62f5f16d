"""How a worker is told to stop: by a signal, or because its spot instance is about to be reclaimed."""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from heartbeat.client import warn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

IMDS = "http://169.254.169.254"
SPOT_EVERY = 5.0
"""Seconds. AWS: check `spot/instance-action` this often; it appears two minutes before the end."""
TOKEN_SECONDS = 21_600
UNKNOWN_TOKEN = 401


class Stopped(BaseException):
    """Ends waiting and work at once; an `except Exception` must not catch it."""


class Stops:
    """While entered, keeps SIGTERM and SIGINT in `number` (0: none came). Only in the main thread."""

    def __init__(self) -> None:
        self.number, self._raises = 0, False
        self._before: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, _: FrameType | None) -> None:
        self.number = number
        if self._raises:
            self._raises = False
            raise Stopped

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """A signal ends the block with Stopped; if one came before, the block does not begin."""
        try:
            self._raises = True
            if self.number:
                raise Stopped
            yield
        finally:
            self._raises = False

    def sleep(self, seconds: float) -> None:
        """Raises Stopped."""
        with self.interrupting():
            time.sleep(seconds)


def watch_spot(every: float = SPOT_EVERY) -> None:
    """From now on, an interruption of this spot instance sends SIGTERM to this process.

    AWS_EC2_METADATA_SERVICE_ENDPOINT: where the metadata service is, if not where EC2 has it.
    """
    url = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or IMDS
    threading.Thread(target=_watch, args=(url, every), daemon=True).start()


def _watch(url: str, every: float) -> None:
    token, said = "", False
    while True:
        try:
            token = token or _ask(url, "PUT", "/latest/api/token", ttl=str(TOKEN_SECONDS))[1]
            status, text = _ask(url, "GET", "/latest/meta-data/spot/instance-action", token=token)
        except (OSError, http.client.HTTPException) as problem:
            status, text = 0, str(problem)
            if not said:
                warn(f"--spot: the metadata service {url} does not answer ({problem}); still trying")
            said = True
        if status == http.client.OK:
            warn(f"this spot instance will be interrupted: {text}")
            os.kill(os.getpid(), signal.SIGTERM)
            return
        token = "" if status == UNKNOWN_TOKEN else token
        time.sleep(every)


def _ask(url: str, method: str, path: str, **headers: str) -> tuple[int, str]:
    """Use IMDSv2, without a proxy: the service is on this machine."""
    names = {"ttl": "X-aws-ec2-metadata-token-ttl-seconds", "token": "X-aws-ec2-metadata-token"}
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=2)
    try:
        connection.request(method, path, headers={names[name]: text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read(1_000).decode(errors="replace")
    finally:
        connection.close()
