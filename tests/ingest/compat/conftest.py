"""A service without its sockets."""

import pytest
from asking import NOW, Service


@pytest.fixture
def service():
    return Service(NOW)
