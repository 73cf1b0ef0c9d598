from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.aws import clients


def test_importing_makes_no_client() -> None:
    script = (
        "import boto3.session; boto3.session.Session = None\n"
        "import chalicelib.aws.bell, chalicelib.aws.clients, chalicelib.aws.secrets, chalicelib.aws.table"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])


def test_clients_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    for client in (clients.dynamodb(), clients.sqs(), clients.secretsmanager()):
        assert client.meta.region_name == "eu-central-1"
    assert clients.dynamodb("http://localhost:8000").meta.endpoint_url == "http://localhost:8000"


def test_the_region_may_be_said_as_the_command_line_of_aws_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_REGION", "ap-southeast-1")
    assert clients.cloudformation().meta.region_name == "ap-southeast-1"
