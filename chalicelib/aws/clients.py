"""Clients of AWS, made when they are first needed.

Timeouts are short, because the doors that use them have deadlines of seconds; what is retried here is what
botocore knows to be safe.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from boto3.session import Session
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient


def dynamodb(endpoint_url: str | None = None) -> DynamoDBClient:
    return _session().client("dynamodb", config=_config(), endpoint_url=endpoint_url)


def sqs() -> SQSClient:
    return _session().client("sqs", config=_config())


def secretsmanager() -> SecretsManagerClient:
    return _session().client("secretsmanager", config=_config())


def cloudformation() -> CloudFormationClient:
    return _session().client("cloudformation", config=_config())


def _session() -> Session:
    # boto3 looks at AWS_DEFAULT_REGION only; the command line of AWS, and its documentation, at this one first.
    return Session(region_name=os.environ.get("AWS_REGION") or None)


def _config() -> Config:
    return Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
