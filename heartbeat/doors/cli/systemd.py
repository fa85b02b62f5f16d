"""systemd: the unit that runs the server, complete and shut in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from heartbeat import settings
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.screen import Cell
from heartbeat.errors import BadSetting

if TYPE_CHECKING:
    from argparse import ArgumentParser

ENVIRONMENT = "/etc/heartbeat/env"
CONFIG = "/etc/heartbeat/jobs.yaml"
STATE = "/var/lib/heartbeat"
PORT_MIN = 1024
"""The unit has no capabilities, so it may not listen below."""
HOMES = ("/home", "/root", "/run/user")
UNIT = """\
# /etc/systemd/system/heartbeat.service, written by `heartbeat systemd`
#   useradd --system --home-dir {state} --shell /usr/sbin/nologin {user}
#   systemctl daemon-reload && systemctl enable --now heartbeat
[Unit]
Description=Heartbeat: tells when a recurring job did not run
Wants=network-online.target
After=network-online.target
# A server that cannot start now (a full disk, a broken setting) is tried again for as long as it takes.
StartLimitIntervalSec=0

[Service]
Type=exec
User={user}
StateDirectory=heartbeat
StateDirectoryMode=0700
WorkingDirectory={state}
# HEARTBEAT_URL and what jobs.yaml names as ${{env:…}}; jobs on this machine have HEARTBEAT_PING_KEY from there, too.
EnvironmentFile=-{environment}
# The server keeps its key itself (`heartbeat key show`, `heartbeat key rotate`). Without this line it takes the file's.
UnsetEnvironment=HEARTBEAT_PING_KEY
ExecStart={command}
Restart=always
RestartSec=5s
TimeoutStopSec=60s
LimitNOFILE=65536

# It reads files, writes below {state}, listens and calls out; nothing else.
AmbientCapabilities=
CapabilityBoundingSet=
DevicePolicy=closed
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
PrivateUsers=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome={home}
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
UMask=0077

[Install]
WantedBy=multi-user.target
"""


def _arguments(parser: ArgumentParser) -> None:
    usual = settings.Settings()
    parser.add_argument("--user", default="heartbeat", help="who it runs as (heartbeat)")
    parser.add_argument("--config", metavar="FILE", default=CONFIG, help=f"the jobs ({CONFIG})")
    parser.add_argument("--env-file", metavar="FILE", default=ENVIRONMENT, help=f"variables, secrets ({ENVIRONMENT})")
    parser.add_argument("--evidence", metavar="DIR", help="the folder to look for evidence in")
    parser.add_argument("--host", default=usual.host, help=f"the address to listen on ({usual.host})")
    parser.add_argument("--port", default=str(usual.port), help=f"the port to listen on ({usual.port})")
    parser.add_argument("--program", metavar="FILE", default=str(_program()), help="heartbeat itself (this one)")


def _program() -> Path:
    called = Path(sys.argv[0]).absolute()
    return called if called.name == "heartbeat" else Path(sys.executable).with_name("heartbeat")


def _run(call: Invocation) -> int:
    unit = _unit(call)
    if call.args.json:
        call.screen.json({"unit": unit})
    else:
        sys.stdout.write(unit)
        if sys.stdout.isatty():
            call.screen.say(Cell("write it: heartbeat systemd > /etc/systemd/system/heartbeat.service", "dim"))
    return Exit.FINE


def _unit(call: Invocation) -> str:
    args = call.args
    paths = {"--program": args.program, "--config": args.config, "--env-file": args.env_file}
    paths |= {"--evidence": args.evidence} if args.evidence else {}
    for option, path in paths.items():
        if not path.startswith("/") or not path.isprintable():
            raise BadSetting(f"{option} {path}: a unit wants the whole path, beginning with /")
    if not args.user.replace("-", "").replace("_", "").isalnum():
        raise BadSetting(f"--user {args.user}: that is no user's name")
    words = [args.program, "serve", "--config", args.config, "--db", f"{STATE}/heartbeat.db", "--host", args.host]
    words += ["--port", str(_port(args.port)), *(("--evidence", args.evidence) if args.evidence else ())]
    at_home = any(path.startswith(home + "/") for path in paths.values() for home in HOMES)
    return UNIT.format(
        user=args.user,
        state=STATE,
        environment=args.env_file.replace("%", "%%"),
        command=" ".join(map(_word, words)),
        home="read-only" if at_home else "yes",
    )


def _port(text: str) -> int:
    port = settings.read({"HEARTBEAT_PORT": text}).port
    if port < PORT_MIN:
        raise BadSetting(
            f"--port {text}: the unit may listen from {PORT_MIN} on; put a proxy in front, which speaks TLS, too"
        )
    return port


def _word(text: str) -> str:
    """As one word of ExecStart (systemd.service(5), "Command lines")."""
    text = text.replace("%", "%%").replace("$", "$$")
    plain = not set(text) & set(" \t;\\'\"")
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


COMMANDS = {
    "systemd": Command(
        about="Print a unit for the server: started with the machine and again whenever it ends, its database in\n"
        f"{STATE}, and shut in as far as systemd can.\n\n"
        "  heartbeat systemd > /etc/systemd/system/heartbeat.service",
        arguments=_arguments,
        run=_run,
    )
}
