"""What tests of many folders begin with."""

import pytest
from receiver import Receiver, listening
from trigger_stage import Stage


@pytest.fixture
def receiver():
    """A web server that keeps what it is sent, and answers as it is told to."""
    with listening(Receiver()) as server:
        yield server


@pytest.fixture
def stage():
    """A job with a trigger, a target and a clock: made by the test, with what it wants."""
    return Stage
