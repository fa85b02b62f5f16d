"""Both doors under one suite: the fixture names them, no test does."""

import pytest
from served import Served


@pytest.fixture(scope="session", params=["fast", "plain"])
def shared(request, tmp_path_factory):
    """A server that many tests share; each uses jobs of its own (`?create=1`)."""
    with Served(tmp_path_factory.mktemp(request.param), HEARTBEAT_DOOR=request.param) as server:
        yield server
        assert "unexpected error" not in server.log
        assert server.stop() == 0


@pytest.fixture(params=["fast", "plain"])
def door(request):
    return request.param


@pytest.fixture
def serve(tmp_path):
    """Starts servers of one's own; all are gone afterwards."""
    started = []

    def start(**given):
        started.append(Served(tmp_path, **given))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.__exit__()
        server.process.stdout.close()
