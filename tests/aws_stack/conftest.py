"""The local AWS of the stories, and the stack that they share."""

import signal

import pytest
from faulty_dynamodb import Faults
from front import Front
from ministack import ministack
from pager import Pager
from slack import Slack
from stack import JOBS, Cloud
from triggered import app, queue, takers, triggers, unswept  # noqa: F401 - fixtures of two files of stories

WEBHOOK = "https://hooks.slack.com/services/T000/B000/secret"


def pytest_configure():
    """Whoever ends us, by whatever signal, and even when we run in the background: what we started is ended first."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    """Where the local AWS is. It asks for permissions: a role that lacks one that it needs breaks a story."""
    with ministack(tmp_path_factory.mktemp("aws"), AUTH="true") as url:
        yield url


@pytest.fixture(scope="session")
def faults(aws):
    made = Faults(aws)
    yield made
    made.close()


@pytest.fixture(scope="session")
def slack():
    made = Slack()
    yield made
    made.close()


@pytest.fixture(scope="session")
def front(aws, slack, tmp_path_factory):
    ways = {".on.aws": aws, ".amazonaws.com": aws, "hooks.slack.com": slack.url}
    made = Front(ways, tmp_path_factory.mktemp("front"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def cloud(aws, faults, front, tmp_path_factory):
    made = Cloud(aws, faults.url, front, tmp_path_factory.mktemp("cloud"))
    made.client("ssm").put_parameter(Name="/heartbeat/slack", Type="SecureString", Value=WEBHOOK)
    return made


@pytest.fixture(scope="session")
def stack(cloud):
    """One stack for all stories; those of a module are told in their order."""
    made = cloud.deploy("hb", cloud.build(JOBS))
    made.pager = Pager(cloud, "pager", made.outputs["AlertTopicArn"])
    made.sweep()
    return made


@pytest.fixture(scope="session")
def pager(stack):
    """Heard everything that the topic of this stack ever told."""
    return stack.pager
