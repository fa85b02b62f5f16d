"""What the triggers of the stories call: each kind of target, and how often it was called for which run."""

import io
import json
import threading
import zipfile
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ministack import tool
from stack import BOOTSTRAP

REST = 0.05
"""Seconds between two looks of a server at whether it is to end."""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["states.amazonaws.com", "lambda.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert told["run_id"] == self.headers["Idempotency-Key"]
        app = self.server.app
        app.took(told)
        if told["job"] in app.silent:
            self.rfile.read(1)  # ends when the caller has gone
            self.close_connection = True
            return
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    context = None

    def finish_request(self, request, client_address):
        with suppress(OSError):  # the caller may have been killed
            if self.context is None:
                super().finish_request(request, client_address)
                return
            self.app.connected += 1
            self.app.speaks.wait()
            with self.context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)


class App:
    """An HTTP server, on two ports. Over TLS it takes connections, but says no word before `speaks` is set.

    seen: each request; began: the runs whose work it began, one for each Idempotency-Key; silent: the jobs whose
    requests it reads and never answers; connected: connections to its TLS port.
    """

    def __init__(self, context):
        self.seen, self.began, self.silent, self.connected = [], {}, set(), 0
        self.speaks = threading.Event()
        self.plain, self.secure = (Server(("127.0.0.1", 0), Handler) for _ in range(2))
        self.secure.context = context
        for server in (self.plain, self.secure):
            server.app = self
            threading.Thread(target=server.serve_forever, args=(REST,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.plain.server_port}/jobs"
        self.secure_url = f"https://localhost:{self.secure.server_port}/jobs"

    def took(self, told):
        self.seen.append(told)
        self.began.setdefault(told["run_id"], told["job"])

    def of(self, job):
        """The requests for this job."""
        return [told for told in self.seen if told["job"] == job]

    def begun(self, job):
        """How often it began this job's work, if it knows runs by their keys."""
        return list(self.began.values()).count(job)

    def close(self):
        self.speaks.set()
        for server in (self.plain, self.secure):
            server.shutdown()
            server.server_close()


class Queue:
    """Every message that ever came."""

    def __init__(self, cloud):
        self.sqs = cloud.client("sqs")
        self.url = self.sqs.create_queue(QueueName="starts")["QueueUrl"]
        self.seen = []

    def look(self):
        while found := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                self.seen.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return self.seen

    def of(self, job):
        return [told for told in self.look() if told["job"] == job]


class Machine:
    """A state machine that does nothing. EventBridge is told of its executions by the local Step Functions itself."""

    NAME = "starts"

    def __init__(self, cloud, role):
        self.states = cloud.client("stepfunctions")
        definition = {"StartAt": "Nothing", "States": {"Nothing": {"Type": "Pass", "End": True}}}
        self.arn = self.states.create_state_machine(name=self.NAME, definition=json.dumps(definition), roleArn=role)[
            "stateMachineArn"
        ]

    def executions(self):
        arns = [each["executionArn"] for each in self.states.list_executions(stateMachineArn=self.arn)["executions"]]
        return [self.states.describe_execution(executionArn=arn) for arn in arns]

    def of(self, job):
        found = [(each["name"], json.loads(each["input"])["heartbeat"]) for each in self.executions()]
        assert all(name == told["run_id"] for name, told in found)
        return [told for _, told in found if told["job"] == job]


class Cluster:
    """A cluster, and a task of one container."""

    NAME = "starts"

    def __init__(self, cloud):
        self.ecs = cloud.client("ecs")
        self.ecs.create_cluster(clusterName=self.NAME)
        self.ecs.register_task_definition(
            family="started",
            containerDefinitions=[{"name": "app", "image": "app", "memory": 128}],
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
        )

    def tasks(self):
        arns = self.ecs.list_tasks(cluster=self.NAME)["taskArns"]
        return self.ecs.describe_tasks(cluster=self.NAME, tasks=arns)["tasks"] if arns else []

    def of(self, job):
        """What the environment of each task says of its run."""
        given = [each["overrides"]["containerOverrides"][0]["environment"] for each in self.tasks()]
        told = [{pair["name"].removeprefix("HEARTBEAT_").lower(): pair["value"] for pair in each} for each in given]
        return [each for each in told if each["job"] == job]

    def end(self, stack, run_id):
        """What EventBridge tells of a task that ended; the local ECS runs none."""
        (task,) = (each for each in self.tasks() if each["startedBy"].endswith(f"/{run_id}"))
        detail = {name: task[name] for name in ("taskArn", "clusterArn", "taskDefinitionArn", "startedBy")}
        detail |= {"lastStatus": "STOPPED", "containers": [{"name": "app", "exitCode": 0}]}
        stack.event("aws.ecs", "ECS Task State Change", detail, [task["taskArn"]])


class Function:
    """A function that writes down what it is called with."""

    NAME = "trig-noted"

    def __init__(self, cloud, role):
        self.cloud, packed = cloud, io.BytesIO()
        bootstrap = BOOTSTRAP.format(variables="NOTHING=", python=tool("lambda") / "python")
        with zipfile.ZipFile(packed, "w") as archive:
            info = zipfile.ZipInfo("bootstrap")
            info.external_attr = 0o755 << 16
            archive.writestr(info, bootstrap)
            archive.writestr("noted.py", "import json\n\ndef handler(event, _):\n    print(json.dumps(event))\n")
        cloud.client("lambda").create_function(
            FunctionName=self.NAME,
            Runtime="provided.al2023",
            Handler="noted.handler",
            Role=role,
            Timeout=30,
            Code={"ZipFile": packed.getvalue()},
        )

    def of(self, job):
        logs = self.cloud.client("logs")
        if not logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{self.NAME}")["logGroups"]:
            return []
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{self.NAME}")["events"]
        lines = [line for event in events for line in event["message"].splitlines() if line.startswith("{")]
        told = [json.loads(line)["heartbeat"] for line in lines]
        return [each for each in told if each["job"] == job]


def role_for(cloud):
    """A role that the targets themselves run by."""
    made = cloud.client("iam").create_role(RoleName="takers", AssumeRolePolicyDocument=json.dumps(TRUST))
    return made["Role"]["Arn"]
