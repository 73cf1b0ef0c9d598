"""A deployment as an operator's terminal finds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError
from botocore.stub import Stubber
from mypy_boto3_cloudformation import CloudFormationClient

from chalicelib.aws import deployment
from chalicelib.core.errors import RollcallError, SetupError
from infra.aws.package import MERGED
from tests.aws.conftest import ONCE, SESSION

OUTPUTS = {
    "TableName": "rollcall-dev",
    "SyncQueueURL": "https://sqs/sync",
    "DeliverQueueURL": "https://sqs/deliver",
    "ChatQueueURL": "https://sqs/chat",
    "PublicURL": "https://example.com/api",
    "APIHandlerArn": "arn:...",
}


def read(outputs: Mapping[str, str] | None) -> Mapping[str, str]:
    """Read the settings of a stack with these outputs; None is no stack."""
    client: CloudFormationClient = SESSION.client("cloudformation", config=ONCE)
    with Stubber(client) as script:
        if outputs is None:
            script.add_client_error("describe_stacks", "ValidationError", "Stack with id rollcall-dev does not exist")
        else:
            stack: dict[str, Any] = {
                "StackName": "rollcall-dev",
                "CreationTime": 0,
                "StackStatus": "UPDATE_COMPLETE",
                "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()],
            }
            script.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "rollcall-dev"})
        return deployment.environment("dev", lambda: client)


def test_its_stack_says_what_its_functions_have_in_their_environment() -> None:
    assert read(OUTPUTS) == {
        "ROLLCALL_STAGE": "dev",
        "ROLLCALL_TABLE": "rollcall-dev",
        "ROLLCALL_SYNC_QUEUE_URL": "https://sqs/sync",
        "ROLLCALL_DELIVER_QUEUE_URL": "https://sqs/deliver",
        "ROLLCALL_CHAT_QUEUE_URL": "https://sqs/chat",
        "ROLLCALL_PUBLIC_URL": "https://example.com/api",
    }


def test_a_fixed_address_is_known_where_there_is_one() -> None:
    assert read({**OUTPUTS, "EgressAddress": "192.0.2.7"})["ROLLCALL_EGRESS"] == "192.0.2.7"


def test_the_stack_has_every_output_that_is_asked_for() -> None:
    text = MERGED.read_text()
    wanted = {*deployment.OUTPUTS.values(), *deployment.OPTIONAL.values()}
    assert not [name for name in wanted if f'"{name}"' not in text]


def test_where_none_is_it_says_in_which_region_it_looked() -> None:
    with pytest.raises(SetupError) as refused:
        read(None)
    assert (refused.value.code, refused.value.facts) == ("no such deployment", {"stage": "dev", "region": "us-east-1"})


def test_one_of_another_version_is_to_be_deployed_again() -> None:
    with pytest.raises(SetupError) as refused:
        read({"TableName": "rollcall-dev"})
    assert refused.value.code == "deployment is not whole"


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "arn:aws:iam::1:user/ann"}}, "Query")


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (NoRegionError(), "aws region is missing"),
        (NoCredentialsError(), "aws credentials refused"),
        (error("ExpiredTokenException"), "aws credentials refused"),
        (error("AccessDeniedException"), "aws permission missing"),
        (EndpointConnectionError(endpoint_url="https://x"), "aws cannot be reached"),
        (error("InternalError"), None),
        (ValueError("of ours"), None),
    ],
)
def test_an_error_of_aws_is_one_that_an_operator_can_do_something_about(raised: Exception, code: str | None) -> None:
    found: RollcallError | None = deployment.understood(raised)
    assert (found and found.code) == code
    assert found is None or "ann" not in str(found.facts)
