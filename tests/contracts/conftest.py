"""Every Table there is: SQLite in memory and in a file, and DynamoTable over moto.

moto loses updates under threads and does not count like DynamoDB, so one thread uses it, and it is not asked about what
DynamoTable does not check itself. When `ROLLCALL_DYNAMODB_URL` names a DynamoDB-compatible endpoint (DynamoDB Local,
say), everything runs there as well.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_dynamodb import DynamoDBClient

from chalicelib.aws.table import WIDTH, DynamoTable, schema
from chalicelib.core.ports import Table
from chalicelib.local.clock import ManualClock, SystemClock
from chalicelib.local.table import SqliteTable
from tests.builders import NOON

MakeTable = Callable[[], Table]

_ENDPOINT = os.environ.get("ROLLCALL_DYNAMODB_URL")
ENGINES = ["memory", "file", "moto", *(["endpoint"] if _ENDPOINT else [])]


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    """One account for the tests of a file, and for no other: those that deploy want an empty one."""
    with mock_aws():
        yield


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def table(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Table]:
    match engine:
        case "memory":
            memory = SqliteTable(":memory:")
            yield memory
            memory.close()
        case "file":
            file = SqliteTable(str(tmp_path / "rollcall.db"))
            yield file
            file.close()
        case "moto":
            request.getfixturevalue("aws")
            client: DynamoDBClient = boto3.client("dynamodb", region_name="us-east-1")
            yield from _dynamo(client, ManualClock(NOON), width=1)
        case _:
            client = boto3.client(
                "dynamodb",
                region_name="us-east-1",
                endpoint_url=_ENDPOINT,
                aws_access_key_id="none",
                aws_secret_access_key="none",
            )
            yield from _dynamo(client, SystemClock(), width=WIDTH)


def _dynamo(client: DynamoDBClient, clock: ManualClock | SystemClock, *, width: int) -> Iterator[Table]:
    name = f"rollcall-{uuid.uuid4().hex}"
    client.create_table(**schema(name))
    yield DynamoTable(name, lambda: client, clock=clock, width=width)
    client.delete_table(TableName=name)
