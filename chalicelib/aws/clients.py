"""Clients of AWS, made when they are first needed.

Timeouts are short, because the doors that use them have deadlines of seconds; what is retried here is what
botocore knows to be safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient


def dynamodb(endpoint_url: str | None = None) -> DynamoDBClient:
    return boto3.session.Session().client("dynamodb", config=_config(), endpoint_url=endpoint_url)


def sqs() -> SQSClient:
    return boto3.session.Session().client("sqs", config=_config())


def secretsmanager() -> SecretsManagerClient:
    return boto3.session.Session().client("secretsmanager", config=_config())


def _config() -> Config:
    return Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
