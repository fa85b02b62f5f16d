"""A stack that is built and deployed as its users do it, and what may be done to it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
from botocore.config import Config
from ministack import CREDENTIALS, REGION, ROOT, tool

VERSION = os.environ.get("HEARTBEAT_PYTHON") or sysconfig.get_python_version()
"""Of Python in the functions: the runtime's, where the tests can have it."""
FUNCTIONS = ("PingFunction", "IngestFunction", "CheckerFunction", "TriggerFunction", "WebFunction", "LauncherFunction")
BOOTSTRAP = """#!/bin/sh
export {variables}
cd "$LAMBDA_TASK_ROOT" && exec {python} -m awslambdaric "$_HANDLER"
"""
"""What the tests add to a function's files: the runtime interface of Lambda's own Python runtime starts the handler."""
JOBS = """
name: e2e
defaults: {timezone: UTC, grace: 5s, notify: [ops, pager]}
channels:
  ops: {slack: {webhook: "${ssm:/heartbeat/slack}"}}
  pager: {sns: "${env:ALERT_TOPIC}"}
jobs:
  pinged: {schedule: every 1h}
  filed: {schedule: every 1h, evidence: {key: "filed/{date:%Y-%m-%d}/proof.json"}}
  task: {schedule: every 1h, max_runtime: 30m, sources: [{ecs: {family: nightly}}]}
  broken-task: {schedule: every 1h, max_runtime: 30m, sources: [{ecs: {family: fragile}}]}
  planned: {schedule: every 1h, sources: [{scheduler: {schedule: nightly}}]}
  missing: {schedule: every 15s}
"""
"""`missing` is never heard of: its first slot goes by while the stories before are told."""


def until(holds, seconds=30, every=0.1):
    """Wait until this holds; what it gives then."""
    end = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < end:
        time.sleep(every)
    return found


NAMES = ("AccessKeyId", "SecretAccessKey", "SessionToken")
VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""How STS, and the environment, name what credentials consist of."""


class Failed(Exception):
    """A program of the SAM tool, or a function, said no."""


class Cloud:
    """The local AWS, as a person with credentials has it.

    dynamodb: the way to DynamoDB that the functions take; front: the way to everything that has to be TLS.
    """

    def __init__(self, url, dynamodb, front, folder, credentials=CREDENTIALS):
        self.url, self.dynamodb, self.front, self.folder, self.credentials = url, dynamodb, front, folder, credentials

    @property
    def ways(self):
        """The variables by which a function finds AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb,
            "AWS_ENDPOINT_URL_S3": f"https://s3.{REGION}.amazonaws.com",  # the bucket refuses what is not TLS
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.front.environ,
            **self.front.network,
        }

    def client(self, service):
        """A client by our own credentials, which allow everything."""
        return self._client(service, endpoint_url=self.url)

    def client_of(self, credentials, service, endpoint=None):
        """A client by somebody's credentials: {"AccessKeyId": …, "SecretAccessKey": …, "SessionToken": …}."""
        given = {variable.lower(): credentials[name] for variable, name in zip(VARIABLES, NAMES, strict=True)}
        config = Config(proxies={"https": self.front.url}, request_checksum_calculation="when_required")
        return self._client(service, endpoint_url=endpoint, config=config, verify=str(self.front.authority), **given)

    def _client(self, service, config=None, **given):
        ours = {name.lower(): self.credentials[name] for name in VARIABLES[:2]}
        patience = Config(read_timeout=200, retries={"total_max_attempts": 1})
        config = patience.merge(config) if config else patience
        return boto3.client(service, region_name=REGION, config=config, **(ours | given))

    def environ(self, **more):
        foreign = ("AWS_", "HEARTBEAT_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        path = os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ["PATH"]])
        given = {"AWS_ENDPOINT_URL": self.url, "SAM_CLI_TELEMETRY": "0", "PATH": path}
        return inherited | self.credentials | given | more

    def sam(self, *arguments, **environ):
        """Run the SAM tool in the project's folder; what it prints. Raises Failed."""
        command = [str(tool("sam") / "sam"), *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environ(**environ), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Failed(done.stdout + done.stderr)
        return done.stdout + done.stderr

    def heartbeat(self, *arguments, **environ):
        """Run our own command as on a laptop: (exit status, what it prints)."""
        command = [str(Path(sys.executable).with_name("heartbeat")), *arguments]
        environ = self.environ(**self.front.environ, **environ)
        done = subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def build(self, jobs, name="build"):
        """`sam build` of these jobs (the text of a jobs file); answers the folder that can be deployed."""
        config = self.folder / "jobs.yaml"
        config.write_text(jobs)
        target = self.folder / name
        self.sam("build", "--build-dir", str(target), HEARTBEAT_CONFIG=str(config), HEARTBEAT_PYTHON=VERSION)
        for function in FUNCTIONS:
            file = target / function / "bootstrap"
            variables = " ".join(f"{name}={value}" for name, value in self.ways.items())
            file.write_text(BOOTSTRAP.format(variables=variables, python=tool("lambda") / "python"))
            file.chmod(0o755)
        return target

    def deploy(self, name, built, **parameters):
        """`sam deploy` of a built folder."""
        given = {"Runtime": "provided.al2023", "Architecture": "x86_64", **parameters}
        self.sam(
            "deploy",
            "--stack-name",
            name,
            "--template-file",
            str(built / "template.yaml"),
            "--resolve-s3",
            "--capabilities",
            "CAPABILITY_IAM",
            "--no-fail-on-empty-changeset",
            "--parameter-overrides",
            *(f'{key}="{value}"' for key, value in given.items()),
        )
        return Stack(self, name, built)


def environ(process):
    """The environment of a process, by its folder in /proc; nothing when it is gone."""
    try:
        text = (process / "environ").read_text(errors="replace")
    except OSError:
        return {}
    return dict(pair.split("=", 1) for pair in text.split("\0") if "=" in pair)


class Stack:
    """A deployed stack. built: the folder that was deployed; swept: how often we did what its rule does."""

    def __init__(self, cloud, name, built):
        self.cloud, self.name, self.built, self.swept = cloud, name, built, 0
        [found] = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
        self.table = self.outputs["TableName"]

    # What people and jobs do.

    def ask(self, url, path, method="GET", body=None, headers=None):
        """A request to a function URL: (status, text). The local AWS knows it by its host."""
        connection = http.client.HTTPConnection(urlsplit(self.cloud.url).netloc, timeout=60)
        connection.request(method, path, body, {"Host": urlsplit(url).netloc, **(headers or {})})
        response = connection.getresponse()
        answer = response.status, response.read().decode()
        connection.close()
        return answer

    def ping(self, rest, **request):
        return self.ask(self.outputs["PingUrl"], f"/ping/{self.key}/{rest}", **request)

    def web(self, path, key=None, **request):
        """Ask the API: (status, text)."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return self.ask(self.outputs["WebUrl"], path, headers=headers, **request)

    @property
    def key(self):
        return json.loads(self.item("document#ping-key", "document")["body"]["S"])

    def put(self, key, body=b"x", bucket=None):
        bucket = bucket or self.outputs["EvidenceBucketName"]
        self.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=body)

    def event(self, source, kind, detail, resources=()):
        """An event of AWS's own, which nobody else may put: each rule of the stack that it fits calls its targets."""
        event = {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": kind,
            "source": source,
            "account": "000000000000",
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": list(resources),
            "detail": detail,
        }
        events, text = self.cloud.client("events"), json.dumps(event)
        rules = [rule for rule in events.list_rules(NamePrefix=f"{self.name}-")["Rules"] if "EventPattern" in rule]
        fitting = [r for r in rules if events.test_event_pattern(EventPattern=r["EventPattern"], Event=text)["Result"]]
        assert len(fitting) == 1, f"{len(fitting)} rules fit {kind}"
        for target in events.list_targets_by_rule(Rule=fitting[0]["Name"])["Targets"]:
            self.cloud.client("lambda").invoke(
                FunctionName=target["Arn"], InvocationType="Event", Payload=text.encode()
            )

    def invoke(self, function, payload):
        """Call a function and wait; its answer. Raises Failed."""
        answer = self.cloud.client("lambda").invoke(
            FunctionName=f"{self.name}-{function}", Payload=json.dumps(payload).encode()
        )
        text = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise Failed(text)
        return json.loads(text)

    def permit(self, role, actions, resource):
        """Let a role of the stack do more, where the local AWS asks for a permission that AWS does not."""
        found = self.cloud.client("cloudformation").describe_stack_resource(StackName=self.name, LogicalResourceId=role)
        statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
        self.cloud.client("iam").put_role_policy(
            RoleName=found["StackResourceDetail"]["PhysicalResourceId"],
            PolicyName="more",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )

    def sweep(self):
        """What the rule does every minute."""
        answer = self.invoke("checker", {"heartbeat": "sweep"})
        self.swept += 1
        return answer

    # What can be seen.

    def item(self, pk, sk):
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        return self.cloud.client("dynamodb").get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")

    def jobs(self):
        """The names of all jobs."""
        found = self.cloud.client("dynamodb").query(
            TableName=self.table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "jobs"}}
        )
        return [item["sk"]["S"] for item in found["Items"]]

    def store(self):
        """The table as a store, by a way without faults."""
        from heartbeat.store.dynamodb.call import boto3_call  # noqa: PLC0415 - the same
        from heartbeat.store.dynamodb.store import DynamoDBStore  # noqa: PLC0415 - only some stories look inside

        return DynamoDBStore(self.table, boto3_call(self.cloud.client("dynamodb")))

    def state(self, slug):
        return self.store().load([slug])[slug].state

    def history(self, slug):
        return self.store().history(slug, 50)

    def logs(self, function):
        """The log lines of a function that are JSON."""
        client, group = self.cloud.client("logs"), f"/aws/lambda/{self.name}-{function}"
        events = client.filter_log_events(logGroupName=group)["events"]
        return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]

    def processes(self, function):
        """The environments of the processes that run a function of this stack, by their ids."""
        ours = {"AWS_LAMBDA_FUNCTION_NAME": f"{self.name}-{function}", "AWS_ENDPOINT_URL": self.cloud.url}
        found = {int(path.name): environ(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
        return {pid: given for pid, given in found.items() if ours.items() <= given.items()}

    def credentials(self, function):
        """The credentials that Lambda gave to a function."""
        given = next(iter(self.processes(function).values()))
        return {name: given[variable] for name, variable in zip(NAMES, VARIABLES, strict=True)}

    def kill(self, function):
        for pid in self.processes(function):
            os.kill(pid, signal.SIGKILL)

    def delete(self):
        self.cloud.sam("delete", "--stack-name", self.name, "--no-prompts")
