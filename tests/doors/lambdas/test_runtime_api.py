"""The sandbox of the tests: what it can import, and what it says of functions that fail."""

import pytest
from ministack import tool
from runtime_api import FunctionFailed, Sandbox

SOURCE = """
import importlib

def handler(event, context):
    if event == "fail":
        raise ValueError("no good")
    if event == "exit":
        import os; os._exit(7)
    if event == "home":
        import os; return os.path.expanduser("~/.aws/config")
    if isinstance(event, dict):
        return {"left": context.get_remaining_time_in_millis() > 0, **event}
    try:
        importlib.import_module(event)
    except ImportError:
        return "cannot"
    return "can"
"""


@pytest.fixture
def sandbox(tmp_path):
    (tmp_path / "function.py").write_text(SOURCE)
    with Sandbox(tmp_path, "function.handler", tool("lambda") / "python") as box:
        yield box


def test_an_event_is_answered(sandbox):
    assert sandbox.invoke({"n": 1}) == {"left": True, "n": 1}
    assert sandbox.invoke({"n": 2}) == {"left": True, "n": 2}
    assert 0 < sandbox.init_ms < 60_000


@pytest.mark.parametrize("module", ["heartbeat", "pytest", "moto", "msgspec", "yaml", "uvicorn"])
def test_nothing_of_the_project_can_be_imported(sandbox, module):
    assert sandbox.invoke(module) == "cannot"


def test_boto3_can_be_imported(sandbox):
    assert sandbox.invoke("boto3") == "can"


def test_it_has_no_settings_of_whoever_runs_the_tests(sandbox):
    assert sandbox.invoke("home") == "/nonexistent/.aws/config"


def test_an_exception_is_told_and_the_function_lives_on(sandbox):
    with pytest.raises(FunctionFailed, match="ValueError: no good"):
        sandbox.invoke("fail")
    assert sandbox.invoke("json") == "can"


def test_a_process_that_ends_is_told(sandbox):
    with pytest.raises(FunctionFailed, match="Exit: status 7"):
        sandbox.invoke("exit")


def test_a_function_that_does_not_come_up_is_told(tmp_path):
    (tmp_path / "function.py").write_text("import no_such_module")
    with pytest.raises(FunctionFailed, match="no_such_module"):
        Sandbox(tmp_path, "function.handler", tool("lambda") / "python")
