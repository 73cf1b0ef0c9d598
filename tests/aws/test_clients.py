from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError
from botocore.session import Session

from chalicelib.aws.clients import Clients


def test_importing_makes_no_client() -> None:
    script = (
        "import botocore.session; botocore.session.Session = None\n"
        "import chalicelib.aws.bell, chalicelib.aws.clients, chalicelib.aws.secrets, chalicelib.aws.table"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])


def test_clients_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    clients = Clients()
    for client in (clients.dynamodb(), clients.sqs(), clients.secretsmanager()):
        assert client.meta.region_name == "eu-central-1"
    assert Clients(endpoint_url="http://localhost:8000").dynamodb().meta.endpoint_url == "http://localhost:8000"


def test_the_region_may_be_said_as_the_command_line_of_aws_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_REGION", "ap-southeast-1")
    assert Clients().cloudformation().meta.region_name == "ap-southeast-1"


class Counted(Session):
    """A session that notes what it makes, and whether two threads were in it at once."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []
        self.at_once: set[int] = set()
        self._inside = 0

    def create_client(self, service_name: str, *given: Any, **named: Any) -> Any:
        self._inside += 1
        self.at_once.add(self._inside)
        self.made.append(service_name)
        try:
            return super().create_client(service_name, *given, **named)
        finally:
            self._inside -= 1


def test_a_client_is_made_once_for_all_threads_and_all_from_one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    session = Counted()
    clients = Clients(session)
    assert session.made == []
    with ThreadPoolExecutor(8) as pool:
        makes = [make for make in (clients.dynamodb, clients.sqs, clients.secretsmanager) for _ in range(8)]
        made = {id(client) for client in pool.map(lambda make: make(), makes)}
    assert sorted(session.made) == ["dynamodb", "secretsmanager", "sqs"]
    assert len(made) == 3
    assert session.at_once == {1}


class LeftError(Exception):
    """A request was about to leave."""


def leave(**_: object) -> None:
    raise LeftError


def test_only_what_the_limits_have_looked_at_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"REGION": "eu-central-1", "ACCESS_KEY_ID": "none", "SECRET_ACCESS_KEY": "none"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    clients = Clients()
    for client in (clients.dynamodb(), clients.sqs(), clients.secretsmanager(), clients.cloudformation()):
        client.meta.events.register("before-send", leave)
    number: Any = 1
    with pytest.raises(LeftError):
        clients.dynamodb().get_item(TableName="rollcall", Key={"pk": {"S": number}})
    for call in (
        lambda: clients.sqs().send_message(QueueUrl=number, MessageBody="src-hq"),
        lambda: clients.secretsmanager().get_secret_value(SecretId=number),
        lambda: clients.cloudformation().describe_stacks(StackName=number),
    ):
        with pytest.raises(ParamValidationError):
            call()
