"""Clients made for Healthchecks: pointed at our address, otherwise as their documentation shows them."""

import json
import re

import pytest
from programs import everything
from served import KEY

UUID = "00000000-1111-2222-3333-444444444444"
IO = """
import json, os, sys
from healthchecks_io import Client, CheckTrap
client = Client(ping_url=sys.argv[1], ping_key=sys.argv[2])
"""
"""healthchecks-io; arguments: address, ping key, job."""
TRAP = """
slug, how = sys.argv[3:]
with CheckTrap(client, slug=slug) as trap:
    trap.add_log("3 rows")
    if how == "badly":
        raise SystemExit(3)
"""
DECORATED = """
import sys
from healthchecks_decorator import healthcheck
@healthcheck(send_start=True, send_diagnostics=True)
def work():
    if len(sys.argv) > 1:
        raise ValueError("no disk left")
    return {"rows": 3}
work()
print("worked")
"""
CHECKED = """
import sys
from runchecked import HealthCheckedContext
with HealthCheckedContext(sys.argv[1]) as context:
    context.run(["sh", "-c", "echo 3 rows; exit " + sys.argv[2]])
print("on we go")
"""


class TestIo:
    """healthchecks-io."""

    def ask(self, job, programs, script, *arguments, **changed):
        base, key = changed.get("base", job.base), changed.get("key", KEY)
        return programs.python(IO + script, f"{base}/ping/", key, job.slug, *arguments)

    def test_every_ping_it_has(self, job, programs):
        script = """
answers = [
    client.start_ping(slug=sys.argv[3]),
    client.success_ping(slug=sys.argv[3], data="3 rows"),
    client.fail_ping(slug=sys.argv[3], data="no disk left"),
    client.exit_code_ping(7, slug=sys.argv[3]),
    client.success_ping(uuid=sys.argv[4]),
]
print(json.dumps(answers))
"""
        ran = self.ask(job, programs, script, job.uuid)
        assert (ran.stderr, json.loads(ran.stdout)) == ("", [[True, "OK"]] * 5)
        assert [(one.kind, one.body, one.exit_status) for one in job.signals()] == [
            ("start", "", None),
            ("success", "3 rows", None),
            ("fail", "no disk left", None),
            ("fail", "", 7),
            ("success", "", None),
        ]

    @pytest.mark.parametrize(
        ("how", "status", "told"),
        [("well", 0, ["start", "success 3 rows"]), ("badly", 3, ["start", "fail 3 rows\n3\n"])],
    )
    def test_the_trap(self, job, programs, how, status, told):
        assert self.ask(job, programs, TRAP, how).returncode == status
        heard = job.told()
        assert [one.split("<traceback")[0] for one in heard] == told
        assert job.state().runs == ()

    @pytest.mark.parametrize(
        ("method", "changed", "raised"),
        [
            ("client.start_ping(slug='no-such-job')", {}, "CheckNotFoundError"),
            (f"client.start_ping(uuid='{UUID}')", {}, "CheckNotFoundError"),
            ("client.start_ping(slug=sys.argv[3])", {"key": "wrong-key"}, "CheckNotFoundError"),
            ("client.start_ping(slug=sys.argv[3].upper())", {}, "BadAPIRequestError"),
            ("client.exit_code_ping(256, slug=sys.argv[3])", {}, "BadAPIRequestError"),
        ],
    )
    def test_what_is_refused_it_raises(self, job, programs, method, changed, raised):
        before = everything(job.server)
        ran = self.ask(job, programs, method, **changed)
        assert (ran.returncode, f"healthchecks_io.client.exceptions.{raised}: " in ran.stderr) == (1, True)
        assert everything(job.server) == before

    def test_down(self, job, programs, nowhere):
        ran = self.ask(job, programs, TRAP, "well", base=nowhere)
        assert (ran.returncode, "httpx.ConnectError" in ran.stderr) == (1, True)


class TestDecorator:
    """healthchecks-decorator. (Its command does not start: version 0.5.0 lacks the module that it names.)"""

    def test_a_function(self, job, programs):
        ran = programs.python(DECORATED, HEALTHCHECK_URL=job.url)
        assert (ran.returncode, ran.stdout) == (0, "worked\n")
        assert job.told() == ["start", "success rows=3"]

    def test_a_function_that_raises(self, job, programs):
        ran = programs.python(DECORATED, "badly", HEALTHCHECK_URL=f"{job.base}/ping/{job.uuid}")
        assert (ran.returncode, ran.stderr.splitlines()[-1]) == (1, "ValueError: no disk left")
        assert [one.kind for one in job.signals()] == ["start", "fail"]

    def test_it_does_not_break_the_function(self, job, programs, nowhere):
        """Down, unknown and a wrong key: it runs on as if nothing were."""
        before = everything(job.server)
        for url in (f"{nowhere}/ping/{KEY}/x", f"{job.base}/ping/{KEY}/no-such-job", f"{job.base}/ping/no/{job.slug}"):
            assert programs.python(DECORATED, HEALTHCHECK_URL=url).stdout == "worked\n"
        assert everything(job.server) == before


class TestRunchecked:
    @pytest.mark.parametrize(("status", "kind"), [("0", "success"), ("3", "fail")])
    def test_a_command(self, job, programs, status, kind):
        ran = programs.python(CHECKED, job.url, status)
        assert (ran.returncode, ran.stdout) == (0, "on we go\n")
        (signal,) = job.signals()
        assert (signal.kind, signal.body.splitlines()[0]) == (kind, "3 rows")
        assert re.search(r"WARNING +Exit 3$", signal.body, re.MULTILINE) or status == "0"

    def test_what_is_not_there_is_given_up_and_the_program_runs_on(self, server, programs):
        before = everything(server)
        ran = programs.python(CHECKED, f"http://127.0.0.1:{server.port}/ping/{KEY}/no-such-job", "0")
        assert (ran.returncode, ran.stdout) == (0, "on we go\n")
        assert everything(server) == before
