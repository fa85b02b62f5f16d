from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from heartbeat.errors import BadSetting
from heartbeat.secrets import Secrets, resolve


@pytest.fixture
def ssm(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield boto3.client("ssm")


def test_references_anywhere_in_a_text(tmp_path):
    (tmp_path / "slack").write_text("xoxb-1\n")
    secrets = Secrets({"HOST": "example.com"})
    text = secrets.resolve(f"https://${{env:HOST}}/a?token=${{file:{tmp_path}/slack}}&x=${{job}}$HOME")
    assert text == "https://example.com/a?token=xoxb-1&x=${job}$HOME"


def test_what_a_secret_holds_is_not_read_again():
    assert Secrets({"A": "${env:B}", "B": "no"}).resolve("${env:A}") == "${env:B}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${env:NOPE}", r"\$\{env:NOPE\}: the environment has no 'NOPE', or it is empty; set it"),
        ("${env:EMPTY}", r"\$\{env:EMPTY\}: the environment has no"),
        ("${file:/no/such/file}", r"\$\{file:/no/such/file\}: cannot be read \(No such file or directory\)"),
        ("${file:/}", r"\$\{file:/\}: cannot be read \(Is a directory\)"),
        ("${file:}", r"\$\{file:\}: cannot be read"),
        ("${file:/dev/null}", r"\$\{file:/dev/null\}: is empty; write the secret into it"),
        ("${file:a\0b}", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(text, problem):
    with pytest.raises(BadSetting, match=problem):
        Secrets({"EMPTY": "", "OTHER": "s3cret"}).resolve(f"s3cret {text}")


def test_a_file_that_is_no_text_is_not_shown(tmp_path):
    (tmp_path / "key").write_bytes(b"s3cret\xff")
    with pytest.raises(BadSetting) as refused:
        Secrets({}).resolve(f"${{file:{tmp_path}/key}}")
    assert "s3cret" not in f"{refused.value}{refused.value.__cause__}"


def test_ssm_is_decrypted_and_kept_for_a_while(ssm):
    ssm.put_parameter(Name="/heartbeat/slack", Value="one", Type="SecureString")
    now = [0.0]
    secrets = Secrets({}, ttl=60, clock=lambda: now[0])
    assert secrets.resolve("${ssm:/heartbeat/slack}") == "one"
    ssm.put_parameter(Name="/heartbeat/slack", Value="two", Type="SecureString", Overwrite=True)
    now[0] = 59.0
    assert secrets.resolve("${ssm:/heartbeat/slack}") == "one"
    now[0] = 60.0
    assert secrets.resolve("${ssm:/heartbeat/slack}") == "two"


@pytest.mark.usefixtures("ssm")
def test_a_parameter_that_is_not_there_is_named():
    problem = (
        r"\$\{ssm:/nope\}: cannot be read \(ParameterNotFound\); check the name and the permission ssm:GetParameter"
    )
    with pytest.raises(BadSetting, match=problem):
        Secrets({}).resolve("${ssm:/nope}")


def test_the_process_s_own_environment(monkeypatch):
    monkeypatch.setenv("HB_SAMPLE", "here")
    assert resolve("${env:HB_SAMPLE}") == "here"
