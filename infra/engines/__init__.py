"""Engines to try the program on that are not ours: as near to DynamoDB as the machine at hand can come."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.session import Session

from chalicelib.aws.clients import Clients
from chalicelib.aws.table import WIDTH, DynamoTable, schema
from chalicelib.core.ports import Clock
from infra.engines.dynamodb_local import dynamodb_local as dynamodb_local  # for whoever wants no other

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Something that answers like DynamoDB; `width` is how many batches it can bear at once."""

    name: str
    clients: Clients
    width: int

    def table(self, clock: Clock) -> DynamoTable:
        """Make a table of its own, which is empty."""
        name = f"rollcall-{uuid.uuid4().hex}"
        client = self.clients.dynamodb()
        client.create_table(**schema(name))
        client.get_waiter("table_exists").wait(TableName=name)
        return DynamoTable(name, self.clients.dynamodb, clock=clock, width=self.width)


@contextmanager
def dynamodb() -> Iterator[Engine]:
    """Give DynamoDB Local where Java and npm are, and moto in this process otherwise."""
    with dynamodb_local() as url:
        if url is not None:
            yield Engine(name="DynamoDB Local", clients=clients_at(url), width=WIDTH)
            return
        from moto import mock_aws

        with mock_aws():
            # It loses updates under threads.
            yield Engine(name="moto", clients=clients_at(None), width=1)


def clients_at(url: str | None) -> Clients:
    """Make clients of an engine that asks nobody who they are."""
    return Clients(_nobody(), endpoint_url=url)


def checking_client(url: str) -> DynamoDBClient:
    """Make a client that looks at each value of a request, as botocore's do where nobody tells them otherwise."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 3})
    client: Any = _nobody().create_client("dynamodb", endpoint_url=url, config=config)
    made: DynamoDBClient = client
    return made


def _nobody() -> Session:
    session = Session()
    session.set_config_variable("region", "us-east-1")
    session.set_credentials("none", "none")
    return session
