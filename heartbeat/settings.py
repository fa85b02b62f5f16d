"""Environment and options → Settings. An option overrides its variable, which overrides the default."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from heartbeat.errors import BadSetting
from heartbeat.outbound.urls import check_url

if TYPE_CHECKING:
    from collections.abc import Mapping

PORT_MAX = 65_535
KEEP_DAYS, DAYS_MAX = 90, 3_660
SHARDS_MAX = 1_000
JOBS_FILE = Path("jobs.yaml")
_KEY = re.compile(r"[-_a-zA-Z0-9]{8,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one server runs.

    config: None when no file was named and there is no jobs.yaml; ping_keys: empty means one made on the first start;
    door: "fast", or "plain" for plain ASGI; sweep_every: seconds; keep_days: how long history is kept; url: how jobs
    reach this server, "" when that is host and port; evidence: the folder with the evidence; watchdog: the ping
    URL of another service that watches this server, "" for none.
    """

    db: Path = Path("heartbeat.db")
    config: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    ping_keys: tuple[str, ...] = ()
    door: str = "fast"
    log: str = "text"
    sweep_every: float = 1.0
    keep_days: int = KEEP_DAYS
    url: str = ""
    evidence: Path | None = None
    watchdog: str = ""


def read(environ: Mapping[str, str] = os.environ, **options: object) -> Settings:
    """Settings from HEARTBEAT_<NAME> and from options of the same names (None: not given). Raises BadSetting."""
    given, usual = _Given(environ, options), Settings()
    evidence = given.text("evidence", "")
    return Settings(
        db=Path(given.text("db", str(usual.db))),
        config=_config(given.text("config", "")),
        host=given.text("host", usual.host),
        port=int(given.number("port", usual.port, 0, PORT_MAX)),
        ping_keys=_keys(given.text("ping_key", "")),
        door=given.choice("door", usual.door, "plain"),
        log=given.choice("log", usual.log, "json"),
        sweep_every=given.number("sweep_every", usual.sweep_every, 0.05, 60),
        keep_days=int(given.number("keep_days", usual.keep_days, 1, DAYS_MAX)),
        url=given.text("url", "").rstrip("/"),
        evidence=Path(evidence) if evidence else None,
        watchdog=given.address("watchdog_url"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduling:
    """Where triggered jobs' EventBridge schedules are kept: ARNs, and the group by name. "": nowhere."""

    group: str = ""
    function: str = ""
    role: str = ""
    dead_letters: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launching:
    """What the launcher starts for each message in its queue. job: for messages that name none.

    task: settings of the target `ecs`, as for a trigger in jobs.yaml.
    """

    queue: str
    job: str
    task: Mapping[str, object]


def read_launcher(environ: Mapping[str, str] = os.environ) -> Launching:
    """The launcher's settings from its environment. Raises BadSetting."""
    given = _Given(environ, {})
    for name in ("task_definition", "queue"):
        if not given.text(name, ""):
            raise BadSetting(f"{_variable(name)} is not set; the stack's template sets it")
    try:
        command = shlex.split(given.text("task_command", ""))
    except ValueError as problem:
        raise BadSetting(f"HEARTBEAT_TASK_COMMAND is not a valid shell command: {problem}") from None
    task: dict[str, object] = {
        "task_definition": given.text("task_definition", ""),
        "cluster": given.text("task_cluster", "default"),
        "launch_type": given.choice("task_launch_type", "FARGATE", "EC2"),
        "container": given.text("task_container", ""),
        "command": command,
        "subnets": _words(given.text("task_subnets", "")),
        "security_groups": _words(given.text("task_security_groups", "")),
        "public_ip": given.text("task_public_ip", "") == "ENABLED",
    }
    return Launching(queue=given.text("queue", ""), job=given.text("queue_job", ""), task=task)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """How the functions of one stack run on AWS; the template sets the variables.

    name: the stack's; ping_keys: empty means the one kept in the table; shards: into how many partitions due rows go;
    bucket: for evidence, "" for none; watchdog: the ping URL that hears of each sweep, "" for none; jobs: the
    compiled jobs file; function: this one's name; scheduling: who starts runs.
    """

    name: str
    table: str
    shards: int = 1
    keep_days: int = KEEP_DAYS
    ping_keys: tuple[str, ...] = ()
    bucket: str = ""
    watchdog: str = ""
    jobs: Path = Path("jobs.json")
    function: str = ""
    scheduling: Scheduling = Scheduling()


def read_stack(environ: Mapping[str, str] = os.environ) -> StackSettings:
    """A function's settings from its environment. Raises BadSetting."""
    given, usual = _Given(environ, {}), StackSettings(name="heartbeat", table="")
    if not given.text("table", ""):
        raise BadSetting("HEARTBEAT_TABLE is not set; the stack's template names its table there")
    return StackSettings(
        name=given.text("stack", usual.name),
        table=given.text("table", ""),
        shards=int(given.number("shards", usual.shards, 1, SHARDS_MAX)),
        keep_days=int(given.number("keep_days", usual.keep_days, 1, DAYS_MAX)),
        ping_keys=_keys(given.text("ping_key", "")),
        bucket=given.text("bucket", ""),
        watchdog=given.text("watchdog_url", ""),  # each sweep reports a bad one; it must not keep us from sweeping
        jobs=Path(environ.get("LAMBDA_TASK_ROOT", ".")) / usual.jobs,
        function=environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        scheduling=Scheduling(
            group=given.text("schedule_group", ""),
            function=given.text("trigger_function", ""),
            role=given.text("schedule_role", ""),
            dead_letters=given.text("schedule_dead_letters", ""),
        ),
    )


class _Given:
    def __init__(self, environ: Mapping[str, str], options: Mapping[str, object]) -> None:
        self._environ, self._options = environ, options

    def text(self, name: str, default: str) -> str:
        option = self._options.get(name)
        text = self._environ.get(_variable(name), "") if option is None else str(option)
        return text.strip() or default

    def _said(self, name: str) -> str:
        """Where it was said: whoever typed an option has never heard of its variable."""
        return _variable(name) if self._options.get(name) is None else f"--{name.replace('_', '-')}"

    def number(self, name: str, default: float, low: float, high: float) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = high + 1
        if not low <= value <= high:
            raise BadSetting(f"{self._said(name)} is {text!r}; give a number from {low:g} to {high:g}")
        return value

    def address(self, name: str) -> str:
        text = self.text(name, "")
        if text:
            check_url(self._said(name), text)
        return text

    def choice(self, name: str, *choices: str) -> str:
        text = self.text(name, choices[0])
        if text not in choices:
            raise BadSetting(f"{self._said(name)} is {text!r}; choose {' or '.join(choices)}")
        return text


def _variable(name: str) -> str:
    return f"HEARTBEAT_{name.upper()}"


def _config(text: str) -> Path | None:
    if text:
        return Path(text)
    return JOBS_FILE if JOBS_FILE.exists() else None


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _keys(text: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    for place, key in enumerate(keys, 1):
        if not _KEY.fullmatch(key):  # the key itself is secret, so it stays out of the message
            raise BadSetting(
                f"HEARTBEAT_PING_KEY: key {place} of {len(keys)} cannot stand in a URL or is too short; "
                "use at least 8 letters, digits, - and _, several keys separated by commas"
            )
    return keys
