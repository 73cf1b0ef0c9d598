"""The Secrets port, held by the file and by Secrets Manager."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

import boto3
import pytest

from chalicelib.aws.secrets import SecretsManagerSecrets
from chalicelib.core.ports import Secrets
from chalicelib.core.secret import Secret
from chalicelib.local.clock import ManualClock
from chalicelib.local.secrets import FileSecrets
from tests.builders import HQ


@pytest.fixture(params=["file", "moto"])
def secrets(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Secrets:
    if request.param == "file":
        return FileSecrets(tmp_path / "secrets.json")
    request.getfixturevalue("aws")
    client = boto3.client("secretsmanager", region_name="us-east-1")
    return SecretsManagerSecrets(uuid.uuid4().hex, lambda: client, clock=clock)


def revealed(secrets: Mapping[str, Secret]) -> Mapping[str, str]:
    return {name: secret.reveal() for name, secret in secrets.items()}


def test_a_source_without_secrets_has_none(secrets: Secrets) -> None:
    assert secrets.get(HQ) == {}


def test_secrets_come_back_as_they_were(secrets: Secrets) -> None:
    secrets.put(HQ, {"app_secret": Secret("s3cret ü 王 \"'"), "token": Secret("")})
    assert revealed(secrets.get(HQ)) == {"app_secret": "s3cret ü 王 \"'", "token": ""}
    assert secrets.get("src-other") == {}


def test_secrets_that_are_put_replace_all_there_were(secrets: Secrets) -> None:
    secrets.put(HQ, {"app_secret": Secret("one"), "token": Secret("t")})
    assert revealed(secrets.get(HQ)) == {"app_secret": "one", "token": "t"}
    secrets.put(HQ, {"app_secret": Secret("two")})
    assert revealed(secrets.get(HQ)) == {"app_secret": "two"}


def test_dropped_secrets_are_gone_and_may_be_dropped_again(secrets: Secrets) -> None:
    secrets.put(HQ, {"app_secret": Secret("one")})
    secrets.put("src-other", {"app_secret": Secret("other")})
    secrets.drop(HQ)
    secrets.drop(HQ)
    assert secrets.get(HQ) == {}
    assert revealed(secrets.get("src-other")) == {"app_secret": "other"}


def test_dropped_secrets_may_be_put_again(secrets: Secrets) -> None:
    secrets.put(HQ, {"app_secret": Secret("one")})
    secrets.drop(HQ)
    secrets.put(HQ, {"app_secret": Secret("two")})
    assert revealed(secrets.get(HQ)) == {"app_secret": "two"}


def test_of_two_who_replace_the_same_secrets_the_slower_one_is_told(secrets: Secrets) -> None:
    before = {"app_secret": Secret("one")}
    assert secrets.put(HQ, before)
    assert secrets.put(HQ, {"app_secret": Secret("two")}, instead_of=before)
    assert not secrets.put(HQ, {"app_secret": Secret("three")}, instead_of=before)
    assert revealed(secrets.get(HQ)) == {"app_secret": "two"}
    assert secrets.put(HQ, {"app_secret": Secret("four")}, instead_of=secrets.get(HQ))
    assert revealed(secrets.get(HQ)) == {"app_secret": "four"}


def test_secrets_are_put_in_the_place_of_none_once(secrets: Secrets) -> None:
    assert not secrets.put(HQ, {"app_secret": Secret("one")}, instead_of={"app_secret": Secret("zero")})
    assert secrets.put(HQ, {"app_secret": Secret("one")}, instead_of={})
    assert not secrets.put(HQ, {"app_secret": Secret("two")}, instead_of={})
    assert revealed(secrets.get(HQ)) == {"app_secret": "one"}
