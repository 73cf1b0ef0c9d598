"""`rollcall --stage dev ...`: a deployment from a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from chalicelib import wiring
from chalicelib.aws.table import schema
from chalicelib.terminal.__main__ import FAILED, USAGE
from tests.terminal.desk import Desk

TEMPLATE = """
Resources:
  SyncQueue: {Type: AWS::SQS::Queue, Properties: {QueueName: rollcall-sync-dev}}
Outputs:
  TableName: {Value: rollcall-dev}
  PublicURL: {Value: https://example.com/api}
  SyncQueueURL: {Value: !Ref SyncQueue}
  DeliverQueueURL: {Value: !Ref SyncQueue}
  ChatQueueURL: {Value: !Ref SyncQueue}
"""


@pytest.fixture
def stage(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A deployment, and the credentials for it."""
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "none"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
    ):
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION", "ROLLCALL_HOME"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        boto3.client("dynamodb").create_table(**schema("rollcall-dev"))
        boto3.client("cloudformation").create_stack(StackName="rollcall-dev", TemplateBody=TEMPLATE)
        yield desk
    wiring.use(None)


def messages() -> int:
    url = boto3.client("sqs").get_queue_url(QueueName="rollcall-sync-dev")["QueueUrl"]
    answer = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def test_a_source_is_created_in_the_deployment_and_its_secret_kept_there(stage: Desk) -> None:
    shown = stage.run("--stage", "dev", *stage.creation())
    assert shown.status == 0, shown
    (secret,) = boto3.client("secretsmanager").list_secrets()["SecretList"]
    assert secret["Name"].startswith("rollcall/dev/")
    assert "hq" in stage.run("--stage", "dev", "sources").out
    assert not stage.home.exists()


def test_what_vendors_are_to_call_is_the_deployments_address(stage: Desk) -> None:
    stage.run("--stage", "dev", *stage.creation())
    assert "https://example.com/api/callbacks/hq/events" in stage.run("--stage=dev", "source", "show", "hq").said


def test_status_says_what_the_month_costs(stage: Desk) -> None:
    stage.run("--stage", "dev", *stage.creation())
    assert "AWS's bill decides" in stage.run("--stage", "dev", "status").said


def test_a_sync_is_run_by_the_deployment_and_not_here(stage: Desk) -> None:
    stage.run("--stage", "dev", *stage.creation())
    before = messages()
    shown = stage.run("--stage", "dev", "sync", "now", "hq")
    assert shown.status == 0
    assert "the deployment runs it" in shown.said
    assert messages() == before + 1
    (task,) = stage.json("--stage", "dev", "records")
    assert task["status"] == "queued"


def test_a_stage_that_is_not_there_is_named(stage: Desk) -> None:
    shown = stage.run("--stage", "prod", "status")
    assert shown.status == FAILED
    assert "no deployment “prod”" in shown.said
    assert "eu-central-1" in shown.said


@pytest.mark.parametrize(
    "arguments", [("--stage", "dev", "--home", "here", "status"), ("--stage",), ("--stage", "dev", "serve")]
)
def test_what_makes_no_sense_together_is_refused(desk: Desk, arguments: tuple[str, ...]) -> None:
    assert desk.run(*arguments).status == USAGE


def test_without_credentials_it_says_where_to_get_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    shown = desk.run("--stage", "dev", "status")
    assert shown.status == FAILED
    assert "AWS_REGION" in shown.said
