"""`${env:NAME}`, `${file:/path}` and `${ssm:/name}` → the secrets they stand for.

Secrets stay out of every message: an error names the reference, never the value.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heartbeat import aws
from heartbeat.errors import BadSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TTL = 300.0
"""Seconds to keep a parameter from SSM."""
REFERENCE = re.compile(r"\$\{(env|file|ssm):([^}]*)\}")
UNKNOWN = "\0"
"""Stands for what a reference stands for, where nobody has looked. No setting may hold it."""


class Secrets:
    """Resolves references, and keeps SSM's answers for `ttl` seconds by `clock` (seconds, monotonic)."""

    def __init__(
        self, environ: Mapping[str, str] = os.environ, *, ttl: float = TTL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._environ, self._ttl, self._clock = environ, ttl, clock
        self._kept: dict[str, tuple[float, str]] = {}

    def resolve(self, text: str) -> str:
        """The text with every reference in it replaced; other `${…}` stay. BadSetting when one cannot be read."""
        readers = {"env": self._env, "file": self._file, "ssm": self._ssm}
        return REFERENCE.sub(lambda found: readers[found[1]](found[2]), text)

    def _env(self, name: str) -> str:
        value = self._environ.get(name)
        if not value:
            raise BadSetting(f"${{env:{name}}}: the environment has no {name!r}, or it is empty; set it")
        return value

    def _file(self, path: str) -> str:
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or type(error).__name__
            raise BadSetting(f"${{file:{path}}}: cannot be read ({problem}); give a readable text file") from None
        if not value:
            raise BadSetting(f"${{file:{path}}}: is empty; write the secret into it")
        return value

    def _ssm(self, name: str) -> str:
        until, value = self._kept.get(name, (0.0, ""))
        if not value or self._clock() >= until:
            value = _parameter(name)
            self._kept[name] = (self._clock() + self._ttl, value)
        return value


def unresolved(text: str) -> str:
    """The text with UNKNOWN in place of every reference: what can be known of it without any secret."""
    return REFERENCE.sub(UNKNOWN, text)


def everywhere(value: Any, resolve: Callable[[str], str]) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The same with each of its texts resolved."""
    if isinstance(value, str):
        return resolve(value)
    if isinstance(value, dict):
        return {name: everywhere(below, resolve) for name, below in value.items()}
    return [everywhere(each, resolve) for each in value] if isinstance(value, list | tuple) else value


def _parameter(name: str) -> str:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (slow; only who uses SSM has it)

    try:
        client = aws.client("ssm", connect_timeout=3, read_timeout=5, retries={})  # as often as botocore thinks right
        value: str = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except ClientError as error:
        problem = error.response.get("Error", {}).get("Code", "refused")
    except BotoCoreError as error:
        problem = type(error).__name__
    else:
        return value
    raise BadSetting(f"${{ssm:{name}}}: cannot be read ({problem}); check the name and the permission ssm:GetParameter")


resolve = Secrets().resolve
"""The text with every reference in it replaced, kept for this process (SSM: for five minutes)."""
