"""Clients that answer from a script: what no emulator does is to throttle, to conflict, or to leave work undone."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_secretsmanager import SecretsManagerClient
from mypy_boto3_sqs import SQSClient

from chalicelib.local.clock import ManualClock
from tests.builders import NOON

SESSION = boto3.session.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")
ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def dynamodb() -> DynamoDBClient:
    return SESSION.client("dynamodb", config=ONCE)


@pytest.fixture
def sqs() -> SQSClient:
    return SESSION.client("sqs", config=ONCE)


@pytest.fixture
def secretsmanager() -> SecretsManagerClient:
    return SESSION.client("secretsmanager", config=ONCE)


@pytest.fixture
def script(request: pytest.FixtureRequest) -> Iterator[Stubber]:
    """Script the one client that the test uses; every scripted answer must have been asked for."""
    (name,) = {"dynamodb", "sqs", "secretsmanager"} & set(request.fixturenames)
    with Stubber(request.getfixturevalue(name)) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()
