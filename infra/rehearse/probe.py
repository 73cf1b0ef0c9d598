"""What a function's role is let do, tried by a function that has it: some of what it needs, and what it must not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from infra.rehearse.scene import STAGE

ALLOWED: Final = "allowed"
REFUSED: Final = frozenset({"AccessDenied", "AccessDeniedException", "AccessDeniedFault"})
OTHER: Final = "prod"
_KEY: Final = {"pk": {"S": "nobody"}, "sk": {"S": "nobody"}}

# Runs in Lambda. What is not refused counts as allowed, also where it then failed for another reason.
CODE: Final = """
import boto3
from botocore.exceptions import ClientError

def answer(event, context):
    said = {}
    for call in event:
        try:
            getattr(boto3.client(call["service"]), call["operation"])(**call["arguments"])
            said[call["name"]] = "allowed"
        except ClientError as error:
            said[call["name"]] = error.response["Error"]["Code"]
    return said
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    name: str
    service: str
    operation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


# A queue that a function rings: its own, or that of the syncs.
RINGS: Final[Mapping[str, str]] = {"api_handler": "Deliver", "converse": "Chat", "deliver": "Deliver"}
RINGS_SYNCS: Final = "Sync"


def wanted(queue_url: str) -> Sequence[Call]:
    """List some of what every function needs; a source that is not there is nobody's work."""
    ring = {"QueueUrl": queue_url, "MessageBody": "nobody"}
    return (
        Call(name="read a row", service="dynamodb", operation="get_item", arguments=_row(STAGE)),
        Call(name="ring", service="sqs", operation="send_message", arguments=ring),
    )


def unwanted(function: str) -> Sequence[Call]:
    """List what a function must not be able to do."""
    table = {"TableName": f"rollcall-{STAGE}"}
    alien = {"SecretId": f"rollcall/{OTHER}/s1"}
    return (
        Call(name="scan", service="dynamodb", operation="scan", arguments=table),
        Call(name="delete the table", service="dynamodb", operation="delete_table", arguments=table),
        Call(name="read another stage's row", service="dynamodb", operation="get_item", arguments=_row(OTHER)),
        Call(
            name="read another stage's secret", service="secretsmanager", operation="get_secret_value", arguments=alien
        ),
        Call(name="list secrets", service="secretsmanager", operation="list_secrets"),
        Call(name="list buckets", service="s3", operation="list_buckets"),
        Call(name="list roles", service="iam", operation="list_roles"),
        Call(
            name="change code",
            service="lambda",
            operation="update_function_configuration",
            arguments={"FunctionName": f"rollcall-{STAGE}-{function}", "MemorySize": 128},
        ),
    )


def wrong(said: Mapping[str, str], needed: Sequence[Call]) -> list[str]:
    """Say what a role was let do and should not, or the other way round."""
    may = {each.name for each in needed}
    return [f"{name}: {how}" for name, how in said.items() if (how != ALLOWED if name in may else how not in REFUSED)]


def _row(stage: str) -> Mapping[str, Any]:
    return {"TableName": f"rollcall-{stage}", "Key": _KEY}
