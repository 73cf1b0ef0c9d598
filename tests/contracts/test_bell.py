"""The Bell port: what was rung for is heard, by the pump here and by the queue's reader there."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import boto3
import pytest

from chalicelib.aws.bell import SqsBell
from chalicelib.core.ports import Bell
from chalicelib.local.bell import LocalBell
from chalicelib.local.clock import ManualClock
from tests.builders import HQ

Hear = Callable[[], set[str]]


@pytest.fixture(params=["local", "moto"])
def bell(request: pytest.FixtureRequest, clock: ManualClock) -> tuple[Bell, Hear]:
    """Give a bell and an ear that hears all that is due now."""
    if request.param == "local":
        local = LocalBell(clock=clock)
        return local, lambda: {source for source in iter(lambda: local.wait(0), None) if source is not None}
    request.getfixturevalue("aws")
    client = boto3.client("sqs", region_name="us-east-1")
    queue_url = client.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]

    def hear() -> set[str]:
        answer = client.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
        return {message["Body"] for message in answer.get("Messages", [])}

    return SqsBell(queue_url, lambda: client), hear


def test_a_ring_names_its_source(bell: tuple[Bell, Hear]) -> None:
    ring, hear = bell
    ring.ring(HQ)
    ring.ring("src-other")
    assert hear() == {HQ, "src-other"}
    assert hear() == set()


def test_a_delayed_ring_is_not_heard_at_once(bell: tuple[Bell, Hear]) -> None:
    ring, hear = bell
    ring.ring(HQ, delay_s=60.5)
    ring.ring("src-other", delay_s=1e9)
    assert hear() == set()


def test_nothing_is_heard_when_nobody_rang(bell: tuple[Bell, Hear]) -> None:
    assert bell[1]() == set()
