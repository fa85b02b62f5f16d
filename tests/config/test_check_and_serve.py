"""`check` knows what `serve` knows: whatever stops `serve` with no secret in it, reading the file has already said."""

from __future__ import annotations

import pytest

from heartbeat.channels.build import build as build_channel
from heartbeat.config import read
from heartbeat.errors import BadConfig, BadSetting
from heartbeat.model import Trigger
from heartbeat.secrets import REFERENCE
from heartbeat.targets.build import build as build_target

ARN = "arn:aws:sns:eu-west-1:123456789012:alerts"
TYPED = {
    'webhook: {url: https://x.example, template: \'{"t": "${slug}"}\'}': "names ${slug}, which does not exist; did you "
    "mean ${job}?",
    'webhook: {url: https://x.example, template: "job ${headline}"}': "is no JSON",
    "webhook: {url: https://x.example, template: '{\"t\": ${headline}}'}": "write JSON with the fields in quotes",
    "webhook: ftp://x.example/hook": "must be an http or https URL with a host",
    'webhook: "ftp://${env:HOST}/hook"': "must be an http or https URL with a host",
    "webhook: https://me:pass@x.example/": "must not hold a user or password",
    "webhook: http://192.168.1.4/": "leads to 192.168.1.4, which is not a public address; allow it with allow_private",
    'webhook: {url: https://x.example, headers: {"X Team": a}}': "headers.X Team: is not a valid header name",
    'webhook: {url: https://x.example, headers: {X-Team: "a\\nb"}}': "headers.X-Team: must have a value of printable",
    'webhook: {url: https://x.example, headers: {X-Team: "${env:T} ü"}}': "must have a value of printable ASCII",
    "sns: my-topic": "must be a topic's ARN, such as arn:aws:sns:",
    'sns: "topic-${env:STAGE}"': "must be a topic's ARN, such as arn:aws:sns:",
    'slack: {token: "${env:T}", channel: "#ops"}': "channel: must be the channel's id, such as C0123456789",
    'slack: {token: "xoxb-1\\n", channel: C0123456789}': "token: must be one word of printable ASCII",
    'slack: {webhook: "https://x.example/${env:T}", thread: true}': "thread: needs a bot: give token and channel",
    'slack: {token: "${env:T}", channel: C0123456789, allow_private: true}': "allow_private: needs a webhook",
}
TRIGGERS = {
    "http: {url: ftp://app.example/jobs}": "url: must be an http or https URL",
    'http: {url: https://app.example/jobs, headers: {"X Team": a}}': "headers.X Team: is not a valid header name",
    'http: {url: https://app.example/jobs, token: "a\\nb"}': "token: must be one word of printable ASCII",
    "http: {url: http://169.254.169.254/}": "url: leads to 169.254.169.254, where clouds keep",
    "step_functions: {state_machine: settle}": "state_machine: must be an ARN, such as arn:aws:states:",
    'step_functions: {state_machine: "${env:STAGE}"}': "",
    "sqs: {queue: my queue}": "queue: must be the queue's URL, ARN or name",
    "sqs: {queue: jobs.fifo}": "",
    'sqs: {queue: q, attributes: {a: "1", b: "1", c: "1", d: "1", e: "1", f: "1", g: "1", h: "1"}}': "at most 7",
    "aws_lambda: {function: night ly}": "function: must be a function's name",
    'aws_lambda: {function: "arn:aws:lambda:eu-west-1:123456789012:function:nightly:live"}': "",
}


@pytest.mark.parametrize(("typed", "problem"), TYPED.items())
def test_a_channel_that_serve_would_refuse_is_refused_by_check(typed, problem, problems):
    (told,) = problems(f"jobs: {{}}\nservice: {{notify: ops}}\nchannels: {{ops: {{{typed}}}}}")
    assert problem in told
    assert "channels.ops." in told


@pytest.mark.parametrize(("typed", "problem"), TRIGGERS.items())
def test_a_trigger_that_could_start_nothing_is_refused_by_check(typed, problem):
    text = f"jobs: {{a: {{schedule: 0 9 * * *, timezone: UTC, max_runtime: 1h, trigger: {{{typed}}}}}}}"
    if not problem:
        assert read(text).jobs
        return
    with pytest.raises(BadConfig) as caught:
        read(text)
    assert problem in caught.value.problems[0]


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"webhook": "${env:V}"}, "ftp://x.example"),
        ({"webhook": "${env:V}"}, "http://127.0.0.1/"),
        ({"webhook": "${env:V}"}, "https://x\0"),
        ({"webhook": {"url": "https://x.example", "headers": {"A": "${env:V}"}}}, "a\nb"),
        ({"sns": "${env:V}"}, "my-topic"),
        ({"slack": {"token": "${env:V}", "channel": "C0123456789"}}, "a b"),
        ({"slack": {"token": "x", "channel": "${env:V}"}}, "#ops"),
    ],
)
def test_what_only_the_secret_can_tell_is_refused_when_it_is_known(given, value):
    with pytest.raises(BadSetting) as caught:
        build_channel("ops", given, resolve=lambda text: text.replace("${env:V}", value))
    assert value not in str(caught.value)


def test_what_only_the_secret_of_a_trigger_can_tell_is_refused_when_it_is_known():
    with pytest.raises(BadSetting, match="state_machine must be an ARN"):
        build_target(Trigger(kind="step_functions", settings={"state_machine": "${env:V}"}), resolve=lambda _: "settle")


@pytest.mark.parametrize("typed", TYPED)
def test_serve_refuses_what_check_refuses(typed):
    """One builder: with the check taken out, building says the same."""
    import yaml  # noqa: PLC0415 - this one alone

    given = yaml.safe_load(f"{{{typed}}}")
    with pytest.raises(BadSetting):
        build_channel("ops", given, resolve=lambda text: REFERENCE.sub("value", text))
