"""A deployment seen from an operator's terminal: where it keeps its things, and what AWS says to whoever may not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from chalicelib.core.errors import RollcallError, SetupError, SourceUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

# What the stack says, by the name of the setting that it is.
OUTPUTS: Final[Mapping[str, str]] = {
    "ROLLCALL_TABLE": "TableName",
    "ROLLCALL_SYNC_QUEUE_URL": "SyncQueueURL",
    "ROLLCALL_DELIVER_QUEUE_URL": "DeliverQueueURL",
    "ROLLCALL_CHAT_QUEUE_URL": "ChatQueueURL",
    "ROLLCALL_PUBLIC_URL": "PublicURL",
}
# What not every deployment has.
OPTIONAL: Final[Mapping[str, str]] = {"ROLLCALL_EGRESS": "EgressAddress"}

_NO_CREDENTIALS: Final = (
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
# What AWS says of credentials that are over, that it does not know, and that may not do what was asked.
EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
NOT_KNOWN: Final = frozenset(
    {
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "AccessDeniedFault", "UnauthorizedOperation"})


def environment(stage: str, make_client: Callable[[], CloudFormationClient]) -> Mapping[str, str]:
    """Read from a stage's stack the settings that its functions have.

    Raises:
        SetupError: there is no such deployment in this account and region, or it is older than this program.
    """
    client = make_client()
    try:
        stack = client.describe_stacks(StackName=f"rollcall-{stage}")["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise SetupError("no such deployment", stage=stage, region=client.meta.region_name) from error
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}
    if not outputs.keys() >= set(OUTPUTS.values()):
        raise SetupError("deployment is not whole", stage=stage, status=stack["StackStatus"])
    wanted = {**OUTPUTS, **OPTIONAL}
    return {"ROLLCALL_STAGE": stage, **{name: outputs[key] for name, key in wanted.items() if key in outputs}}


def understood(error: Exception) -> RollcallError | None:
    """Say of an error of AWS what an operator can do about it; None where it is not one that they can."""
    match error:
        case NoRegionError():
            return SetupError("aws region is missing")
        case ClientError():
            code = error.response["Error"]["Code"]
            if code in EXPIRED | NOT_KNOWN:
                return SetupError("aws credentials refused", code=code)
            if code in DENIED:
                return SetupError("aws permission missing", operation=error.operation_name)
            return None
        case ConnectionError() | HTTPClientError():
            return SourceUnavailableError("aws cannot be reached", problem=type(error).__name__)
        case BotoCoreError() if isinstance(error, _NO_CREDENTIALS):
            return SetupError("aws credentials refused", code=type(error).__name__)
        case _:
            return None
