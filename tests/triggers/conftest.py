import pytest
from stage import Stage


@pytest.fixture
def stage():
    return Stage
