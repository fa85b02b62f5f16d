"""One list of behaviour, seven ways to have it: the fixture names the language, no test does."""

import pytest
from faulty import Receiver
from languages import LANGUAGES, tell


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request):
    return LANGUAGES[request.param]


@pytest.fixture(scope="module")
def place(tmp_path_factory, language):
    return tmp_path_factory.mktemp(language.name)


@pytest.fixture(scope="module")
def told(language, place):
    """Makes calls in this language: `told(calls, HEARTBEAT_URL=…)`."""
    return lambda calls, **environ: tell(language, place, calls, **environ)


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver
