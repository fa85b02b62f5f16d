"""What a trigger started comes back as the job's signals, with the run's id, and as no other job's."""

import json

from heartbeat.config.reader import read as read_config
from heartbeat.ingest.events.matcher import Matcher
from heartbeat.ingest.events.read import read as read_event

RUN = "0b7c9d6e-1111-4222-8333-444444444444"


class TestEventsOfOurRuns:
    JOBS = """
defaults: {timezone: UTC, notify: []}
jobs:
  report: {schedule: "0 9 * * *", max_runtime: 1h, trigger: {ecs: {task_definition: nightly}}}
  settle:
    schedule: "0 9 * * *"
    max_runtime: 1h
    trigger: {step_functions: {state_machine: "arn:aws:states:r:1:stateMachine:m"}}
  other: {schedule: "0 9 * * *", max_runtime: 1h, trigger: {ecs: {task_definition: nightly}}}
"""

    def found(self, event):
        signals = read_event(event, Matcher(read_config(self.JOBS).jobs), 1_795_350_000_000).signals
        return sorted({(signal.slug, signal.run_id) for signal in signals})

    def task(self, started_by):
        return {
            "source": "aws.ecs",
            "detail-type": "ECS Task State Change",
            "time": "2026-01-05T09:01:00Z",
            "detail": {
                "taskArn": "arn:aws:ecs:r:1:task/c/abc",
                "taskDefinitionArn": "arn:aws:ecs:r:1:task-definition/nightly:1",
                "lastStatus": "RUNNING",
                "startedAt": "2026-01-05T09:00:30Z",
                "startedBy": started_by,
            },
        }

    def test_a_task(self):
        assert self.found(self.task(f"heartbeat/report/{RUN}")) == [("report", RUN)]
        assert self.found(self.task("somebody")) == []

    def test_an_execution(self):
        event = {
            "source": "aws.states",
            "detail-type": "Step Functions Execution Status Change",
            "time": "2026-01-05T09:01:00Z",
            "detail": {
                "executionArn": f"arn:aws:states:r:1:execution:m:{RUN}",
                "stateMachineArn": "arn:aws:states:r:1:stateMachine:m",
                "name": RUN,
                "status": "RUNNING",
                "startDate": 1_767_603_630_000,
                "input": json.dumps({"heartbeat": {"job": "settle", "run_id": RUN}}),
            },
        }
        assert self.found(event) == [("settle", RUN)]
        event["detail"]["input"] = "{"
        assert self.found(event) == []
