"""Services told by one HTTP request: by their own clients where there are any, else by the line that they show."""

import json

import pytest
from programs import everything
from served import KEY

KUMA = """
import asyncio, sys
import aiohttp, apykuma
async def main():
    async with aiohttp.ClientSession() as session:
        answer = await apykuma.ping(session, sys.argv[1])
        print(answer.status)
asyncio.run(main())
"""
KUMA_LOOP = """
import asyncio, sys
import apykuma
async def main():
    task = await apykuma.start(sys.argv[1], interval=60, handle_exception=lambda problem: print(type(problem).__name__))
    await asyncio.sleep(0.5)
    task.cancel()
asyncio.run(main())
"""
OPSGENIE = """
import sys
import opsgenie_sdk
configuration = opsgenie_sdk.Configuration()
configuration.host = sys.argv[1]
configuration.api_key["Authorization"] = sys.argv[2]
api = opsgenie_sdk.HeartbeatApi(api_client=opsgenie_sdk.ApiClient(configuration=configuration))
print(api.ping(sys.argv[3]).result)
"""


class TestKuma:
    """apykuma and curl."""

    def test_a_heartbeat(self, job, programs):
        ran = programs.python(KUMA, f"{job.base}/kuma/api/push/{job.token}?status=up&msg=OK&ping=12")
        assert (ran.stdout, ran.stderr) == ("200\n", "")
        (signal,) = job.signals()
        assert (signal.kind, signal.body) == ("success", "OK")

    def test_in_the_background(self, job, programs):
        ran = programs.python(KUMA_LOOP, f"{job.base}/kuma/api/push/{job.uuid}")
        assert (ran.stdout, ran.stderr) == ("", "")
        assert [signal.kind for signal in job.signals()] == ["success"]

    @pytest.mark.parametrize(("status", "kind"), [("up", "success"), ("down", "fail"), ("odd", "fail")])
    def test_the_status(self, job, programs, status, kind):
        ran = programs("curl", "-fsS", f"{job.base}/kuma/api/push/{job.token}?status={status}&msg=no%20disk&ping=")
        assert json.loads(ran.stdout) == {"ok": True}
        assert [(signal.kind, signal.body) for signal in job.signals()] == [(kind, "no disk")]

    def test_what_is_not_there_is_told_as_kuma_tells_it(self, job, programs):
        before = everything(job.server)
        for token in (f"{KEY}.no-such-job", f"wrong-key.{job.slug}", "0123456789"):
            ran = programs("curl", "-sS", "-w", "%{http_code}", f"{job.base}/kuma/api/push/{token}")
            assert ran.stdout.endswith("404")
            assert json.loads(ran.stdout[:-3]) == {"ok": False, "msg": "Monitor not found or not active."}
        assert everything(job.server) == before

    def test_down(self, programs, nowhere):
        assert programs.python(KUMA_LOOP, f"{nowhere}/kuma/api/push/x").stdout == "ClientConnectorError\n"


class TestOpsgenie:
    """opsgenie-sdk."""

    def test_a_heartbeat(self, job, programs):
        ran = programs.python(OPSGENIE, f"{job.base}/opsgenie", KEY, job.slug)
        assert (ran.stdout, ran.stderr) == ("PONG - Heartbeat received\n", "")
        assert [signal.kind for signal in job.signals()] == ["success"]

    def test_by_curl(self, job, programs):
        address = f"{job.base}/opsgenie/v2/heartbeats/{job.slug}/ping"
        ran = programs(
            "curl", "-fsS", "-X", "POST", "-w", "%{http_code}", "-H", f"Authorization: GenieKey {KEY}", address
        )
        assert ran.stdout.endswith("202")
        assert [signal.kind for signal in job.signals()] == ["success"]

    @pytest.mark.parametrize(("key", "slug"), [(KEY, "no-such-job"), ("wrong-key", "job-000")])
    def test_what_is_refused_it_raises(self, server, programs, key, slug):
        before = everything(server)
        ran = programs.python(OPSGENIE, f"http://127.0.0.1:{server.port}/opsgenie", key, slug)
        assert (ran.returncode, "opsgenie_sdk.exceptions." in ran.stderr) == (1, True)
        assert everything(server) == before

    def test_down(self, programs, nowhere):
        assert programs.python(OPSGENIE, f"{nowhere}/opsgenie", KEY, "x").returncode == 1


def test_cronitor(job, programs):
    """The address of its SDKs; `series` joins the run."""
    address = f"{job.base}/cronitor/p/{KEY}/{job.slug}"
    for query in (
        "state=run&series=1795340585.07&host=web1",
        "state=complete&series=1795340585.07&message=3%20rows&metric=duration:1.25&metric=count:5",
    ):
        assert programs("curl", "-fsS", f"{address}?{query}").returncode == 0
    start, end = job.signals()
    assert (start.kind, end.kind) == ("start", "success")
    assert start.run_id == end.run_id != ""
    assert (end.duration, end.body) == (1_250, "3 rows")
    assert job.state().runs == ()


@pytest.mark.parametrize(("state", "kind"), [("run", "start"), ("complete", "success"), ("fail", "fail")])
def test_cronitor_by_token(job, programs, state, kind):
    assert programs("curl", "-fsS", f"{job.base}/cronitor/{job.token}/{state}").returncode == 0
    assert [signal.kind for signal in job.signals()] == [kind]


@pytest.mark.parametrize(("status", "kind"), [("0", "success"), ("7", "fail")])
def test_dead_mans_snitch(job, programs, status, kind):
    line = (
        f"sh -c 'exit {status}'; curl -fsS --get --data s=$? --data-urlencode 'm=3 rows' {job.base}/snitch/{job.token}"
    )
    ran = programs("sh", "-c", line)
    assert (ran.returncode, ran.stdout.strip()) == (0, "Got it, thanks!")
    (signal,) = job.signals()
    assert (signal.kind, signal.exit_status, signal.body) == (kind, int(status), "3 rows")


@pytest.mark.parametrize(
    ("rest", "kind", "status"), [("", "success", None), ("/fail", "fail", None), ("/7", "fail", 7)]
)
def test_better_stack(job, programs, rest, kind, status):
    address = f"{job.base}/betterstack/api/v1/heartbeat/{job.token}{rest}"
    assert programs("curl", "-fsS", "-d", "no disk left", address).returncode == 0
    (signal,) = job.signals()
    assert (signal.kind, signal.exit_status, signal.body) == (kind, status, "no disk left")


@pytest.mark.parametrize("path", ["/snitch/{}", "/cronitor/{}/run", "/betterstack/api/v1/heartbeat/{}"])
def test_a_token_that_is_not_known_is_refused(job, programs, path):
    before = everything(job.server)
    for token in (f"{KEY}.no-such-job", f"wrong-key.{job.slug}", "0123456789"):
        ran = programs("curl", "-fsS", job.base + path.format(token))
        assert (ran.returncode, "404" in ran.stderr) == (22, True)
    assert everything(job.server) == before
