"""What deploying reaches outside: clients of AWS, a terminal, a clock; and what to do when AWS says no."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
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

from chalicelib.aws.deployment import DENIED, EXPIRED, NOT_KNOWN

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

ANSWERS_IN_S: Final = 15
LOG_IN: Final = "give AWS credentials: AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or `aws sso login`"


class DeployError(Exception):
    """Deploying cannot go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One account and region, seen from one terminal."""

    account: str
    region: str
    cloudformation: CloudFormationClient
    dynamodb: DynamoDBClient
    s3: S3Client
    secretsmanager: SecretsManagerClient
    say: Callable[[str], None]
    ask: Callable[[str], str | None]
    check: Callable[[str], str]
    sleep: Callable[[float], None] = time.sleep


def here() -> Cloud:
    """Reach the account that the environment's credentials belong to; AWS_ENDPOINT_URL may name an emulator."""
    session = boto3.session.Session(region_name=os.environ.get("AWS_REGION") or None)
    # An emulator has no domain for each bucket.
    by_path = Config(s3={"addressing_style": "path"}) if os.environ.get("AWS_ENDPOINT_URL") else None
    cloudformation = session.client("cloudformation")
    return Cloud(
        account=session.client("sts").get_caller_identity()["Account"],
        region=cloudformation.meta.region_name,
        cloudformation=cloudformation,
        dynamodb=session.client("dynamodb"),
        s3=session.client("s3", config=by_path),
        secretsmanager=session.client("secretsmanager"),
        say=lambda text: print(text, flush=True),
        ask=_ask,
        check=_health,
    )


def advice(error: Exception) -> str:
    """Say what went wrong and what to do about it."""
    match error:
        case NoRegionError():
            return "no AWS region: set AWS_REGION, for example AWS_REGION=eu-central-1 (China: cn-northwest-1)"
        case NoCredentialsError() | PartialCredentialsError():
            return f"no AWS credentials: {LOG_IN}"
        case ProfileNotFound():
            return f"{error}: AWS_PROFILE must be a profile of ~/.aws/config"
        case SSOError() | TokenRetrievalError():
            return f"the sign-in to AWS has ended: `aws sso login`, then again ({error})"
        case ConnectionError() | HTTPClientError():
            return f"AWS cannot be reached: {error}"
        case ClientError():
            return _refusal(error)
        case BotoCoreError():
            return f"AWS: {error}"
        case _:
            return str(error)


def _refusal(error: ClientError) -> str:
    code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in EXPIRED:
        return f"the AWS credentials have expired: {LOG_IN}"
    if code in NOT_KNOWN:
        return f"AWS does not know these credentials ({code}): {LOG_IN}"
    if code in DENIED:
        return f"AWS did not allow {error.operation_name}: {text}\nWhat deploying needs is in docs/security.md."
    return f"AWS refused {error.operation_name} ({code}): {text}"


def run(work: Callable[[], None]) -> int:
    """Do something; return the exit status, after an advice where it failed."""
    try:
        work()
    except (DeployError, BotoCoreError, ClientError) as error:
        print(f"\n{advice(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; what AWS has begun it ends by itself: look again with the same command", file=sys.stderr)
        return 1
    return 0


def _ask(question: str) -> str | None:
    """Put a question to whoever sits there; None when there is nobody."""
    return input(question).strip() if sys.stdin.isatty() else None


def _health(url: str) -> str:
    """Say how a deployment answers at its address."""
    if os.environ.get("AWS_ENDPOINT_URL"):
        return "an emulator's address is not asked how it is"
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=ANSWERS_IN_S) as answer:  # noqa: S310 - our own stack's
            return f"it answers: version {json.load(answer)['version']}"
    except (OSError, ValueError, KeyError) as error:
        return f"it could not be asked how it is ({error}): look at {url}/health in a minute; a new domain takes longer"
