"""`heartbeat doctor --stack`: everything is looked at, and what is wrong is said in words."""

import json

import pytest


@pytest.fixture
def doctor(stack, cloud):
    """What it found: (exit status, {name of a check: [(found, text), …]})."""

    def doctor(*options):
        status, text = cloud.heartbeat("doctor", "--stack", stack.name, "--json", *options)
        found = {}
        for check in json.loads(text)["checks"]:
            found.setdefault(check["name"], []).append((check["found"], check["text"]))
        return status, found

    return doctor


def test_a_stack_that_is_well(stack, slack, doctor):
    stack.sweep()
    status, found = doctor("--send-test")
    assert status == 0, found
    assert found["ping"][0][1].startswith("went through to the table in ")
    assert [found[f"channel {name}"][0][0] for name in ("ops", "pager")] == ["ok", "ok"]
    assert any("heartbeat doctor" in json.dumps(told) for told in slack.told)
    assert [name for name in stack.jobs() if name.startswith("heartbeat-doctor")] == []


def test_the_key_is_shown_to_those_who_ask(stack, doctor):
    assert stack.key not in json.dumps(doctor()[1])
    assert f"/ping/{stack.key}/JOB" in doctor("--show-key")[1]["ping URL"][0][1]


def test_what_could_not_be_read_and_an_alarm_are_problems(stack, cloud, doctor):
    sqs, alarms = cloud.client("sqs"), cloud.client("cloudwatch")
    queue = sqs.get_queue_url(QueueName=f"{stack.name}-dead-letters")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    alarm = f"{stack.name}-errors-ping"
    alarms.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="the tests")
    try:
        status, found = doctor()
    finally:
        alarms.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="the tests")
        sqs.purge_queue(QueueUrl=queue)
    assert status == 1
    assert ("problem", f"{stack.name}-dead-letters holds 1: what could not be done; see them in the console") in found[
        "queues"
    ]
    assert ("problem", f"{alarm}: The ping function of Heartbeat fails. See its log group.") in found["alarms"]


def test_a_stack_that_there_is_not(cloud):
    status, text = cloud.heartbeat("doctor", "--stack", "no-such-stack")
    assert (status, "no stack 'no-such-stack' in eu-west-1" in text) == (2, True)
