"""Clients of AWS, each made once, when it is first needed, and all from one session.

A session reads the service's model and the machine's settings, which costs more than all clients after the first.
Timeouts are short, because the doors that use them have deadlines of seconds; what is retried here is what
botocore knows to be safe.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.session import Session

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

# More than DynamoTable has in flight, so that no connection is thrown away.
_CONNECTIONS: Final = 16


class Clients:
    """The clients of a process, for any number of threads. The session is the environment's, or one that is given."""

    def __init__(self, session: Session | None = None, *, endpoint_url: str | None = None) -> None:
        self._session = session
        self._endpoint_url = endpoint_url
        self._made: dict[str, Any] = {}
        # Clients may be shared by threads, a session may not.
        self._lock = threading.Lock()

    def dynamodb(self) -> DynamoDBClient:
        # Whatever botocore would find wrong with a request, `core.limits` has refused before; and looking at each
        # value of a full transaction again takes longer than anything else that is done with it.
        client: DynamoDBClient = self._client("dynamodb", parameter_validation=False)
        return client

    def sqs(self) -> SQSClient:
        client: SQSClient = self._client("sqs")
        return client

    def secretsmanager(self) -> SecretsManagerClient:
        client: SecretsManagerClient = self._client("secretsmanager")
        return client

    def cloudformation(self) -> CloudFormationClient:
        client: CloudFormationClient = self._client("cloudformation")
        return client

    def _client(self, service: str, *, parameter_validation: bool = True) -> Any:
        with self._lock:
            if service not in self._made:
                if self._session is None:
                    self._session = Session()
                self._made[service] = self._session.create_client(
                    service,
                    # botocore looks at AWS_DEFAULT_REGION only; the command line of AWS at this one first.
                    region_name=os.environ.get("AWS_REGION") or None,
                    endpoint_url=self._endpoint_url,
                    config=Config(
                        connect_timeout=2,
                        read_timeout=5,
                        retries={"mode": "standard", "total_max_attempts": 3},
                        max_pool_connections=_CONNECTIONS,
                        parameter_validation=parameter_validation,
                    ),
                )
            return self._made[service]
