"""The bell as an SQS queue. A message says only which source has work; the work is rows."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

log = logging.getLogger(__name__)

LONGEST_DELAY_S: Final = 900
_SERVER_ERRORS: Final = 500


class SqsBell:
    """Rings at most 15 minutes ahead, which is SQS's limit; a longer delay rings early, and whoever wakes rings again.

    A ring that SQS did not take for a passing reason is lost, which the port allows: the tick finds work by its rows.
    """

    def __init__(self, queue_url: str, make_client: Callable[[], SQSClient]) -> None:
        self._queue_url = queue_url
        self._client = functools.cache(make_client)

    def ring(self, source: str, *, delay_s: float = 0) -> None:
        delay = min(LONGEST_DELAY_S, max(0, math.ceil(delay_s)))
        try:
            self._client().send_message(QueueUrl=self._queue_url, MessageBody=source, DelaySeconds=delay)
        except (HTTPClientError, ConnectionError):
            log.warning("bell not rung", extra={"source": source, "error": "connection"})
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < _SERVER_ERRORS:
                raise
            log.warning("bell not rung", extra={"source": source, "error": error.response["Error"]["Code"]})
