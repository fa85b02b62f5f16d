"""What the roles may not do. What they must be able to do is in all other stories: AWS asks for permissions there."""

import json
from operator import methodcaller

import pytest
from botocore.exceptions import ClientError

ALL = ["ping", "ingest", "checker", "web"]


@pytest.fixture(scope="module")
def functions(stack):
    """Has run each function once, so that each has credentials."""
    for function in ALL:
        stack.invoke(function, {})
    return stack


def refused(client, operation, **arguments):
    """Whether AWS says that this is forbidden. What it says otherwise is raised."""
    try:
        methodcaller(operation, **arguments)(client)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}:
            return True
        raise
    return False


@pytest.mark.parametrize("function", ALL)
def test_none_may_touch_more_than_its_own_table(functions, cloud, function):
    dynamodb = cloud.client_of(functions.credentials(function), "dynamodb")
    key = {"pk": {"S": "jobs"}, "sk": {"S": "x"}}
    assert not refused(dynamodb, "get_item", TableName=functions.table, Key=key)
    assert refused(dynamodb, "get_item", TableName="another", Key=key)
    assert refused(dynamodb, "scan", TableName=functions.table)
    assert refused(dynamodb, "delete_table", TableName=functions.table)


@pytest.mark.parametrize("function", ALL)
def test_only_the_checker_may_read_secrets_and_only_ours(functions, cloud, function):
    ssm = cloud.client_of(functions.credentials(function), "ssm")
    assert refused(ssm, "get_parameter", Name="/heartbeat/slack", WithDecryption=True) == (function != "checker")
    assert refused(ssm, "get_parameter", Name="/other/secret", WithDecryption=True)


@pytest.mark.parametrize("function", ALL)
def test_only_the_checker_may_publish(functions, cloud, function):
    sns = cloud.client_of(functions.credentials(function), "sns")
    topic = functions.outputs["AlertTopicArn"]
    mine = {"Message": "{}", "MessageStructure": "json"}  # no message: what is allowed is refused for that
    assert forbidden_to_publish(sns, topic, mine) == (function != "checker")
    assert forbidden_to_publish(sns, topic.replace("hb-alerts", "other"), mine)


def forbidden_to_publish(sns, topic, message):
    try:
        return refused(sns, "publish", TopicArn=topic, **message)
    except sns.exceptions.InvalidParameterException:
        return False


@pytest.mark.parametrize("function", ALL)
def test_evidence_is_looked_at_by_two_and_written_by_none(functions, cloud, function):
    functions.put("proof/of/nothing.txt")
    s3 = cloud.client_of(functions.credentials(function), "s3")
    place = {"Bucket": functions.outputs["EvidenceBucketName"], "Key": "proof/of/nothing.txt"}
    assert refused(s3, "get_object", **place) == (function in {"ping", "web"})
    assert refused(s3, "put_object", **place)
    assert refused(s3, "delete_object", **place)


def test_a_writer_of_evidence_may_put_below_its_own_prefix_and_do_nothing_else(functions, cloud):
    s3 = cloud.client_of(writer(cloud, functions.outputs["EvidenceWriterPolicyArn"]), "s3")
    bucket = functions.outputs["EvidenceBucketName"]
    assert not refused(s3, "put_object", Bucket=bucket, Key="filed/mine.txt", Body=b"x")
    assert refused(s3, "put_object", Bucket=bucket, Key="backup/theirs.txt", Body=b"x")
    assert refused(s3, "put_object", Bucket=bucket, Key="filed2/theirs.txt", Body=b"x")
    assert refused(s3, "get_object", Bucket=bucket, Key="filed/mine.txt")
    assert refused(s3, "delete_object", Bucket=bucket, Key="filed/mine.txt")


def writer(cloud, policy):
    """The credentials of a job whose role has the policy for writers and the tag that it asks for."""
    iam = cloud.client("iam")
    document = iam.get_policy_version(PolicyArn=policy, VersionId="v1")["PolicyVersion"]["Document"]
    text = document if isinstance(document, str) else json.dumps(document)
    variable = "${aws:PrincipalTag/heartbeat-prefix}"
    assert text.count(variable) == 1
    may = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    role = iam.create_role(RoleName="nightly", AssumeRolePolicyDocument=trust)["Role"]
    # AWS itself puts the tag's value in the place of the variable; the local one does not know how to.
    iam.put_role_policy(RoleName="nightly", PolicyName="w", PolicyDocument=text.replace(variable, "filed"))
    return cloud.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="tonight")["Credentials"]


def test_evidence_is_not_to_be_had_without_tls(functions, cloud):
    place = {"Bucket": functions.outputs["EvidenceBucketName"], "Key": "proof/of/nothing.txt"}
    functions.put(place["Key"])
    given = functions.credentials("ingest")
    assert refused(cloud.client_of(given, "s3", endpoint=cloud.url), "get_object", **place)
    assert not refused(cloud.client_of(given, "s3"), "get_object", **place)
