"""docs/recipes/dated-evidence.md: its job against a local S3 that asks for permissions, and the checker that looks."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from ministack import CREDENTIALS, ministack
from pages import ROOT, Page

from heartbeat.channels.lazy import Mailboxes
from heartbeat.config import read
from heartbeat.doors.http.watchdog import Watchdog
from heartbeat.doors.lambdas.checker_work import Rounds
from heartbeat.doors.lambdas.ingest_work import News
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.ingest import evidence
from heartbeat.ingest.intake import Intake
from heartbeat.ingest.s3 import S3Bucket
from heartbeat.model import MINUTE
from heartbeat.store.sqlite.store import SQLiteStore

PAGE = Page("recipes/dated-evidence.md")
JOBS, COMMAND = PAGE.file("jobs.yaml"), PAGE.file("src/Command/DailyReportCommand.php")
WRITER, LIFECYCLE = (json.loads(block.text) for block in PAGE.blocks("json"))
ENVIRON = dict(line.split("=", 1) for line in PAGE.blocks("sh")[0].text.splitlines())
SHOWN = PAGE.block("What you see then").text.splitlines()
BUCKET, MINE = "app-evidence", "daily-report/2019-12-07.json"
WEBHOOK, SLACK = '{webhook: "${ssm:/heartbeat/slack}"}', ENVIRON["HEARTBEAT_FALLBACK_SLACK"]


def at(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """Makes clients: of ours, who may do everything, or by somebody's keys."""
    with ministack(tmp_path_factory.mktemp("aws"), AUTH="true") as url:

        def client(service, key=CREDENTIALS["AWS_ACCESS_KEY_ID"], secret=CREDENTIALS["AWS_SECRET_ACCESS_KEY"]):
            given = {"aws_access_key_id": key, "aws_secret_access_key": secret, "region_name": ENVIRON["AWS_REGION"]}
            return boto3.client(service, endpoint_url=url, **given)

        client.url = url
        where = {"LocationConstraint": ENVIRON["AWS_REGION"]}
        client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        yield client


@pytest.fixture
def s3(aws):
    """Ours; the bucket is empty."""
    client = aws("s3")
    for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=each["Key"])
    yield client
    client.close()


@pytest.fixture(scope="module")
def writer(aws):
    """Keys of a user who has the policy of the page."""
    iam = aws("iam")
    iam.create_user(UserName="job")
    iam.put_user_policy(UserName="job", PolicyName="writer", PolicyDocument=json.dumps(WRITER))
    made = iam.create_access_key(UserName="job")["AccessKey"]
    iam.close()
    return made["AccessKeyId"], made["SecretAccessKey"]


@pytest.fixture
def theirs(aws, writer):
    client = aws("s3", *writer)
    yield client
    client.close()


@pytest.fixture
def job(tmp_path, aws, writer, slack):
    """Runs the command of the page, as cron runs it."""
    shutil.copytree(ROOT / "tests" / "snippets" / "apps" / "cakephp", tmp_path, dirs_exist_ok=True)
    for path, text in {"lib/Heartbeat.php": client_text(), COMMAND.path: COMMAND.text}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    ours = {"AWS_ENDPOINT_URL_S3": aws.url, "AWS_ACCESS_KEY_ID": writer[0], "AWS_SECRET_ACCESS_KEY": writer[1]}
    ours |= {"PATH": os.environ["PATH"], "HEARTBEAT_FALLBACK_SLACK": slack.url}

    def run(**more):
        environ = ENVIRON | ours | more
        command = ["php", "cake.php"]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    return run


def client_text():
    return (ROOT / "clients" / "php" / "Heartbeat.php").read_text(encoding="utf-8")


class Stamped:
    """S3, which says that its objects were last modified then: a test cannot wait for the night of a story."""

    def __init__(self, client, modified):
        self.client, self.modified = client, datetime.fromisoformat(modified)

    def head_object(self, **asked):
        return self.client.head_object(**asked) | {"LastModified": self.modified}


class Checker:
    """The checker's rounds and the ingest function's news, over one store; the clock is the test's."""

    def __init__(self, text, client):
        self.store, self.now, config = SQLiteStore(":memory:"), 0, read(text)
        journal, bucket = Journal("recipe", lambda: self.now / 1000), S3Bucket("", lambda: client)
        self.news = News(self.store, Intake(config.jobs, bucket, ""), journal, lambda: self.now)
        self.rounds = Rounds(
            store=self.store,
            config=config,
            channels=Mailboxes(config.channels, journal, lambda: self.now),
            look=evidence.look(bucket),
            watchdog=Watchdog("", journal),
            journal=journal,
            now=lambda: self.now,
        )

    def watch(self, start, end):
        """Looks every four minutes."""
        for self.now in range(start, end + 1, 4 * MINUTE):
            self.rounds.sweep(lambda: 120_000)

    def verdicts(self, slug):
        """Oldest first; only what became of a slot."""
        found = [entry for entry in self.store.history(slug, 50)[::-1] if entry.verdict]
        return [str(entry.verdict) for entry in found]


@pytest.fixture
def checker(slack):
    made = []

    def make(client, **own):
        made.append(
            Checker(JOBS.filled(**{WEBHOOK: f'{{webhook: "{slack.url}", allow_private: true}}', **own}), client)
        )
        return made[-1]

    yield make
    for one in made:
        one.store.close()


def midnights():
    """A zone in which it is between midnight and one o'clock now, and one in which it is still the day before."""
    hour = datetime.now(UTC).hour
    ahead = -hour if hour < 12 else 24 - hour
    return f"Etc/GMT{-ahead:+d}", f"Etc/GMT{1 - ahead:+d}", ahead


def test_the_file_of_the_page_has_no_doubts():
    config = read(JOBS.text)
    assert ([job.slug for job in config.jobs], config.warnings) == (["nightly-import", "daily-report"], ())


def test_just_after_local_midnight_the_job_is_of_the_new_day(job, s3, checker, slack):
    """The server's own clock is of the day before, and the slot is the new day's."""
    zone, server, ahead = midnights()
    local = datetime.now(UTC) + timedelta(hours=ahead)
    midnight = at(f"{local:%Y-%m-%d}T00:00Z") - ahead * 60 * MINUTE
    c = checker(s3, **{"Asia/Tokyo": zone, '"0 6 * * *"': '"0 0 * * *"', "grace: 1h": "grace: 90m"})
    c.watch(midnight - 20 * MINUTE, midnight)
    ran = job(HEARTBEAT_TIMEZONE=zone, TZ=server)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "312 rows\n", "")
    (found,) = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert found["Key"] == f"daily-report/{local:%Y-%m-%d}.json"
    c.watch(midnight + 4 * MINUTE, midnight + 96 * MINUTE)
    assert (c.verdicts("daily-report"), slack.about("daily-report")) == (["on_time"], [])


def test_an_event_of_the_bucket_makes_it_known_at_once(job, s3, checker):
    zone, _, _ = midnights()
    now = round(datetime.now(UTC).timestamp() * 1000)
    c = checker(s3, **{"Asia/Tokyo": zone, '"0 6 * * *"': '"0 0 * * *"'})
    c.watch(now - 64 * MINUTE, now)
    job(HEARTBEAT_TIMEZONE=zone)
    (found,) = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    detail = {"bucket": {"name": BUCKET}, "object": {"key": found["Key"], "size": found["Size"]}}
    c.now = now + MINUTE
    c.news.take({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})
    last = c.store.history("daily-report", 1)[0].signal
    assert (str(last.kind), last.source, last.duration is not None) == ("success", "evidence", True)


def test_nothing_there_is_told(s3, checker, slack):
    c = checker(s3)
    c.watch(at("2019-12-07T04:40+09:00"), at("2019-12-07T06:04+09:00"))
    assert (c.verdicts("nightly-import"), slack.about("nightly-import")) == (["missed"], [SHOWN[0]])


def test_a_job_that_fails_is_told_with_its_reason(job, s3, checker, slack):
    assert job(JOB_FAILS="1").returncode == 255
    (found,) = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    s3.copy_object(
        Bucket=BUCKET, Key="daily-report/2019-12-07.json", CopySource={"Bucket": BUCKET, "Key": found["Key"]}
    )
    with s3.get_object(Bucket=BUCKET, Key=found["Key"])["Body"] as body:
        said = json.loads(body.read())
    said["at"] = at("2019-12-07T06:10+09:00") / 1000
    text = json.dumps(said).encode()
    s3.put_object(Bucket=BUCKET, Key="daily-report/2019-12-07.json", Body=text, ContentType="application/json")
    c = checker(s3)
    c.watch(at("2019-12-07T05:40+09:00"), at("2019-12-07T07:04+09:00"))
    assert slack.about("daily-report") == [SHOWN[1]]
    assert any("no disk left" in json.dumps(asked.json["blocks"]) for asked in slack.asked)


class TestOldKeys:
    """A job that nobody touched: in Tokyo it is half a minute past midnight, in UTC the day before."""

    MODIFIED = "2019-12-06T15:00:30+00:00"

    @pytest.mark.parametrize(
        ("key", "verdict"), [("2019-12-07/evidence.txt", "on_time"), ("2019-12-06/evidence.txt", "missed")]
    )
    def test_the_date_is_tokyos(self, s3, checker, slack, key, verdict):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"done")
        c = checker(Stamped(s3, self.MODIFIED), **{'"0 5 * * *"': '"0 0 * * *"'})
        c.watch(at("2019-12-06T23:40+09:00"), at("2019-12-07T01:04+09:00"))
        assert c.verdicts("nightly-import") == [verdict]
        assert len(slack.about("nightly-import")) == (verdict == "missed")


def test_an_upload_that_fails_is_told_by_the_job_which_goes_on(job, s3, slack):
    ran = job(HEARTBEAT_URL=f"s3://{BUCKET}/of-somebody-else")
    assert (ran.returncode, ran.stdout) == (0, "312 rows\n")
    assert ran.stderr.endswith("; Slack was told\n")
    (told,) = slack.texts
    assert told.startswith(SHOWN[2].partition(" on ")[0])
    assert f"({aws_of(told)} answered 403" in told
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def aws_of(told):
    """The address of the local AWS, which stands where S3's stands."""
    return told.partition("(")[2].partition(" answered")[0]


@pytest.mark.parametrize(
    ("operation", "asked", "said"),
    [
        ("put_object", {"Key": MINE}, ""),
        ("put_object", {"Key": "2019-12-07/evidence.txt"}, "AccessDenied"),
        ("put_object", {"Key": "daily-report-2/2019-12-07.json"}, "AccessDenied"),
        ("get_object", {"Key": MINE}, "AccessDenied"),
        ("delete_object", {"Key": MINE}, "AccessDenied"),
        ("list_objects_v2", {}, "AccessDenied"),
    ],
)
def test_the_writer_may_put_below_its_prefix_and_nothing_else(s3, theirs, operation, asked, said):
    s3.put_object(Bucket=BUCKET, Key=MINE, Body=b"{}")
    try:
        getattr(theirs, operation)(Bucket=BUCKET, **asked)
        refused = ""
    except ClientError as error:
        refused = error.response["Error"]["Code"]
    assert refused == said


def test_s3_takes_the_lifecycle(s3):
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration=LIFECYCLE)
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert (rule["Status"], rule["Expiration"]["Days"]) == ("Enabled", 30)
