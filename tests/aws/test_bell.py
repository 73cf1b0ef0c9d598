from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber
from mypy_boto3_sqs import SQSClient

from chalicelib.aws.bell import SqsBell

QUEUE = "https://sqs/queue"


@pytest.fixture
def bell(sqs: SQSClient) -> SqsBell:
    return SqsBell(QUEUE, lambda: sqs)


@pytest.mark.parametrize(("asked", "sent"), [(0, 0), (-3, 0), (0.2, 1), (60, 60), (900, 900), (5000, 900)])
def test_a_delay_is_whole_seconds_up_to_a_quarter_of_an_hour(
    bell: SqsBell, sqs: SQSClient, script: Stubber, asked: float, sent: int
) -> None:
    script.add_response("send_message", {}, {"QueueUrl": QUEUE, "MessageBody": "src-hq", "DelaySeconds": sent})
    bell.ring("src-hq", delay_s=asked)


def test_a_ring_that_is_lost_for_a_passing_reason_is_let_go(bell: SqsBell, sqs: SQSClient, script: Stubber) -> None:
    script.add_client_error("send_message", "ServiceUnavailable", http_status_code=503)
    bell.ring("src-hq")


def test_a_ring_that_finds_no_network_is_let_go(bell: SqsBell, sqs: SQSClient) -> None:
    def fail(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url=QUEUE)

    sqs.meta.events.register("before-send.sqs", fail)
    bell.ring("src-hq")


def test_a_queue_that_is_not_there_is_not_hidden(bell: SqsBell, sqs: SQSClient, script: Stubber) -> None:
    script.add_client_error("send_message", "AWS.SimpleQueueService.NonExistentQueue", http_status_code=400)
    with pytest.raises(ClientError):
        bell.ring("src-hq")
