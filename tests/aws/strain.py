"""DynamoDB on a bad day: stands between a client and an engine, and answers some requests as DynamoDB would then.

No engine does that by itself: none throttles, leaves work undone, conflicts, or loses an answer. What is answered is
bytes, so that botocore reads them as it does everything else. Requests go through one at a time, because moto loses
updates under threads.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto
from io import BytesIO
from random import Random
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from moto.core.models import botocore_stubber
from mypy_boto3_dynamodb import DynamoDBClient

Json = dict[str, Any]


class Fault(StrEnum):
    """What may happen to a request. Of those that did not reach the engine nothing was done."""

    OVERLOADED = auto()  # the table's throughput, or the partition's
    THROTTLED = auto()  # the account's control plane, or on-demand growth
    LIMITED = auto()
    BROKEN = auto()  # 500, of DynamoDB
    AWAY = auto()  # 503, of what stands before it, and no JSON
    REFUSED = auto()  # no connection
    RESET = auto()  # a connection that ends before the request is read
    LOST = auto()  # done, and the connection ends before the answer
    LATE = auto()  # done, and the answer comes too late
    PARTLY = auto()  # a batch: a part of it is done, the rest left over
    LEFT_OVER = auto()  # a batch: nothing of it is done
    CONFLICT = auto()  # a transaction: another one holds an item
    IN_PROGRESS = auto()  # a transaction: the same one is under way


BATCHES = frozenset({Fault.PARTLY, Fault.LEFT_OVER})
TRANSACTIONS = frozenset({Fault.CONFLICT, Fault.IN_PROGRESS})
NO_ANSWER = frozenset({Fault.REFUSED, Fault.RESET, Fault.LOST, Fault.LATE})

_ERRORS: Mapping[Fault, tuple[int, str]] = {
    Fault.OVERLOADED: (400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
    Fault.THROTTLED: (400, "com.amazon.coral.availability#ThrottlingException"),
    Fault.LIMITED: (400, "com.amazonaws.dynamodb.v20120810#RequestLimitExceeded"),
    Fault.BROKEN: (500, "com.amazonaws.dynamodb.v20120810#InternalServerError"),
    Fault.IN_PROGRESS: (400, "com.amazonaws.dynamodb.v20120810#TransactionInProgressException"),
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request: the nth of its operation, from 1."""

    operation: str
    nth: int
    body: Json

    @property
    def things(self) -> Sequence[Json]:
        """What a batch is about."""
        (asked,) = self.body["RequestItems"].values()
        things: Sequence[Json] = asked["Keys"] if isinstance(asked, dict) else asked
        return things

    @property
    def places(self) -> frozenset[str]:
        """The items of a batch that writes."""
        if self.operation != "BatchWriteItem":
            return frozenset()
        keys = [
            each["PutRequest"]["Item"] if "PutRequest" in each else each["DeleteRequest"]["Key"] for each in self.things
        ]
        return frozenset(f"{key['pk']['S']} {key['sk']['S']}" for key in keys)


Choose = Callable[[Asked], Fault | None]
Send = Callable[[str, AWSPreparedRequest], AWSResponse]


def by_moto(event_name: str, request: AWSPreparedRequest) -> AWSResponse:
    response = botocore_stubber(event_name, request)
    assert response is not None
    return response


def by_http(event_name: str, request: AWSPreparedRequest) -> AWSResponse:
    request.headers["Content-Length"] = str(len(_bytes(request.body)))
    response: AWSResponse = URLLib3Session().send(request)
    return response


def every_other(things: Sequence[Json]) -> Sequence[Json]:
    return things[::2]


def no_fault(asked: Asked) -> None:
    return None


@dataclass
class Strain:
    """`choose` names the fault of a request; one that its operation cannot have is none.

    `leave` says what a batch that is done partly leaves over. `meet` is called by each request, in its own thread,
    while others may be under way.
    """

    choose: Choose = no_fault
    send: Send = by_moto
    leave: Callable[[Sequence[Json]], Sequence[Json]] = every_other
    meet: Callable[[Asked], None] = no_fault
    sent: list[Asked] = field(default_factory=list)
    faults: Counter[Fault] = field(default_factory=Counter)
    under_way: list[Asked] = field(default_factory=list)
    most_at_once: int = 0
    # Items that two requests were about at the same time.
    met: set[str] = field(default_factory=set)
    _counting: threading.Lock = field(default_factory=threading.Lock)
    _engine: threading.Lock = field(default_factory=threading.Lock)

    def on(self, client: DynamoDBClient) -> None:
        # All who are registered are asked, also after one has answered: moto would do what is not to reach it.
        events: Any = client.meta.events  # whose types say that a handler answers nothing
        events.unregister("before-send", botocore_stubber)
        events.register("before-send.dynamodb", self)

    def rest(self) -> None:
        """The bad day is over."""
        self.choose, self.meet = no_fault, no_fault

    def operations(self) -> Counter[str]:
        return Counter(asked.operation for asked in self.sent)

    def __call__(self, request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse:
        asked = self._begin(event_name.rsplit(".", 1)[-1], json.loads(_bytes(request.body)))
        try:
            self.meet(asked)
            with self._engine:
                fault = self.choose(asked)
                if fault is not None and not _is_possible(asked.operation, fault):
                    fault = None
                if fault is not None:
                    self.faults[fault] += 1
                return self._answer(event_name, request, asked, fault)
        finally:
            with self._counting:
                self.under_way.remove(asked)

    def _begin(self, operation: str, body: Json) -> Asked:
        with self._counting:
            asked = Asked(operation=operation, nth=1 + self.operations()[operation], body=body)
            self.met.update(*(asked.places & other.places for other in self.under_way))
            self.under_way.append(asked)
            self.sent.append(asked)
            self.most_at_once = max(self.most_at_once, len(self.under_way))
            return asked

    def _answer(self, event_name: str, request: AWSPreparedRequest, asked: Asked, fault: Fault | None) -> AWSResponse:
        match fault:
            case None:
                return self.send(event_name, request)
            case Fault.REFUSED:
                raise EndpointConnectionError(endpoint_url=request.url)
            case Fault.RESET:
                raise ConnectionClosedError(endpoint_url=request.url)
            case Fault.LOST:
                self.send(event_name, request)
                raise ConnectionClosedError(endpoint_url=request.url)
            case Fault.LATE:
                self.send(event_name, request)
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.AWAY:
                return _response(request, 503, b"<html><body>Service Unavailable</body></html>")
            case Fault.CONFLICT:
                return _cancelled(request, len(asked.body["TransactItems"]))
            case Fault.LEFT_OVER:
                return _response(request, 200, _left(asked, asked.things, {}))
            case Fault.PARTLY:
                return self._partly(event_name, request, asked)
            case _:
                status, kind = _ERRORS[fault]
                return _response(request, status, _encode({"__type": kind, "message": "made up"}))

    def _partly(self, event_name: str, request: AWSPreparedRequest, asked: Asked) -> AWSResponse:
        left = self.leave(asked.things)
        done = [thing for thing in asked.things if thing not in left]
        if not done:
            return _response(request, 200, _left(asked, left, {}))
        request.body = _encode({**asked.body, "RequestItems": _among(asked, done)})
        answer = json.loads(self.send(event_name, request).content)
        return _response(request, 200, _left(asked, left, answer))


def seeded(seed: int, share: float, among: Iterable[Fault] = tuple(Fault)) -> Choose:
    """Let a share of the requests fail, each time in the same way for the same seed."""
    rng, faults = Random(seed), sorted(among)

    def choose(asked: Asked) -> Fault | None:
        strikes, which = rng.random() < share, rng.choice(faults)
        return which if strikes else None

    return choose


def script(*faults: Fault | None) -> Choose:
    """Let the first requests of each operation end so, and those after as they should."""
    return lambda asked: faults[asked.nth - 1] if asked.nth <= len(faults) else None


def always(fault: Fault) -> Choose:
    return lambda asked: fault


def _is_possible(operation: str, fault: Fault) -> bool:
    if fault in BATCHES:
        return operation.startswith("Batch")
    return operation == "TransactWriteItems" or fault not in TRANSACTIONS


def _cancelled(request: AWSPreparedRequest, writes: int) -> AWSResponse:
    reasons = [{"Code": "None"}] * (writes - 1) + [{"Code": "TransactionConflict", "Message": "made up"}]
    kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    return _response(request, 400, _encode({"__type": kind, "Message": "made up", "CancellationReasons": reasons}))


def _left(asked: Asked, things: Sequence[Json], answer: Json) -> bytes:
    """Word an answer that leaves these over."""
    if asked.operation == "BatchGetItem":
        return _encode({"Responses": {}, **answer, "UnprocessedKeys": _among(asked, things)})
    return _encode({**answer, "UnprocessedItems": _among(asked, things)})


def _among(asked: Asked, things: Sequence[Json]) -> Json:
    """Word a batch like this one, of these things only."""
    ((table, batch),) = asked.body["RequestItems"].items()
    return {table: {**batch, "Keys": things} if isinstance(batch, dict) else things}


def _response(request: AWSPreparedRequest, status: int, body: bytes) -> AWSResponse:
    headers: Any = {"content-type": "application/x-amz-json-1.0", "content-length": str(len(body))}
    return AWSResponse(request.url, status, headers, _Raw(body))


class _Raw(BytesIO):
    def stream(self, **_: object) -> Iterable[bytes]:
        return iter([self.read()])


def _encode(what: object) -> bytes:
    return json.dumps(what).encode()


def _bytes(body: object) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body) if isinstance(body, bytes | bytearray) else b""
