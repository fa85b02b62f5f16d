"""The table of the stack, made by hand: as infra/template.yaml makes it."""

from heartbeat.store.dynamodb.call import EXPIRES


def create_table(call, name):
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    call(
        "CreateTable",
        {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
            "KeySchema": [{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        },
    )
    call(
        "UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": {"Enabled": True, "AttributeName": EXPIRES}}
    )
