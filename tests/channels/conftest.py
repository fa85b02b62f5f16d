from __future__ import annotations

import pytest
from receiver import Receiver, listening


@pytest.fixture
def receiver():
    with listening(Receiver()) as server:
        yield server
