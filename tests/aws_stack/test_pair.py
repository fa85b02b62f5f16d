"""Two stacks: one watches the other."""

import pytest
from stack import until

JOBS = """
defaults: {timezone: UTC, grace: 5s, notify: [ops]}
channels:
  ops: {slack: {webhook: "${ssm:/heartbeat/slack}"}}
jobs:
  home: {schedule: every 10s}
"""


@pytest.fixture(scope="module")
def far(cloud):
    """The stack that watches."""
    made = cloud.deploy("far", cloud.build(JOBS, "far"))
    made.sweep()
    return made


class TestPair:
    def test_one_tells_the_other_after_each_sweep(self, stack, far, cloud):
        rule(cloud, "enable_rule")
        url = f"{far.outputs['PingUrl']}ping/{far.key}/home"
        cloud.deploy(stack.name, stack.built, WatchdogUrl=url)
        stack.sweep()
        assert far.state("home").status == "up"
        assert far.history("home")[0].signal.source == "ping"

    def test_when_one_stands_still_the_other_notices(self, stack, far, cloud, slack):
        rule(cloud, "disable_rule")
        assert until(lambda: far.sweep() and far.state("home").status == "down", 60, 1)
        assert until(lambda: slack.about("home")[-1]["text"].startswith("MISSED home"))
        rule(cloud, "enable_rule")
        stack.sweep()
        assert until(lambda: slack.about("home")[-1]["text"].startswith("RECOVERED home"))

    def test_one_is_removed_and_its_evidence_stays_and_the_other_goes_on(self, stack, far, cloud):
        far.put("backup/2026-11-22.txt", b"kept")
        bucket = far.outputs["EvidenceBucketName"]
        far.delete()
        unheard = watchdog_errors(stack)
        assert far.table not in cloud.client("dynamodb").list_tables()["TableNames"]
        names = [found["FunctionName"] for found in cloud.client("lambda").list_functions()["Functions"]]
        assert sorted(names) == ["hb-checker", "hb-ingest", "hb-ping", "hb-trigger", "hb-web"]
        kept = cloud.client("s3").get_object(Bucket=bucket, Key="backup/2026-11-22.txt")
        assert kept["Body"].read() == b"kept"
        assert stack.ping("pinged") == (200, "OK")
        stack.sweep()
        assert until(lambda: len(watchdog_errors(stack)) > len(unheard))


def watchdog_errors(stack):
    """What the checker said about a watchdog that does not answer."""
    return [line["error"] for line in stack.logs("checker") if line.get("event") == "watchdog"]


def rule(cloud, verb):
    """Turn the clock of the stack that is watched on or off."""
    events = cloud.client("events")
    [name] = [
        found["Name"]
        for found in events.list_rules()["Rules"]
        if found["Name"].startswith("hb-CheckerFunctionEveryMinute")
    ]
    getattr(events, verb)(Name=name)
