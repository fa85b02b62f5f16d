"""Writes a list of calls (JSON) as lines for a shell: `calls.py CALLS FILE`; what is no argument goes through FILE."""

import base64
import json
import os
import shlex
import sys
from pathlib import Path

ARGUMENT_MAX = 1000
ENDS = {"return": "exit 0", "leave": "exit 0", "raise": "exit 1", "nest": "exit 0", "fork": "(exit 3) & wait"}


def body(call, place):
    """The argument for it, and what stands behind the call."""
    if "body" not in call and "base64" not in call:
        return [], ""
    text = call.get("body", "") * call.get("times", 1) + call.get("end", "")
    data = base64.b64decode(call["base64"]) if "base64" in call else text.encode()
    if len(data) < ARGUMENT_MAX and "base64" not in call:
        return [text], ""
    place.write_bytes(data)
    return ["-"], f" <{shlex.quote(str(place))}"


def options(call):
    for name, value in call.get("options", {}).items():
        if name == "metrics":
            yield from (part for one, number in value.items() for part in ("--metric", f"{one}={number}"))
            continue
        option = "--" + name.replace("_", "-")
        yield from [option] if value is True else [option, str(value)]


def run(call):
    """The status is what a shell raises: `set -e` of the driver ends it, as it would end the job."""
    work = ["sh", "-c", ENDS.get(call["do"]) or f"exit {call['status']}"]
    caught = "|| status=$?" if call.get("catch") else ""
    said = "'\"status '\"$status\"'\", '" if call.get("catch") else shlex.quote(json.dumps(call.get("text")) + ", ")
    command = shlex.join(["heartbeat_run", call["slug"], *options(call), "--", *work])
    return f"status=0\n{command} {caught}\nresults=$results{said}"


def line(call, number):
    if call["call"] == "set":
        return (
            "export "
            + shlex.join(f"{name}={value}" for name, value in call["environ"].items())
            + ' results="${results}null, "'
        )
    if "slug_base64" in call:
        call["slug"] = os.fsdecode(base64.b64decode(call["slug_base64"]))
    if call["call"] == "run":
        return run(call)
    given, behind = body(call, Path(f"{sys.argv[2]}{number}"))
    return "delivered " + shlex.join([f"heartbeat_{call['call']}", call["slug"], *given, *options(call)]) + behind


text = "\n".join(line(call, number) for number, call in enumerate(json.loads(sys.argv[1])))
sys.stdout.buffer.write(os.fsencode(text))
