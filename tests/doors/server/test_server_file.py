"""A real server whose jobs file goes away: every place where people look says so, and it starts again without it."""

import http.server
import json
import threading

import pytest
from load import jobs_file
from served import until

from heartbeat.doors.cli import main


@pytest.fixture
def hook():
    """A webhook's receiver: the events it was told of, and the line for the jobs file."""
    told = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.append(json.dumps(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield told, f"hook: {{webhook: {{url: 'http://127.0.0.1:{server.server_port}/', allow_private: true}}}}"
    server.shutdown()
    thread.join()
    server.server_close()


def health(server):
    answer = server.ask("GET", "/healthz")
    return answer.status, json.loads(answer.body)["illnesses"].get("jobs-file", "")


def test_rm_jobs_yaml_then_status_doctor_healthz_and_a_restart(serve, hook, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told, line = hook
    gone = "the jobs file jobs.yaml is gone"
    with serve(jobs=jobs_file(["one"], line)) as server:
        (tmp_path / "jobs.yaml").unlink()
        until(lambda: health(server)[0] == 503)
        assert gone in health(server)[1]
        for command in ("status", "doctor"):
            assert main([command]) == 1
            assert gone in " ".join(capsys.readouterr().out.split())
        until(lambda: len(told) == 1)
        assert gone in told[0]
        assert server.ping("one").status == 200
        assert server.stop() == 0
    with serve(jobs=None) as again:
        assert again.ping("one").status == 200
        until(lambda: health(again)[0] == 503)
        (tmp_path / "jobs.yaml").write_text(jobs_file(["one"], line))
        until(lambda: health(again) == (200, ""))
        until(lambda: len(told) == 2)
