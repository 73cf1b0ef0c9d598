"""The Table port over DynamoDB.

Every read is consistent. What DynamoDB leaves undone for lack of throughput, or refuses because another transaction
is in the way, is tried again with growing pauses, and then is a StoreConflictError. So is an answer that never
came: then the write may have been done.

Batches are in flight together, because most of their time is spent waiting. What was begun has ended when a method
returns or raises, and two writes of one item are never in flight at once.
"""

from __future__ import annotations

import functools
import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, assert_never

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from chalicelib.core import limits
from chalicelib.core.errors import ConditionFailedError, ContractError, StoreConflictError
from chalicelib.core.ports import (
    Absent,
    Attribute,
    Before,
    Check,
    Clock,
    Condition,
    Delete,
    Equals,
    Item,
    Page,
    Put,
    Update,
    Write,
)

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        ConditionCheckTypeDef,
        CreateTableInputTypeDef,
        DeleteTypeDef,
        KeysAndAttributesTypeDef,
        PutTypeDef,
        QueryInputTypeDef,
        TransactWriteItemTypeDef,
        UpdateTypeDef,
        WriteRequestUnionTypeDef,
    )

    Wire: TypeAlias = dict[str, AttributeValueTypeDef]
    _Batch: TypeAlias = dict[tuple[str, str], WriteRequestUnionTypeDef]

T = TypeVar("T")

# More wait for the one processor of a function than for the table.
WIDTH: Final = 6
_READS_AT_ONCE: Final = 100
_WRITES_AT_ONCE: Final = 25
_TRIES: Final = 8
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0

_TRANSIENT: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_CONDITION_FAILED: Final = "ConditionalCheckFailed"
_SERVER_ERRORS: Final = 500
# Whatever else makes a write invalid is refused before it is sent: an item too large after its update.
_INVALID: Final = frozenset({"ValidationError", "ValidationException"})


def schema(table_name: str) -> CreateTableInputTypeDef:
    """Describe the table for `create_table`; time to live, on `limits.EXPIRES`, is turned on by a call of its own."""
    return {
        "TableName": table_name,
        "KeySchema": [
            {"AttributeName": limits.PARTITION, "KeyType": "HASH"},
            {"AttributeName": limits.SORT, "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": limits.PARTITION, "AttributeType": "S"},
            {"AttributeName": limits.SORT, "AttributeType": "S"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }


class DynamoTable:
    """A Table over one DynamoDB table; the client is made when it is first needed.

    `width` is how many batches are in flight at once; 1 leaves all to the caller's thread.
    """

    def __init__(
        self,
        table_name: str,
        make_client: Callable[[], DynamoDBClient],
        *,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
        width: int = WIDTH,
    ) -> None:
        self._name = table_name
        self._client = functools.cache(make_client)
        self._clock = clock
        self._jitter = jitter
        self._width = width

    def get(self, partition: str, sort: str) -> Item | None:
        limits.check_key(partition, sort)
        answer = self._try(
            lambda: self._client().get_item(TableName=self._name, Key=_key(partition, sort), ConsistentRead=True)
        )
        return _item(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        for partition, sort in keys:
            limits.check_key(partition, sort)
        batches = [[_key(*key) for key in batch] for batch in _batches(dict.fromkeys(keys), _READS_AT_ONCE)]
        with self._together(len(batches)) as pool:
            read = pool.map(self._get_batch, batches) if pool else map(self._get_batch, batches)
            return {(item.partition, item.sort): item for items in read for item in items}

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        backward: bool = False,
        limit: int | None = None,
    ) -> Page:
        limits.check_partition(partition)
        limits.check_limit(limit)
        any_left, after = limits.start_after(prefix, after, backward=backward)
        if not any_left:
            return Page(items=(), resume=None)
        asked: QueryInputTypeDef = {
            "TableName": self._name,
            "ConsistentRead": True,
            "ScanIndexForward": not backward,
            "KeyConditionExpression": "#p = :p AND begins_with(#s, :s)" if prefix else "#p = :p",
            "ExpressionAttributeNames": {"#p": limits.PARTITION, **({"#s": limits.SORT} if prefix else {})},
            "ExpressionAttributeValues": {":p": {"S": partition}, **({":s": {"S": prefix}} if prefix else {})},
        }
        if after is not None:
            asked["ExclusiveStartKey"] = _key(partition, after)
        if limit is not None:
            asked["Limit"] = limit
        answer = self._try(lambda: self._client().query(**asked))
        last = answer.get("LastEvaluatedKey")
        return Page(
            items=tuple(_item(item) for item in answer["Items"]), resume=last[limits.SORT]["S"] if last else None
        )

    def write(self, writes: Sequence[Write]) -> None:
        limits.check_writes(writes)
        transaction = [self._transact(write) for write in writes]
        token = uuid.uuid4().hex

        def attempt() -> None:
            nonlocal token
            try:
                self._client().transact_write_items(TransactItems=transaction, ClientRequestToken=token)
            except ClientError as error:
                codes = _cancellation_codes(error)
                failed = tuple(place for place, code in enumerate(codes) if code == _CONDITION_FAILED)
                if failed:
                    raise ConditionFailedError(failed) from error
                if not _INVALID.isdisjoint({error.response["Error"]["Code"], *codes}):
                    raise ValueError("an item is too large after its update") from error
                if codes:
                    # A cancelled transaction wrote nothing. Any other failure may have: the token makes it one write.
                    token = uuid.uuid4().hex
                raise

        self._try(attempt)

    def write_many(self, writes: Iterable[Put | Delete]) -> None:
        batches = _write_batches(writes)
        ahead = list(islice(batches, 2))
        with self._together(len(ahead)) as pool:
            if pool is None:
                for batch in chain(ahead, batches):
                    self._write_batch(list(batch.values()))
            else:
                self._write_together(pool, chain(ahead, batches))

    def _write_together(self, pool: Executor, batches: Iterable[_Batch]) -> None:
        """Keep the pool busy; a batch begins when those before it that have an item of its own are done.

        The error of any batch is raised before the next one begins.
        """
        in_flight: dict[Future[None], _Batch] = {}

        def take(done: Iterable[Future[None]]) -> None:
            for future in list(done):
                del in_flight[future]
                future.result()

        for batch in batches:
            take(future for future in in_flight if future.done())
            take(future for future, other in in_flight.items() if not batch.keys().isdisjoint(other))
            if len(in_flight) == self._width:
                take(futures.wait(in_flight, return_when=futures.FIRST_COMPLETED).done)
            in_flight[pool.submit(self._write_batch, list(batch.values()))] = batch
        take(in_flight)

    @contextmanager
    def _together(self, batches: int) -> Iterator[Executor | None]:
        """Give threads for batches, which have all ended when this does; none where one thread is enough."""
        if min(batches, self._width) < 2:
            yield None
            return
        with futures.ThreadPoolExecutor(self._width, thread_name_prefix="table") as pool:
            try:
                yield pool
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _get_batch(self, keys: Sequence[Wire]) -> list[Item]:
        found: list[Item] = []

        def attempt(left: Sequence[Wire]) -> Sequence[Wire]:
            wanted: Mapping[str, KeysAndAttributesTypeDef] = {self._name: {"Keys": left, "ConsistentRead": True}}
            answer = self._try(functools.partial(self._client().batch_get_item, RequestItems=wanted))
            found.extend(_item(item) for item in answer["Responses"].get(self._name, []))
            unprocessed = answer.get("UnprocessedKeys", {}).get(self._name)
            return unprocessed["Keys"] if unprocessed else []

        self._until_done(keys, attempt)
        return found

    def _write_batch(self, requests: Sequence[WriteRequestUnionTypeDef]) -> None:
        def attempt(left: Sequence[WriteRequestUnionTypeDef]) -> Sequence[WriteRequestUnionTypeDef]:
            asked = {self._name: left}
            answer = self._try(functools.partial(self._client().batch_write_item, RequestItems=asked))
            return answer.get("UnprocessedItems", {}).get(self._name, [])

        self._until_done(requests, attempt)

    def _until_done(self, things: Sequence[T], attempt: Callable[[Sequence[T]], Sequence[T]]) -> None:
        """Attempt what the attempt before has left; whatever gets on has all its patience again."""
        pauses = self._pauses()
        while left := attempt(things):
            if len(left) < len(things):
                pauses = self._pauses()
            self._rest(pauses)
            things = left

    def _try(self, call: Callable[[], T]) -> T:
        pauses = self._pauses()
        while True:
            try:
                return call()
            except ClientError as error:
                if not _passes(error):
                    raise
                self._rest(pauses, error)
            except (HTTPClientError, ConnectionError) as error:
                raise _busy() from error

    def _pauses(self) -> Iterator[float]:
        """Make the pauses between all tries."""
        for nth in range(_TRIES - 1):
            yield self._jitter() * min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**nth)

    def _rest(self, pauses: Iterator[float], after: ClientError | None = None) -> None:
        """
        Raises:
            StoreConflictError: that was the last try.
        """
        pause_s = next(pauses, None)
        if pause_s is None:
            raise _busy() from after
        self._clock.sleep(pause_s)

    def _transact(self, write: Write) -> TransactWriteItemTypeDef:
        match write:
            case Put(item=item, when=condition):
                put: PutTypeDef = {"TableName": self._name, "Item": _wire(item)}
                _set(put, condition)
                return {"Put": put}
            case Update(partition=partition, sort=sort, attributes=attributes, when=condition):
                sets = ", ".join(f"#{n} = :{n}" for n in range(len(attributes)))
                key = _key(partition, sort)
                update: UpdateTypeDef = {"TableName": self._name, "Key": key, "UpdateExpression": f"SET {sets}"}
                _set(update, condition)
                update["ExpressionAttributeNames"] = {
                    **update["ExpressionAttributeNames"],
                    **{f"#{n}": name for n, name in enumerate(attributes)},
                }
                update["ExpressionAttributeValues"] = {
                    **update["ExpressionAttributeValues"],
                    **{f":{n}": _value(value) for n, value in enumerate(attributes.values())},
                }
                return {"Update": update}
            case Delete(partition=partition, sort=sort, when=condition):
                delete: DeleteTypeDef = {"TableName": self._name, "Key": _key(partition, sort)}
                _set(delete, condition)
                return {"Delete": delete}
            case Check(partition=partition, sort=sort, when=condition):
                key = _key(partition, sort)
                check: ConditionCheckTypeDef = {"TableName": self._name, "Key": key, "ConditionExpression": ""}
                _set(check, condition)
                return {"ConditionCheck": check}
            case _:
                assert_never(write)


def _set(
    request: PutTypeDef | UpdateTypeDef | DeleteTypeDef | ConditionCheckTypeDef, condition: Condition | None
) -> None:
    """Put a condition into a request that is being made."""
    match condition:
        case None:
            return
        case Absent():
            request["ConditionExpression"] = "attribute_not_exists(#a)"
            request["ExpressionAttributeNames"] = {"#a": limits.PARTITION}
            return
        case Equals(attribute, value):
            request["ConditionExpression"] = "#a = :a"
        case Before(attribute, value):
            request["ConditionExpression"] = "attribute_not_exists(#a) OR #a < :a"
        case _:
            assert_never(condition)
    request["ExpressionAttributeNames"] = {"#a": attribute}
    request["ExpressionAttributeValues"] = {":a": _value(value)}


def _write_batches(writes: Iterable[Put | Delete]) -> Iterator[_Batch]:
    """Batch writes by the place of their item: one may not stand twice in a batch, and the last write of it stands."""
    batch: _Batch = {}
    for write in writes:
        limits.check_plain(write)
        if len(batch) == _WRITES_AT_ONCE:
            yield batch
            batch = {}
        batch[limits.place_of(write)] = _request(write)
    if batch:
        yield batch


def _request(write: Put | Delete) -> WriteRequestUnionTypeDef:
    match write:
        case Put(item=item):
            return {"PutRequest": {"Item": _wire(item)}}
        case Delete(partition=partition, sort=sort):
            return {"DeleteRequest": {"Key": _key(partition, sort)}}
        case _:
            assert_never(write)


def _key(partition: str, sort: str) -> Wire:
    return {limits.PARTITION: {"S": partition}, limits.SORT: {"S": sort}}


def _wire(item: Item) -> Wire:
    wire = _key(item.partition, item.sort)
    wire |= {name: _value(value) for name, value in item.attributes.items()}
    if item.expires is not None:
        wire[limits.EXPIRES] = _value(item.expires)
    return wire


def _value(value: Attribute) -> AttributeValueTypeDef:
    match value:
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case _:
            assert_never(value)


def _item(wire: Mapping[str, AttributeValueTypeDef]) -> Item:
    attributes = {name: _attribute(value) for name, value in wire.items() if name not in limits.RESERVED}
    expires = wire.get(limits.EXPIRES)
    return Item(
        partition=wire[limits.PARTITION]["S"],
        sort=wire[limits.SORT]["S"],
        attributes=attributes,
        expires=None if expires is None else int(expires["N"]),
    )


def _attribute(wire: AttributeValueTypeDef) -> Attribute:
    match wire:
        case {"S": text}:
            return text
        case {"N": digits}:
            return int(digits)
        case {"B": octets}:
            return octets
        case _:
            raise ContractError("internal error", kind="attribute of an unknown type")


def _passes(error: ClientError) -> bool:
    """Tell whether the same request may be taken a little later."""
    codes = {error.response["Error"]["Code"], *_cancellation_codes(error)}
    return not codes.isdisjoint(_TRANSIENT) or error.response["ResponseMetadata"]["HTTPStatusCode"] >= _SERVER_ERRORS


def _cancellation_codes(error: ClientError) -> Sequence[str]:
    return [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])]


def _batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(things)
    while batch := list(islice(source, size)):
        yield batch


def _busy() -> StoreConflictError:
    return StoreConflictError("store is busy", retry_after=1.0)
