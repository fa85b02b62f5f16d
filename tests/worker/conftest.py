"""A local AWS with queues, a real server that is told of the runs, and workers in processes of their own."""

import pytest
from ministack import ministack
from yard import Server, Yard


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    with ministack(tmp_path_factory.mktemp("aws")) as url:
        yield url


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("server"))
    yield made
    made.close()


@pytest.fixture
def yard(aws, server, tmp_path, request):
    made = Yard(aws, server, tmp_path, f"q-{request.node.name[:60].replace('[', '-').replace(']', '')}")
    yield made
    made.close()
