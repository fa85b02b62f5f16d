"""The functions of the stack under Lambda's runtime interface: cold starts, CPU of a warm ping, sizes.

Cold: from the start of the process to the answer of its first event, by turns with a bare function that makes a boto3
DynamoDB client and reads one item. All talk to the same local AWS (ministack), which answers in a few milliseconds and
without TLS; Lambda's own start of a sandbox comes on top of all of them alike. An answer other than the one that the
event should have ends the bench: a refusal would be measured otherwise. Needs `make .tools/…/ready`.
"""

from __future__ import annotations

import http.server
import io
import os
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from statistics import median
from typing import Any

import boto3

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from ministack import CREDENTIALS, REGION, ministack, tool  # noqa: E402 - found by the line above
from runtime_api import Sandbox  # noqa: E402 - the same
from stack_table import create_table  # noqa: E402 - the same

from heartbeat.store.dynamodb.call import boto3_call  # noqa: E402 - the same

ROUNDS = 9
PINGS = 400
KEY = "key-of-the-bench"
BARE = """
import os
import boto3
CLIENT = boto3.client("dynamodb")

def handler(event, context):
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    answer = CLIENT.get_item(TableName=os.environ["HEARTBEAT_TABLE"], Key=key, ConsistentRead=True)
    return {"status": answer["ResponseMetadata"]["HTTPStatusCode"]}
"""
BUCKET = "evidence-of-the-bench"
EVIDENCE = f"beat/{time.strftime('%Y-%m-%d', time.gmtime())}.txt"
JOB = """
  bench-beat:
    schedule: every 1d
    timezone: UTC
    evidence: {key: "beat/{date:%Y-%m-%d}.txt"}
  bench-start:
    schedule: "0 9 * * *"
    timezone: UTC
    trigger: {http: {url: "APP"}}
"""
URL = {"rawQueryString": "", "headers": {}, "requestContext": {"http": {"method": "GET"}}}
OBJECT = {"bucket": {"name": BUCKET}, "object": {"key": EVIDENCE, "size": 5}}
CASES: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "bare": ({}, {"status": 200}),
    "ping": ({**URL, "rawPath": f"/ping/{KEY}/daily-report"}, {"statusCode": 200, "body": "OK"}),
    "ingest": ({"source": "aws.s3", "detail-type": "Object Created", "detail": OBJECT}, {"recorded": 1, "odd": 0}),
    "checker": ({"heartbeat": "sweep"}, {"sent": 0, "failed": 0, "dead": 0, "more": False}),
    "web": ({**URL, "rawPath": "/healthz"}, {"statusCode": 200}),
    "trigger": ({"heartbeat": "run", "job": "bench-start"}, {"phases": ["started"]}),
}
"""By function: its event, and what the answer must hold. For evidence, the ingest function asks S3 for the object, and
so makes a client of boto3's. The trigger function starts a run at an app that answers at once."""


class App(http.server.BaseHTTPRequestHandler):
    """Takes every run."""

    def do_POST(self) -> None:
        """Answers 202."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: lines on the terminal take time."""


def run() -> list[dict[str, object]]:
    """Medians of nine, each beside that of the bare function in the same round; CPU a ping; bytes."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with ministack(place) as url, http.server.ThreadingHTTPServer(("127.0.0.1", 0), App) as app:
            threading.Thread(target=app.serve_forever, args=(0.05,), daemon=True).start()
            try:
                return _run(place, url, f"http://127.0.0.1:{app.server_port}/")
            finally:
                app.shutdown()


def _run(place: Path, url: str, app: str) -> list[dict[str, object]]:
    built, bare = _build(place / "function", app), place / "bare"
    bare.mkdir()
    (bare / "bare.py").write_text(BARE)
    s3 = _stand_up(url)
    environ = {**CREDENTIALS, "AWS_ENDPOINT_URL": url, "HEARTBEAT_TABLE": "bench", "HEARTBEAT_PING_KEY": KEY}
    environ["HEARTBEAT_BUCKET"] = BUCKET
    with _start(built, "checker", environ) as checker:
        _ask(checker, "checker")  # makes the jobs
    time.sleep(1)  # S3 dates objects by the second, and the evidence must be younger than its job
    started: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    for _ in range(ROUNDS):
        s3.put_object(Bucket=BUCKET, Key=EVIDENCE, Body=b"bytes")
        for name in CASES:
            started[name].append(_cold(bare if name == "bare" else built, name, environ))
    return [*_rows(started), _warm(built, environ), *_sizes(built)]


def _stand_up(url: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """A table and an empty bucket; the client of the latter."""
    place = {"endpoint_url": url, "region_name": REGION}
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    create_table(boto3_call(boto3.client("dynamodb", **place, **keys)), "bench")
    s3 = boto3.client("s3", **place, **keys)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return s3


def _ask(box: Sandbox, name: str) -> None:
    """Raises AssertionError when the answer is not the one that this event should have."""
    event, wanted = CASES[name]
    answer = box.invoke(event)
    answer["phases"] = [run["phase"] for run in answer.get("runs", ())]
    if {key: answer.get(key) for key in wanted} != wanted:
        raise AssertionError(f"{name} answered {answer}, not {wanted}: {box.log[-2000:]}")


def _build(target: Path, app: str) -> Path:
    config = target.with_suffix(".yaml")
    config.write_text((ROOT / "examples" / "jobs.yaml").read_text() + JOB.replace("APP", app))
    environ = {"HEARTBEAT_CONFIG": str(config), "HEARTBEAT_PYTHON": sysconfig.get_python_version()}
    subprocess.run(
        [sys.executable, str(ROOT / "infra" / "build.py"), str(target)], env=os.environ | environ, check=True
    )
    return target


def _start(folder: Path, name: str, environ: dict[str, str]) -> Sandbox:
    handler = "bare.handler" if name == "bare" else f"heartbeat.doors.lambdas.{name}.handler"
    return Sandbox(folder, handler, tool("lambda") / "python", **environ)


def _cold(folder: Path, name: str, environ: dict[str, str]) -> tuple[float, float]:
    """Milliseconds until it asks for its first event, and until that is answered."""
    begun = time.perf_counter()
    with _start(folder, name, environ) as box:
        _ask(box, name)
        return box.init_ms, (time.perf_counter() - begun) * 1000


def _rows(started: dict[str, list[tuple[float, float]]]) -> list[dict[str, object]]:
    rows = []
    for name, times in started.items():
        ratios = [own[1] / bare[1] for own, bare in zip(times, started["bare"], strict=True)]
        init, first = (round(median(column)) for column in zip(*times, strict=True))
        rows.append(
            {"name": "cold", "function": name, "init_ms": init, "answer_ms": first, "times": round(median(ratios), 2)}
        )
    return rows


def _warm(built: Path, environ: dict[str, str]) -> dict[str, object]:
    with _start(built, "ping", environ) as box:
        for _ in range(20):
            _ask(box, "ping")
        before = box.cpu_seconds()
        for _ in range(PINGS):
            _ask(box, "ping")
        return {"name": "warm", "function": "ping", "cpu_ms": round((box.cpu_seconds() - before) * 1000 / PINGS, 2)}


def _sizes(built: Path) -> list[dict[str, object]]:
    held = io.BytesIO()
    files = [path for path in sorted(built.rglob("*")) if path.is_file()]
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(built))
    unpacked = sum(path.stat().st_size for path in files)
    return [{"name": "size", "zip_bytes": len(held.getvalue()), "unpacked_bytes": unpacked, "files": len(files)}]


if __name__ == "__main__":
    for row in run():
        print(row)
