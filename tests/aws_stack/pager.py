"""A queue that is subscribed to the alert topic: what people with their own programs get."""

import json


class Pager:
    def __init__(self, cloud, name, topic):
        self._sqs, self._got = cloud.client("sqs"), []
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": attributes["QueueArn"],
        }
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": json.dumps({"Statement": [allowed]})})
        cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])

    @property
    def got(self):
        """All messages so far, as they were published."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._got.append(json.loads(json.loads(message["Body"])["Message"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._got

    def about(self, job):
        """What was said of a job, in order: [("missed", its headline), …]."""
        alerts = [alert for message in self.got for alert in message.get("alerts", ()) if alert["job"] == job]
        return [(alert["event"], alert["headline"]) for alert in alerts]
