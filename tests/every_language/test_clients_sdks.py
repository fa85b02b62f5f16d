"""AWS's own libraries, where a client uses one: how PHP's is called, and what Ruby says without its own."""

import json
from dataclasses import replace

from languages import AWS, DRIVERS, LANGUAGES, tell

PREPENDED = ("-d", f"auto_prepend_file={DRIVERS / 'S3Client.php'}")
PHP = replace(LANGUAGES["php"], command=("php", *PREPENDED, "-d", "display_errors=stderr", "driver.php"))
RUBY = replace(LANGUAGES["ruby"], command=("ruby", "--disable-gems", "driver.rb"))
CALL = {"call": "fail", "slug": "report", "body": "no rows", "options": {"for": "2026-11-22", "at": 5, "timeout": 2}}


def test_php_takes_the_sdk_when_it_is_there(tmp_path):
    given = {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://localhost:1", "HEARTBEAT_URL": "s3://evidence/jobs"}
    done = tell(PHP, tmp_path, [CALL], **given)
    assert (done.results, done.stderr) == ([True], "")
    options, put = json.loads((tmp_path / "sdk").read_text())
    assert options["region"] == "eu-west-1"
    assert options["http"] == {"connect_timeout": 2, "timeout": 2}
    assert (options["endpoint"], options["use_path_style_endpoint"]) == ("http://localhost:1", True)
    assert json.loads(put.pop("Body")) == {"status": "fail", "at": 5, "message": "no rows"}
    assert put == {"Bucket": "evidence", "Key": "jobs/report/2026-11-22.json", "ContentType": "application/json"}


def test_what_the_sdk_throws_is_a_line(tmp_path):
    done = tell(PHP, tmp_path, [CALL], AWS_REGION="eu-west-1", HEARTBEAT_URL="s3://denied/jobs")
    assert done.results == [False]
    assert done.stderr == (
        "heartbeat: fail of 'report' was not delivered: s3://denied/jobs/report/2026-11-22.json was not written "
        '(Error executing "PutObject": AccessDenied); check the bucket, AWS_REGION and the credentials\n'
    )


def test_ruby_without_the_gem_says_how_to_get_it(tmp_path):
    done = tell(RUBY, tmp_path, [CALL], **AWS, HEARTBEAT_URL="s3://evidence/jobs")
    assert done.results == [False]
    assert done.line("report").endswith("was not delivered: s3:// needs the AWS SDK: gem install aws-sdk-s3")


def test_php_without_credentials_names_them(tmp_path):
    done = tell(LANGUAGES["php"], tmp_path, [CALL], AWS_REGION="eu-west-1", HEARTBEAT_URL="s3://evidence/jobs")
    assert done.results == [False]
    assert "AWS_ACCESS_KEY_ID is not set; set it to the key to write to S3 with" in done.line("report")
