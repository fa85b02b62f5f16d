"""One server with many jobs, each of them for one test."""

import pytest
from programs import Programs, closed_port, jobs_of
from served import Served

COUNT = 150
JOBS = "defaults: {timezone: UTC, grace: 10m}\njobs:\n" + "".join(
    f"  job-{number:03}: {{schedule: every 1h, max_runtime: 30m}}\n" for number in range(COUNT)
)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("server"), jobs=JOBS) as server:
        yield server
        assert "unexpected error" not in server.log
        assert server.stop() == 0


@pytest.fixture(scope="session")
def fresh(server):
    return iter(jobs_of(server, [f"job-{number:03}" for number in range(COUNT)]))


@pytest.fixture
def job(fresh):
    """One that nothing was heard of."""
    return next(fresh)


@pytest.fixture
def programs(tmp_path):
    return Programs(tmp_path)


@pytest.fixture
def nowhere():
    """The address of a server that is down."""
    return f"http://127.0.0.1:{closed_port()}"


@pytest.fixture
def serve(tmp_path):
    """Starts servers of one's own, at a port that stays the same."""
    started, port = [], str(closed_port())

    def start():
        started.append(Served(tmp_path, jobs=JOBS, HEARTBEAT_PORT=port))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.__exit__()
