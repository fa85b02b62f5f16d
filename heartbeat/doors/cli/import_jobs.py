"""import: from crontabs and systemd timers to a jobs.yaml, and what to change in them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.import_check import check
from heartbeat.doors.cli.import_sources import OTHERS, Reading, read_others
from heartbeat.doors.cli.options import add_config
from heartbeat.errors import BadSchedule, BadSetting
from heartbeat.importing import machine
from heartbeat.importing.cron import Cron, Crontab, read_crontabs
from heartbeat.importing.flavour import BY_NAME
from heartbeat.importing.page import diff_of, jobs_yaml, new_file
from heartbeat.importing.sources.origins import ORIGINS
from heartbeat.importing.timers import Manager, read_timers
from heartbeat.schedule.zones import zone
from heartbeat.text.sanitize import one_line

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from heartbeat.importing.flavour import Flavour
    from heartbeat.importing.found import Imported, ImportedJob, Remark


def _arguments(parser: ArgumentParser) -> None:
    flag = parser.add_argument
    flag("what", choices=("crontab", "systemd", *OTHERS), metavar="WHAT", help=f"crontab, systemd, {', '.join(OTHERS)}")
    flag(
        "files",
        nargs="*",
        metavar="FILE",
        help="files to read, or - for standard input, or units (systemd); else what is here",
    )
    flag("--diff", action="store_true", help="the changes alone on standard output, for `patch`")
    flag("--output", metavar="FILE", help="write the jobs.yaml there; a file that exists stays as it is")
    flag("--timezone", metavar="ZONE", help="the zone of the times (this machine's)")
    flag("--prefix", metavar="TEXT", default="", help="before every new name, as in web1-backup")
    flag("--program", metavar="PATH", default="", help="how to call heartbeat: its path, or python3 /opt/heartbeat.py")
    flag("--check", action="store_true", help="say what a jobs.yaml and the source do not agree on; then exit 1")
    add_config(parser)
    flag("--region", metavar="NAME", help="aws: the region (AWS_REGION)")
    flag("--profile", metavar="NAME", help="aws: the profile (AWS_PROFILE)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--system", action="store_true", help="crontab: there is a user's name behind the time")
    form.add_argument("--user", action="store_true", help="crontab: there is none; systemd: the user's own units")
    flag("--cron", choices=("debian", "cronie"), help="whose cron reads the lines (found out here)")


def _run(call: Invocation) -> int:
    args = call.args
    _check_program(args.program)
    name, source = _zone(args.timezone)
    read = {"systemd": _systemd, "crontab": _crontab}.get(args.what, read_others)
    found, patch, words, name, source = read(call, name, source)
    _complain(call, found, source)
    if args.check:
        return check(call, found)
    whose = "Times without a zone are read in" if args.what in {*ORIGINS, "aws"} else "This machine's time zone:"
    page = jobs_yaml(found, source=words, zone=name, zone_from=source or "not known: a guess", whose=whose)
    if args.output:
        _write(args.output, page)
    if args.json:
        call.screen.json(_as_json(found, page, patch))
    elif args.diff:
        _put(sys.stdout, patch)
    else:
        _show(page, patch, written=bool(args.output))
    return Exit.FINE


def _check_program(program: str) -> None:
    if program and not program.strip("'\"").endswith(("heartbeat", "heartbeat.py")):
        raise BadSetting(
            f"--program {program}: write heartbeat, its path, or one such as `python3 /opt/heartbeat.py`: by this name "
            "the next import knows the lines that call it already"
        )


def _zone(wanted: str | None) -> tuple[str, str]:
    if not wanted:
        return machine.time_zone()
    try:
        return zone(wanted).name, "--timezone"
    except BadSchedule as bad:
        raise BadSetting(f"--timezone {bad.text}: {bad.problem}; {bad.remedy}") from None


def _crontab(call: Invocation, name: str, source: str) -> Reading:
    args = call.args
    cron = Cron(
        zone=name,
        fixed=bool(args.timezone),
        known=bool(source),
        flavour=_flavour(call),
        program=args.program,
        found=machine.own_program(),
    )
    tables = [each for file in args.files for each in _tables(call, file)] if args.files else [machine.own_crontab()]
    found = read_crontabs(tables, cron, prefix=args.prefix)
    words = ", ".join(args.files) if args.files else "`crontab -l`"
    return Reading(found, "".join(diff_of(sheet) for sheet in found.sheets), words, name, source)


def _flavour(call: Invocation) -> Flavour:
    return BY_NAME[call.args.cron] if call.args.cron else machine.which_cron()


def _systemd(call: Invocation, name: str, source: str) -> Reading:
    args = call.args
    if args.system or args.cron:
        raise BadSetting("--system and --cron are for crontabs; `heartbeat import systemd` knows --user")
    manager = Manager(zone=name, program=args.program, found=machine.own_program())
    if args.user:
        folder = str(Path.home() / ".config/systemd/user")
        manager = replace(manager, folder=folder, settings="%h/.config/heartbeat.env")
    timers = [machine.timer(each, user=args.user) for each in args.files or machine.all_timers(user=args.user)]
    found, files = read_timers(timers, manager, prefix=args.prefix)
    words = ", ".join(args.files) if args.files else "`systemctl list-units --type=timer`"
    return Reading(found, "".join(new_file(path, text) for path, text in files.items()), words, name, source)


def _tables(call: Invocation, file: str) -> list[Crontab]:
    args = call.args
    system = True if args.system else False if args.user else None
    if file == "-":
        if sys.stdin.isatty():
            raise BadSetting("- reads standard input, but that is a terminal; write `crontab -l | heartbeat import …`")
        text = machine.text_of(sys.stdin.buffer.read(machine.SIZE_MAX))
        return [Crontab(name="crontab", text=text, system=system)]
    flavour = _flavour(call)
    for name in machine.passed_over(file, flavour):
        call.screen.complain(f"{file}/{name}: not read: {flavour.name} passes over such a name")
    return list(machine.crontabs(file, system=system, flavour=flavour))


def _write(path: str, page: str) -> None:
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(page)
    except FileExistsError:
        raise BadSetting(f"{path} already exists; name another file, or remove it") from None
    except OSError as problem:
        raise BadSetting(f"{path}: {problem.strerror}") from None


def _show(page: str, patch: str, *, written: bool) -> None:
    """The jobs go to standard output, to be piped; the diff to standard error, where people see it."""
    if not written:
        _put(sys.stdout, page)
    _put(sys.stderr, patch)


def _put(stream: Any, text: str) -> None:  # noqa: ANN401 - a text stream with or without bytes below
    """Write the files' exact bytes, whatever they are; but send no control characters to a terminal."""
    if stream.isatty():
        text = "".join(f"{''.join(c for c in line if c.isprintable() or c == chr(9))}\n" for line in text.splitlines())
    raw = text.encode("utf-8", "surrogateescape")
    stream.flush()
    stream.buffer.write(raw)
    stream.flush()


def _complain(call: Invocation, found: Imported, source: str) -> None:
    if not source:
        call.screen.complain("this machine's time zone was not found, so UTC is taken; say --timezone ZONE")
    for listed in found.listed:
        call.screen.complain(f"{listed.where}: not imported: {listed.text}")
    for remark in () if call.args.check else found.remarks:
        call.screen.complain(f"{remark.where}: {remark.text}")


def _as_json(found: Imported, page: str, patch: str) -> dict[str, Any]:
    return {
        "jobs": [_job(job) for job in found.jobs],
        "not_imported": [_remark(each) for each in found.listed],
        "remarks": [_remark(each) for each in found.remarks],
        "jobs_yaml": page,
        "diff": patch.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
    }


def _job(job: ImportedJob) -> dict[str, Any]:
    return {"job": job.slug, "schedule": list(job.schedules), "timezone": job.timezone, "where": one_line(job.where)}


def _remark(remark: Remark) -> dict[str, str]:
    return {"where": one_line(remark.where), "text": one_line(remark.text)}


COMMANDS = {
    "import": Command(
        about="Make a jobs.yaml from what runs already, and show what to change there so that each job\n"
        "tells how it ended. Nothing is changed. What cannot be imported is listed with its reason.\n\n"
        "  heartbeat import crontab > jobs.yaml             your own; the diff goes to standard error\n"
        "  heartbeat import crontab /etc/crontab /etc/cron.d --diff | sudo patch -d / -p1\n"
        "  heartbeat import systemd backup.timer            the timer, its service, and a drop-in for that\n"
        "  heartbeat import solid-queue                     config/recurring.yml; so for sidekiq, good-job, celery …\n"
        "  heartbeat import kubernetes cronjobs.yaml --check      in CI: has jobs.yaml drifted? (exit status 1)",
        arguments=_arguments,
        run=_run,
    )
}
