from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from mypy_boto3_secretsmanager import SecretsManagerClient

from chalicelib.aws.secrets import CACHED_FOR, SecretsManagerSecrets
from chalicelib.core.errors import ContractError
from chalicelib.core.secret import Secret
from chalicelib.local.clock import ManualClock

NAME = {"SecretId": "rollcall/dev/src-hq"}


@pytest.fixture
def secrets(secretsmanager: SecretsManagerClient, clock: ManualClock) -> SecretsManagerSecrets:
    return SecretsManagerSecrets("dev", lambda: secretsmanager, clock=clock)


def answered(script: Stubber, text: str) -> None:
    script.add_response("get_secret_value", {"SecretString": text}, {**NAME, "VersionStage": "AWSCURRENT"})


def test_what_was_read_is_kept_for_five_minutes(
    secrets: SecretsManagerSecrets, secretsmanager: SecretsManagerClient, script: Stubber, clock: ManualClock
) -> None:
    answered(script, '{"a": "one"}')
    assert secrets.get("src-hq")["a"].reveal() == "one"
    clock.sleep(CACHED_FOR.total_seconds() - 1)
    assert secrets.get("src-hq")["a"].reveal() == "one"
    clock.sleep(1)
    answered(script, '{"a": "two"}')
    assert secrets.get("src-hq")["a"].reveal() == "two"


def test_what_was_put_is_read_at_once(
    secrets: SecretsManagerSecrets, secretsmanager: SecretsManagerClient, script: Stubber
) -> None:
    answered(script, '{"a": "one"}')
    secrets.get("src-hq")
    script.add_client_error("create_secret", "ResourceExistsException")
    script.add_response("put_secret_value", {}, {**NAME, "SecretString": '{"a": "two"}'})
    secrets.put("src-hq", {"a": Secret("two")})
    answered(script, '{"a": "two"}')
    assert secrets.get("src-hq")["a"].reveal() == "two"


def test_what_is_not_there_is_asked_for_again(
    secrets: SecretsManagerSecrets, secretsmanager: SecretsManagerClient, script: Stubber
) -> None:
    script.add_client_error("get_secret_value", "ResourceNotFoundException")
    assert secrets.get("src-hq") == {}
    answered(script, '{"a": "one"}')
    assert secrets.get("src-hq").keys() == {"a"}


def test_a_refusal_is_not_taken_for_an_absence(
    secrets: SecretsManagerSecrets, secretsmanager: SecretsManagerClient, script: Stubber
) -> None:
    script.add_client_error("get_secret_value", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        secrets.get("src-hq")


def test_a_secret_of_another_shape_is_refused(
    secrets: SecretsManagerSecrets, secretsmanager: SecretsManagerClient, script: Stubber
) -> None:
    answered(script, '["one"]')
    with pytest.raises(ContractError):
        secrets.get("src-hq")
