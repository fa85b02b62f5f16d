"""Calls the Python client as a list of calls says: `driver.py CALLS RESULTS` (JSON; the file to write to)."""

import base64
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "clients" / "python"))
import heartbeat


def body(call):
    if "base64" in call:
        return base64.b64decode(call["base64"])
    return call["body"] * call.get("times", 1) + call.get("end", "") if "body" in call else None


def work(call):
    if call["do"] == "raise":
        raise RuntimeError(call["text"])
    if call["do"] == "exit":
        sys.exit(call["status"])
    if call["do"] == "fork":  # the child leaves the block by one of the ways above; the parent waits, and goes on
        if child := os.fork():
            os.waitpid(child, 0)
        else:
            return work({**call, "do": call["child"]})
    if call["do"] == "nest":
        return made({**call, "do": "return"})
    return call["text"]


def made(call):
    if call["call"] == "set":
        return os.environ.update(call["environ"])
    if "slug_base64" in call:
        call["slug"] = os.fsdecode(base64.b64decode(call["slug_base64"]))
    options = {"for_" if name == "for" else name: value for name, value in call.get("options", {}).items()}
    if call["call"] != "run":
        return getattr(heartbeat, call["call"])(call["slug"], body(call), **options)
    with heartbeat.run(call["slug"], **options):
        return work(call)


def result(call):
    try:
        return made(call)
    except Exception as error:
        if not call.get("catch"):
            raise
        return f"{type(error).__name__}: {error}"


process = os.getpid()
try:
    results = [result(call) for call in json.loads(sys.argv[1])]
finally:
    if os.getpid() != process:
        os._exit(0)
Path(sys.argv[2]).write_text(json.dumps(results))
