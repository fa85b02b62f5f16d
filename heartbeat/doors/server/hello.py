"""What `serve` prints when it is ready, for the person who started it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heartbeat.settings import Settings

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104 - names them, binds nothing


def hello(settings: Settings, port: int, *, slug: str, jobs: int, key: str) -> str:
    """The friendly lines. key: "" if it must not be shown (the output is a log, and the key is not new)."""
    url = settings.url or f"http://{_shown(settings.host)}:{port}"
    ping = _quoted(f"{url}/ping/{key or '$HEARTBEAT_PING_KEY'}/{slug}{'' if jobs else '?create=1'}")
    lines = [
        f"Heartbeat is listening on {url}",
        f"  jobs      {jobs} in {settings.db}" + (f", declared in {settings.config}" if settings.config else ""),
        f"  try it    curl {ping}",
        f"  health    curl {url}/healthz",
        "  stop      Ctrl-C, or SIGTERM; nothing that was answered is lost",
    ]
    return "\n".join(lines)


def _quoted(url: str) -> str:
    return f'"{url}"' if set(url) & set("?$&") else url


def _shown(host: str) -> str:
    host = WILDCARDS.get(host, host)
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
