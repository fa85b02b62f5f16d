"""One server with the jobs of the page; a folder for each project."""

import pytest
from project import Heard, Project
from served import Served
from snippets import block


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    jobs = block("", of=2, number=1).filled(**{'slack: {webhook: "${env:SLACK_WEBHOOK}"}': "console: {}"})
    with Served(tmp_path_factory.mktemp("server"), jobs=jobs) as one:
        assert one.port, one.said + one.log
        yield one
        assert "unexpected error" not in one.log
        assert one.stop() == 0


@pytest.fixture
def project(tmp_path, server):
    return Project(tmp_path, server)


@pytest.fixture
def report(server):
    """What is told of `daily-report` during the test."""
    return Heard(server, "daily-report")


@pytest.fixture
def backup(server):
    """What is told of `backup` during the test."""
    return Heard(server, "backup")
