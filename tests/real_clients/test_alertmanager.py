"""A real Alertmanager whose always firing Watchdog says that the alerting itself is alive."""

import subprocess
import time
from datetime import UTC, datetime

import pytest
from programs import Job, closed_port, everything, jobs_of
from served import KEY

CONFIG = """
route: {{receiver: heartbeat, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1s}}
receivers:
  - name: heartbeat
    webhook_configs: [{{url: "{url}", send_resolved: true}}]
"""
TOKEN = f"{KEY}.no-such-job"


def until(done, seconds=20):
    limit = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < limit
        time.sleep(0.05)
    return found


class Alertmanager:
    def __init__(self, folder, programs, url):
        (folder / "alertmanager.yaml").write_text(CONFIG.format(url=url))
        self.programs, self.url = programs, f"http://127.0.0.1:{closed_port()}"
        self.said = folder / "alertmanager.log"
        options = ("--config.file=alertmanager.yaml", "--storage.path=data", "--cluster.listen-address=")
        command = ["prometheus-alertmanager", *options, f"--web.listen-address={self.url[7:]}"]
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)
        until(lambda: programs("curl", "-fsS", f"{self.url}/-/ready").returncode == 0)

    def close(self):
        self.process.terminate()
        assert self.process.wait(20) == 0

    def alert(self, name, *options):
        """As Prometheus would: once, firing until it ends."""
        ran = self.programs("amtool", "alert", "add", f"--alertmanager.url={self.url}", *options, name, "severity=none")
        assert (ran.returncode, ran.stderr) == (0, "")


@pytest.fixture
def alertmanager(tmp_path, programs):
    started = []

    def start(url):
        started.append(Alertmanager(tmp_path, programs, url))
        return started[-1]

    yield start
    for each in started:
        each.close()


def kinds(job: Job) -> list[str]:
    return [signal.kind for signal in job.signals()]


def test_a_firing_watchdog_is_a_heartbeat_and_a_resolved_one_a_failure(job, alertmanager):
    server = alertmanager(f"{job.base}/alertmanager/{job.token}")
    server.alert("Watchdog")
    until(lambda: kinds(job)[:2] == ["success", "success"])
    server.alert("Watchdog", f"--end={datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    until(lambda: kinds(job)[-1] == "fail")
    assert "Watchdog" in job.signals()[0].body
    assert job.state().status == "down"


def test_by_a_healthchecks_address_every_message_is_a_heartbeat(job, alertmanager):
    """As people do today; then a resolved Watchdog must not be sent."""
    alertmanager(job.url).alert("Watchdog")
    (signal, *_) = until(job.signals)
    assert (signal.kind, '"alertname":"Watchdog"' in signal.body) == ("success", True)


def test_an_address_that_is_not_known_is_told_in_its_log(server, alertmanager):
    before = everything(server)
    running = alertmanager(f"http://127.0.0.1:{server.port}/alertmanager/{TOKEN}")
    running.alert("Watchdog")
    until(lambda: "unexpected status code 404" in running.said.read_text())
    assert everything(server) == before


def test_it_comes_again_when_the_server_is_back(serve, alertmanager):
    server = serve()
    (job,) = jobs_of(server, ["job-000"])
    assert server.stop() == 0
    running = alertmanager(f"{job.base}/alertmanager/{job.token}")
    running.alert("Watchdog")
    until(lambda: "connection refused" in running.said.read_text())
    (job,) = jobs_of(serve(), ["job-000"])
    assert until(job.signals)[0].kind == "success"
