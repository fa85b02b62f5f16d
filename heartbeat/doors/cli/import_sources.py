"""import from what is no crontab and no timer: files of other schedulers and services, whenever, an AWS account."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from heartbeat import aws
from heartbeat.errors import BadSetting, WorldError
from heartbeat.importing import machine
from heartbeat.importing.cron import Cron, Crontab, read_crontabs
from heartbeat.importing.found import Imported, Remark
from heartbeat.importing.sources.gather import SourceText, read_sources
from heartbeat.importing.sources.origins import ORIGINS, origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.doors.cli.commands import Invocation
    from heartbeat.importing.sources.entry import Found, Origin

OTHERS = (*ORIGINS, "whenever", "aws")
_JOB_TYPES = (
    "these lines are whenever's: put `heartbeat exec JOB --` into the job_type of schedule.rb (docs/snippets.md), for "
    "whenever writes them anew"
)


class Reading(NamedTuple):
    """What was found, and a diff. words: where it came from; zone: of times without one; zone_from: says who."""

    found: Imported
    patch: str
    words: str
    zone: str
    zone_from: str


def read_others(call: Invocation, zone: str, zone_from: str) -> Reading:
    """Read one of OTHERS. zone: what --timezone or this machine says."""
    args = call.args
    if args.system or args.user or args.cron or args.program:
        raise BadSetting("--system, --user, --cron and --program are for crontabs and timers; leave them out")
    if args.what == "whenever":
        return _whenever(call, zone, zone_from)
    if args.what == "aws":
        return _account(call)
    kind = origin(args.what)
    texts = [_text(file, kind.api) for file in args.files or _usual(kind)]
    return _gathered(call, kind, texts, zone if args.timezone or not kind.zone else kind.zone)


def _gathered(call: Invocation, kind: Origin, texts: list[SourceText], zone: str) -> Reading:
    found = read_sources(texts, kind, zone=zone, prefix=call.args.prefix, now=call.now)
    said = "--timezone" if call.args.timezone else kind.zone_from
    return Reading(found, "", ", ".join(text.name for text in texts), zone, said)


def _usual(kind: Origin) -> list[str]:
    """The file where it usually is. Raises BadSetting if there is none."""
    found = [name for name in kind.files if Path(name).is_file()]
    if found:
        return found[:1]
    usual = f"there is no {' and no '.join(kind.files)} here; " if kind.files else ""
    raise BadSetting(f"{usual}{kind.get or 'name the file'}, or - for standard input")


def _text(file: str, api: tuple[str, ...] = ()) -> SourceText:
    if api and file.startswith(("https://", "http://")):
        return SourceText(file, _asked(file, *api))
    if file == "-":
        if sys.stdin.isatty():
            raise BadSetting("- reads standard input, but that is a terminal; put something before it: `… | heartbeat`")
        return SourceText("standard input", machine.text_of(sys.stdin.buffer.read(machine.SIZE_MAX)))
    return SourceText(machine.label(file), machine.read(Path(file)))


def _asked(site: str, path: str, header: str, variable: str) -> str:
    """What the service at this URL answers."""
    from heartbeat.outbound.addresses import Guard  # noqa: PLC0415 - files need no network
    from heartbeat.outbound.sender import HttpRequest, Sender  # noqa: PLC0415 - the same

    key = os.environ.get(variable, "")
    if not key:
        raise BadSetting(f"{site}: set {variable} to a read-only key of the project")
    url = site if path in site else f"{site.rstrip('/')}{path}"
    sender = Sender(Guard(allow_private=True), seconds=machine.PATIENCE, limit=machine.SIZE_MAX)
    answer = sender.send(HttpRequest(url=url, method="GET", headers={header: key}))
    if not answer.taken:
        raise BadSetting(f"{site}: it answers {answer.status} {answer.reason}; is {variable} right?")
    return machine.text_of(answer.body)


def _whenever(call: Invocation, zone: str, zone_from: str) -> Reading:
    """Its crontab, as it prints it, or as it is in a file."""
    texts = [_printed(file) if file.endswith(".rb") else _text(file) for file in call.args.files]
    texts = texts or [_printed("config/schedule.rb")]
    tables = [Crontab(name=text.name, text=text.text) for text in texts]
    cron = Cron(zone=zone, fixed=bool(call.args.timezone), known=bool(zone_from), flavour=machine.which_cron())
    found = read_crontabs(tables, replace(cron, program="heartbeat"), prefix=call.args.prefix)
    told = [remark for remark in found.remarks if "HEARTBEAT_URL" not in remark.text]
    remarks = (Remark(where=texts[0].name, text=_JOB_TYPES), *told)
    return Reading(
        replace(found, sheets=(), remarks=remarks), "", ", ".join(text.name for text in texts), zone, zone_from
    )


def _printed(file: str) -> SourceText:
    """What whenever makes of a schedule.rb: it is Ruby, so only Ruby knows."""
    for command in (("bundle", "exec", "whenever"), ("whenever",)):
        status, out, said = machine.answer(*command, "-f", file)
        if not status:
            return SourceText(file, machine.text_of(out))
    raise BadSetting(f"whenever -f {file}: {said or 'it failed'}; or write `whenever | heartbeat import whenever -`")


def _account(call: Invocation) -> Reading:
    if call.args.files:
        raise BadSetting("import aws reads the account, no files; `heartbeat import eventbridge FILE` reads those")
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow, and only here

    from heartbeat.importing.sources.account import rules_of, schedules_of  # noqa: PLC0415 - the same
    from heartbeat.importing.sources.eventbridge import entries_in  # noqa: PLC0415 - the same

    session = aws.session(call.args.region or "", call.args.profile or "", "give --region eu-west-1")

    def read(_: str) -> Iterator[Found]:
        for each in schedules_of(aws.client("scheduler", session=session)):
            yield from entries_in(each)
        for each in rules_of(aws.client("events", session=session)):
            yield from entries_in(each)

    kind = replace(origin("eventbridge"), read=read, zone="UTC", zone_from="EventBridge's own")
    try:
        return _gathered(call, kind, [SourceText(f"the account, {session.region_name}", "")], "UTC")
    except ClientError as refused:
        raise BadSetting(f"AWS: {refused}; docs/importing.md has the permissions that are needed") from None
    except BotoCoreError as problem:
        raise WorldError(f"AWS: {problem}") from None
