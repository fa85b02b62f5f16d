"""The stack's template: what the local AWS of the end-to-end tests does not look at."""

import json

import pytest

FUNCTIONS = {"PingFunction", "IngestFunction", "CheckerFunction", "TriggerFunction", "WebFunction", "LauncherFunction"}
OPTIONAL = {
    "HasTask": {"BatchMachine", "BatchMachineRole"},
    "HasQueue": {"BatchQueue", "BatchDeadLetters", "BatchDeadLettersAlarm"},
    "Launches": {"LauncherFunction", "LauncherRole", "LauncherLog", "LauncherErrorsAlarm", "LauncherThrottlesAlarm"},
    "HasWorkers": {
        *{"Workers", "WorkerTemplate", "WorkerProfile", "WorkerRole", "MoreWorkers", "NoWorkers"},
        *{"WorkWaitsAlarm", "WorkIsDoneAlarm"},
    },
}
"""What is only there when it is asked for, by its condition."""
SCALING = {"WorkWaitsAlarm": "MoreWorkers", "WorkIsDoneAlarm": "NoWorkers"}
"""Alarms that are no trouble, but start and end instances."""
WITHOUT_RESOURCE = {"dynamodb:ListStreams", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}


def named(reference):
    """The logical id that a Ref or GetAtt points to."""
    return reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0]


def test_sam_and_cfn_lint_have_nothing_to_say(run):
    status, out, err = run("sam", "validate", "--lint")
    assert (status, "is a valid SAM Template" in out, err.strip()) == (0, True, "")
    assert run("cfn-lint", "infra/template.yaml") == (0, "", "")


def test_every_parameter_says_what_it_is_and_needs_no_value(transformed):
    for name, parameter in transformed["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        assert "Default" in parameter, name
    shown = [
        p
        for group in transformed["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        for p in group["Parameters"]
    ]
    assert sorted(shown) == sorted(transformed["Parameters"])


def test_every_output_says_what_to_do_with_it(transformed):
    assert {"PingUrl", "WebUrl", "TableName", "ShowPingKey", "NextStep"} <= set(transformed["Outputs"])
    assert all(output["Description"] for output in transformed["Outputs"].values())


def test_functions_run_on_python_3_13_and_arm(transformed, of_type):
    assert set(of_type("AWS::Lambda::Function")) == FUNCTIONS
    for function in of_type("AWS::Lambda::Function").values():
        assert function["Runtime"] == {"Ref": "Runtime"}
        assert function["Architectures"] == [{"Ref": "Architecture"}]
    assert transformed["Parameters"]["Runtime"]["Default"] == "python3.13"
    assert transformed["Parameters"]["Architecture"]["Default"] == "arm64"


def test_what_starts_work_is_off_unless_it_is_asked_for(transformed, resources):
    found = {condition: set() for condition in OPTIONAL}
    for name, each in resources.items():
        if each.get("Condition") in OPTIONAL:
            found[each["Condition"]].add(name)
    assert {c: names - {"LauncherFunctionWork"} for c, names in found.items()} == OPTIONAL
    defaults = {name: each["Default"] for name, each in transformed["Parameters"].items()}
    assert (defaults["TaskFamily"], defaults["QueueWorkers"]) == ("", "none")


def test_a_fresh_machine_begins_where_work_waits_and_goes_only_when_none_is_left(resources):
    waits, done = (resources[name]["Properties"] for name in SCALING)
    assert (waits["MetricName"], waits["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)
    assert (waits["ComparisonOperator"], waits["TreatMissingData"]) == ("GreaterThanOrEqualToThreshold", "notBreaching")
    metrics = {
        each["Id"]: each["MetricStat"]["Metric"]["MetricName"] for each in done["Metrics"] if "MetricStat" in each
    }
    assert metrics == {
        "waiting": "ApproximateNumberOfMessagesVisible",
        "working": "ApproximateNumberOfMessagesNotVisible",
        "coming": "ApproximateNumberOfMessagesDelayed",
    }
    assert done["Metrics"][0]["Expression"] == "waiting + working + coming"
    assert (done["Threshold"], done["ComparisonOperator"]) == (0, "LessThanOrEqualToThreshold")
    assert done["EvaluationPeriods"] == 5
    more, none = (resources[name]["Properties"] for name in SCALING.values())
    assert more["AdjustmentType"] == "ChangeInCapacity"
    assert all(step["ScalingAdjustment"] > 0 for step in more["StepAdjustments"])
    assert (none["AdjustmentType"], [step["ScalingAdjustment"] for step in none["StepAdjustments"]]) == (
        "ExactCapacity",
        [0],
    )
    group = resources["Workers"]["Properties"]
    assert (group["MinSize"], group["VPCZoneIdentifier"]) == ("0", {"Ref": "WorkerSubnets"})
    assert "DesiredCapacity" not in group  # else a deployment would end instances that work


def test_a_message_of_the_launcher_stays_until_its_task_deletes_it(resources):
    work = resources["LauncherFunctionWork"]["Properties"]
    assert (work["BatchSize"], work["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
    queue = resources["BatchQueue"]["Properties"]
    assert queue["VisibilityTimeout"] == 6 * resources["LauncherFunction"]["Properties"]["Timeout"]
    assert named(queue["RedrivePolicy"]["deadLetterTargetArn"]) == "BatchDeadLetters"


def test_a_task_that_ran_is_never_run_again_by_the_state_machine(resources):
    run = resources["BatchMachine"]["Properties"]["Definition"]["States"]["Run"]
    retried = {error for each in run["Retry"] for error in each["ErrorEquals"]}
    assert retried == {"ECS.AmazonECSException", "AmazonECS.Unknown", "ECS.ThrottlingException"}


def test_the_ping_function_has_enough_cpu_to_start(transformed):
    assert transformed["Parameters"]["PingMemory"]["Default"] >= 512


def test_each_function_has_a_role_of_its_own_that_may_do_only_what_is_named(of_type):
    roles = {name: named(function["Role"]) for name, function in of_type("AWS::Lambda::Function").items()}
    assert len(set(roles.values())) == len(FUNCTIONS)
    for name, role in of_type("AWS::IAM::Role").items():
        users = {"TriggerRole": "TriggerPolicies", "WorkerRole": "WorkerPolicies"}.get(name)
        if users:  # what jobs may do is the user's to say
            assert role["ManagedPolicyArns"]["Fn::If"][:2] == [f"Has{users}", {"Ref": users}]
        else:
            assert "ManagedPolicyArns" not in role, name
        for statement in statements(role):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not any("*" in action for action in actions), name
            if "*" in (statement["Resource"], *statement["Resource"]):
                assert set(actions) <= WITHOUT_RESOURCE, name


def statements(role):
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield statement.get("Fn::If", [None, statement])[1]


@pytest.mark.parametrize(
    ("action", "who"),
    [
        ("sns:Publish", {"CheckerRole"}),
        ("ssm:GetParameter", {"CheckerRole", "TriggerRole"}),
        ("secretsmanager:GetSecretValue", {"CheckerRole", "TriggerRole"}),
        ("scheduler:CreateSchedule", {"CheckerRole"}),
        ("lambda:InvokeFunction", {"CheckerRole", "ScheduleRole", "BatchMachineRole"}),
        ("ecs:RunTask", {"LauncherRole", "BatchMachineRole"}),
        ("states:StartExecution", {"TriggerRole"}),
        ("iam:PassRole", {"CheckerRole", "LauncherRole", "BatchMachineRole"}),
    ],
)
def test_only_those_who_must_may(of_type, action, who):
    roles = of_type("AWS::IAM::Role").items()
    assert {name for name, role in roles if action in set(json.dumps(role).split('"'))} == who


def test_function_urls_have_both_permissions(of_type):
    granted = {
        (named(p["FunctionName"]), p["Action"], p.get("FunctionUrlAuthType"), p.get("InvokedViaFunctionUrl"))
        for p in of_type("AWS::Lambda::Permission").values()
        if p["Principal"] == "*"
    }
    assert granted == {
        (function, *permission)
        for function in ("PingFunction", "WebFunction")
        for permission in (("lambda:InvokeFunctionUrl", "NONE", None), ("lambda:InvokeFunction", None, True))
    }


def test_every_function_has_a_log_group_that_forgets(of_type):
    groups = of_type("AWS::Logs::LogGroup")
    used = {named(function["LoggingConfig"]["LogGroup"]) for function in of_type("AWS::Lambda::Function").values()}
    assert used == set(groups)
    assert all(group["RetentionInDays"] == {"Ref": "LogDays"} for group in groups.values())


def test_nothing_asynchronous_is_lost_without_a_word(of_type, resources):
    for name, rule in of_type("AWS::Events::Rule").items():
        assert [named(target["DeadLetterConfig"]["Arn"]) for target in rule["Targets"]] == ["DeadLetters"], name
    called = {named(target["Arn"]) for rule in of_type("AWS::Events::Rule").values() for target in rule["Targets"]}
    configured = {
        named(config["FunctionName"]): named(config["DestinationConfig"]["OnFailure"]["Destination"])
        for config in of_type("AWS::Lambda::EventInvokeConfig").values()
    }
    assert configured == dict.fromkeys({*called, "TriggerFunction"}, "DeadLetters")
    stream = resources["CheckerFunctionNewDeliveries"]["Properties"]
    assert named(stream["DestinationConfig"]["OnFailure"]["Destination"]) == "DeadLetters"
    queue = resources["IngestFunctionFailures"]["Properties"]
    assert queue["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert named(resources["SchedulerFailures"]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]) == "DeadLetters"


def test_the_stream_wakes_the_checker_for_new_deliveries_only(resources):
    # What the checker itself writes are updates of deliveries, and rows of other kinds.
    filters = resources["CheckerFunctionNewDeliveries"]["Properties"]["FilterCriteria"]["Filters"]
    assert [json.loads(each["Pattern"]) for each in filters] == [
        {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "incident#"}]}}}}
    ]
    assert resources["Table"]["Properties"]["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}


def test_the_checker_comes_every_minute_and_scrubs_once_a_day(resources):
    found = {
        rule["Properties"]["ScheduleExpression"]: json.loads(rule["Properties"]["Targets"][0]["Input"])
        for rule in resources.values()
        if rule["Type"] == "AWS::Events::Rule" and "ScheduleExpression" in rule["Properties"]
    }
    assert found == {"rate(1 minute)": {"heartbeat": "sweep"}, "cron(23 4 * * ? *)": {"heartbeat": "scrub"}}


def test_readers_of_due_rows_are_updated_before_their_writers(resources):
    for writer in FUNCTIONS - {"CheckerFunction"}:
        assert resources[writer]["DependsOn"] in ("CheckerFunction", ["CheckerFunction"]), writer


def test_the_table_forgets_and_can_be_restored(resources):
    table = resources["Table"]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_the_evidence_bucket_is_closed_and_cleans_up(resources):
    bucket = resources["EvidenceBucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert [rule["ExpirationInDays"] for rule in bucket["LifecycleConfiguration"]["Rules"]] == [{"Ref": "EvidenceDays"}]
    assert "ServerSideEncryptionByDefault" in bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    assert "VersioningConfiguration" not in bucket
    assert resources["EvidenceBucket"]["DeletionPolicy"] == "Retain"


def test_a_writer_may_only_put_below_its_own_prefix(resources):
    [statement] = resources["EvidenceWriterPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": {"Fn::Sub": "${EvidenceBucket.Arn}/${!aws:PrincipalTag/heartbeat-prefix}/*"},
    }


def test_every_alarm_reaches_the_topic(of_type):
    alarms = of_type("AWS::CloudWatch::Alarm")
    told = {name: alarm["AlarmActions"] for name, alarm in alarms.items()}
    assert told == {name: [{"Ref": SCALING.get(name, "AlertTopic")}] for name in alarms}
    assert all(alarm["AlarmDescription"] for alarm in alarms.values())
    breaching = {name for name, alarm in alarms.items() if alarm["TreatMissingData"] == "breaching"}
    assert breaching == {"SweepMissingAlarm"}
    assert set(alarms) >= {"SweepMissingAlarm", "DeadLettersAlarm", "IllAlarm", "OldestAlertAlarm"}


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_has_an_alarm(of_type, metric):
    watched = {
        named(alarm["Dimensions"][0]["Value"])
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if (alarm.get("Namespace"), alarm.get("MetricName")) == ("AWS/Lambda", metric)
    }
    assert watched == FUNCTIONS
