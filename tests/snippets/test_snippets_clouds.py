"""Other people's machines: Kubernetes, GitHub Actions, ECS. Checked against their schemas; commands run for real."""

import json
import re

import botocore.session
import pytest
import yaml
from botocore.validate import validate_parameters
from project import TOOLS
from snippets import ADDRESS, PAGE, block

WORKS, FAILS = "echo 312 rows", "echo no disk left >&2; exit 3"
RUN_ID = "11111111-2222-4333-8444-555555555555"

CONTEXT = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/app", "GITHUB_RUN_ID": "1234567"}


class TestKubernetes:
    TEXT = block("Kubernetes CronJob").text

    @pytest.fixture
    def container(self):
        spec = yaml.safe_load(self.TEXT)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        return container

    def start(self, project, container, path):
        """As the kubelet starts it: `command` and `args`, and of the environment only what is listed."""
        key = {"secretKeyRef": {"name": "heartbeat", "key": "ping-key"}}, project.told["HEARTBEAT_PING_KEY"]
        known = [key, ({"fieldRef": {"fieldPath": "metadata.uid"}}, RUN_ID)]
        values = {
            one["name"]: one.get("value") or next(value for where, value in known if where == one["valueFrom"])
            for one in container["env"]
        }
        values["HEARTBEAT_URL"] = values["HEARTBEAT_URL"].replace(ADDRESS, project.base)
        return project.bare(*container["command"], *container["args"], PATH=path, **values)

    @pytest.fixture(params=["busybox", "gnu"])
    def path(self, request, project):
        """The tools of the image: BusyBox's, or those of this machine."""
        if request.param == "gnu":
            return project.environ["PATH"]
        for name in ("sh", "timeout", "wget"):
            project.program(f"../tools/{name}", f'exec /bin/busybox {name} "$@"')
        return str(project.folder / "tools")

    @pytest.mark.parametrize("told", ["success 0", "fail 3"])
    def test_a_run(self, project, container, path, report, told):
        project.program("report", WORKS if told == "success 0" else FAILS)
        ran = self.start(project, container, path)
        assert report.told() == ["start", told], ran.stderr
        assert [str(signal.run_id) for signal in report.run()] == [RUN_ID, RUN_ID]
        assert ran.returncode == report.run()[1].exit_status

    def test_a_server_that_is_down_does_not_fail_the_job(self, project, container, report):
        project.program("report", WORKS)
        project.base = "http://127.0.0.1:9"
        ran = self.start(project, container, project.environ["PATH"])
        assert (ran.returncode, ran.stdout) == (0, "312 rows\n")
        assert ran.stderr.splitlines() == ["Heartbeat was not told: start", "Heartbeat was not told: 0"]
        assert report.told() == []

    def test_with_curl(self, project, container, report):
        """The line that the page offers for images without wget."""
        wget, curl = "timeout 10 wget -q -O /dev/null", "curl -fsS -m 10 --retry 3 -o /dev/null"
        text = container["args"][0]
        assert (text.count(wget), PAGE.count(f"`{curl} ")) == (1, 1)
        project.program("report", FAILS)
        assert (
            self.start(project, container | {"args": [text.replace(wget, curl)]}, project.environ["PATH"]).returncode
            == 3
        )
        assert report.told() == ["start", "fail 3"]

    def test_kubernetes_knows_every_word_of_it(self, project):
        project.write("cronjob.yaml", self.TEXT)
        checked = project.bare(str(TOOLS / "kubernetes-validate"), "-k", "1.31", "--strict", "cronjob.yaml")
        assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout


class TestGitHub:
    TEXT = block("GitHub Actions").text

    def start(self, project, status):
        """The last step as the runner runs it: expressions are filled in, then `bash -e FILE`."""
        (job,) = yaml.safe_load(self.TEXT)["jobs"].values()
        step = job["steps"][-1]
        assert step["if"] == "always()"
        values = {f"{kind}.{name}": value for name, value in project.told.items() for kind in ("vars", "secrets")}
        values["job.status"] = status
        environ = {
            name: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1]], text)
            for name, text in step["env"].items()
        }
        assert "${{" not in step["run"]
        project.write("step.sh", step["run"])
        return project.bare("bash", "-e", "step.sh", **environ, **CONTEXT)

    @pytest.mark.parametrize(("status", "kind"), [("success", "success"), ("failure", "fail"), ("cancelled", "fail")])
    def test_the_end_of_a_job(self, project, backup, status, kind):
        ran = self.start(project, status)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
        assert backup.told() == [f"{kind} {status}: https://github.com/acme/app/actions/runs/1234567"]

    def test_a_server_that_is_down_does_not_fail_the_job(self, project, backup):
        project.told["HEARTBEAT_URL"] = "http://127.0.0.1:9"
        ran = self.start(project, "success")
        assert (ran.returncode, ran.stdout) == (0, "::warning::Heartbeat was not told\n")
        assert backup.told() == []

    def test_github_knows_every_word_of_it(self, project):
        project.write("backup.yml", self.TEXT)
        command = (str(TOOLS / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", "backup.yml")
        checked = project.bare(*command)
        assert checked.returncode == 0, checked.stdout
        project.write("backup.yml", self.TEXT.replace("runs-on", "runs-at"))
        assert project.bare(*command).returncode == 1


class TestEcs:
    TASK, SCHEDULE = (json.loads(block("ECS scheduled task", of=2, number=number).text) for number in (0, 1))

    @pytest.mark.parametrize(("work", "told"), [(WORKS, "success"), (FAILS, "fail 3")])
    def test_the_container(self, project, report, work, told):
        """Entry point, then command, as the agent starts them; the image has the shell client where the page says."""
        project.make("", "shell").program("report", work)
        (container,) = self.TASK["containerDefinitions"]
        entry = [word.replace("/usr/local/bin/", f"{project.bin}/") for word in container["entryPoint"]]
        environ = {one["name"]: one["value"].replace(ADDRESS, project.base) for one in container["environment"]}
        environ |= {one["name"]: project.told[one["name"]] for one in container["secrets"]}
        ran = project.bare(*entry, *container["command"], **environ)
        assert report.told() == ["start", told], ran.stderr
        assert ran.returncode == (report.run()[1].exit_status or 0)
        assert report.run()[1].duration is not None

    @pytest.mark.parametrize(
        ("service", "operation", "given"),
        [("ecs", "RegisterTaskDefinition", TASK), ("scheduler", "CreateSchedule", SCHEDULE)],
    )
    def test_aws_knows_every_word_of_it(self, service, operation, given):
        shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
        validate_parameters(given, shape)
        with pytest.raises(botocore.exceptions.ParamValidationError):
            validate_parameters(given | {"nonsense": 1}, shape)

    def test_the_schedule_runs_the_task(self):
        assert self.SCHEDULE["Target"]["EcsParameters"]["TaskDefinitionArn"].endswith(f"/{self.TASK['family']}")
        assert (self.SCHEDULE["ScheduleExpression"], self.SCHEDULE["ScheduleExpressionTimezone"]) == (
            "cron(0 9 * * ? *)",
            "Asia/Tokyo",
        )
