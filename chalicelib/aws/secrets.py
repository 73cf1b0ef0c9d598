"""The secrets of a source as one secret of AWS Secrets Manager, `rollcall/<stage>/<source>`, a JSON object of texts."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from chalicelib.core.errors import ContractError
from chalicelib.core.ports import Clock
from chalicelib.core.secret import Secret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHED_FOR: Final = timedelta(minutes=5)
CURRENT: Final = "AWSCURRENT"
# A version that is to become the current one.
NEXT: Final = "ROLLCALLNEXT"

# One that waits for its deletion is refused as an invalid request.
_NOT_THERE: Final = ("ResourceNotFoundException", "InvalidRequestException")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cached:
    secrets: Mapping[str, Secret]
    until: datetime


class SecretsManagerSecrets:
    """What was read is kept for five minutes in this process; what is not there is asked for again each time."""

    def __init__(self, stage: str, make_client: Callable[[], SecretsManagerClient], *, clock: Clock) -> None:
        self._stage = stage
        self._client = functools.cache(make_client)
        self._clock = clock
        self._cache: dict[str, _Cached] = {}
        self._lock = threading.Lock()

    def get(self, source: str) -> Mapping[str, Secret]:
        now = self._clock.now()
        with self._lock:
            cached = self._cache.get(source)
        if cached is not None and now < cached.until:
            return cached.secrets
        try:
            text = self._client().get_secret_value(SecretId=self._name(source), VersionStage=CURRENT)["SecretString"]
        except ClientError as error:
            if _code(error) not in _NOT_THERE:
                raise
            return {}
        secrets = _parse(text)
        with self._lock:
            self._cache[source] = _Cached(secrets=secrets, until=now + CACHED_FOR)
        return secrets

    def put(
        self, source: str, secrets: Mapping[str, Secret], *, instead_of: Mapping[str, Secret] | None = None
    ) -> bool:
        name, text = self._name(source), json.dumps(_texts(secrets))
        self._forget(source)
        if instead_of:
            is_put = self._replace(name, text, _texts(instead_of))
        else:
            is_put = self._create(name, text, anyway=instead_of is None)
        self._forget(source)
        return is_put

    def _create(self, name: str, text: str, *, anyway: bool) -> bool:
        try:
            self._client().create_secret(Name=name, SecretString=text)
        except ClientError as error:
            if _code(error) != "ResourceExistsException":
                raise
            if anyway:
                self._client().put_secret_value(SecretId=name, SecretString=text)
            return anyway
        return True

    def _replace(self, name: str, text: str, before: Mapping[str, str]) -> bool:
        """Move the label of the current version from the one that was read to a new one: of two rivals one fails."""
        client = self._client()
        try:
            kept = client.get_secret_value(SecretId=name, VersionStage=CURRENT)
        except ClientError as error:
            if _code(error) not in _NOT_THERE:
                raise
            return False
        if _texts(_parse(kept["SecretString"])) != before:
            return False
        put = client.put_secret_value(SecretId=name, SecretString=text, VersionStages=[NEXT])
        try:
            client.update_secret_version_stage(
                SecretId=name,
                VersionStage=CURRENT,
                MoveToVersionId=put["VersionId"],
                RemoveFromVersionId=kept["VersionId"],
            )
        except ClientError as error:
            if _code(error) != "InvalidParameterException":
                raise
            return False
        return True

    def drop(self, source: str) -> None:
        # A uid is never used again, so there is nothing to recover, and a secret should not outlive its source.
        try:
            self._client().delete_secret(SecretId=self._name(source), ForceDeleteWithoutRecovery=True)
        except ClientError as error:
            if _code(error) != "ResourceNotFoundException":
                raise
        self._forget(source)

    def _forget(self, source: str) -> None:
        with self._lock:
            self._cache.pop(source, None)

    def _name(self, source: str) -> str:
        return f"rollcall/{self._stage}/{source}"


def _texts(secrets: Mapping[str, Secret]) -> Mapping[str, str]:
    return {name: secret.reveal() for name, secret in secrets.items()}


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _parse(text: str) -> Mapping[str, Secret]:
    members: object = json.loads(text)
    if not isinstance(members, dict) or not all(isinstance(value, str) for value in members.values()):
        raise ContractError("internal error", kind="secrets are not an object of texts")
    return {name: Secret(value) for name, value in members.items()}
