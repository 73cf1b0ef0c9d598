"""DynamoTable on DynamoDB's bad days (tests/aws/strain.py): nothing is lost in silence or done twice.

Over moto, and what moto cannot show also over what `ROLLCALL_DYNAMODB_URL` names (tests/contracts/conftest.py).
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from mypy_boto3_dynamodb import DynamoDBClient

from chalicelib import wiring
from chalicelib.aws.table import DynamoTable, schema
from chalicelib.core.errors import ConditionFailedError, StoreConflictError, TransientError
from chalicelib.core.model import Kind, State
from chalicelib.core.ports import (
    LARGEST_ITEM_BYTES,
    MOST_WRITES,
    Absent,
    Before,
    Check,
    Delete,
    Equals,
    Item,
    Put,
    Update,
    Write,
)
from chalicelib.core.principal import TERMINAL
from chalicelib.core.task import TaskStatus
from chalicelib.local.clock import ManualClock
from tests.aws.strain import NO_ANSWER, Asked, Choose, Fault, Strain, always, by_http, by_moto, no_fault, script, seeded
from tests.builders import NOON
from tests.scripted import Company, House, a_company

_ENDPOINT = os.environ.get("ROLLCALL_DYNAMODB_URL")
ENGINES = ["moto", *(["endpoint"] if _ENDPOINT else [])]
WAITED_FOR = [Fault.OVERLOADED, Fault.THROTTLED, Fault.LIMITED, Fault.BROKEN, Fault.AWAY]
TRIES = 8
# moto is in the clients of a session only that was made after it was imported.
SESSION = boto3.session.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")
# botocore's own tries would sleep, and hide ours.
ONCE = Config(retries={"total_max_attempts": 1}, parameter_validation=False)


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def strained(
    choose: Choose = no_fault, *, width: int = 1, asks_again: bool = False, engine: str = "moto"
) -> tuple[DynamoTable, Strain]:
    url = _ENDPOINT if engine == "endpoint" else None
    client: DynamoDBClient = SESSION.client("dynamodb", config=ONCE, endpoint_url=url)
    if asks_again:
        events: Any = client.meta.events  # whose types say that a handler answers nothing
        events.register_first("needs-retry.dynamodb", _at_once)
    name = f"rollcall-{uuid.uuid4().hex}"
    strain = Strain(send=by_http if url else by_moto)
    strain.on(client)
    client.create_table(**schema(name))
    strain.sent.clear()
    strain.choose = choose
    return DynamoTable(name, lambda: client, clock=ManualClock(NOON), jitter=lambda: 1.0, width=width), strain


def _at_once(attempts: int, caught_exception: Exception | None, **_: object) -> float | None:
    """Decide as botocore does of an answer that did not come, of three tries (`Clients`), but without its pause."""
    return 0.0 if caught_exception is not None and attempts < 3 else None


def put(n: int, value: int = 0) -> Put:
    return Put(item=Item(partition="p", sort=f"{n:04}", attributes={"v": value}))


def an_item_of(size: int, sort: str) -> Item:
    return Item(partition="p", sort=sort, attributes={"data": b"x" * size})


def items(table: DynamoTable, *, limit: int | None = None, backward: bool = False, prefix: str = "") -> list[Item]:
    """Read all there is, page by page."""
    found: list[Item] = []
    after: str | None = None
    while True:
        page = table.query("p", prefix=prefix, after=after, limit=limit, backward=backward)
        found += page.items
        if page.resume is None:
            return found
        after = page.resume


def at_rest(table: DynamoTable, strain: Strain) -> dict[int, int]:
    """Read what there is once the bad day is over."""
    strain.rest()
    return {int(item.sort): int(item.attributes["v"]) for item in items(table)}


# --- what passes is waited for ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", WAITED_FOR)
def test_what_passes_is_waited_for_by_every_verb(aws: None, fault: Fault) -> None:
    table, strain = strained(script(fault, fault))
    table.write([put(1, 1)])
    table.write_many([put(2, 2)])
    assert table.get("p", "0001") == put(1, 1).item
    assert len(table.get_many([("p", "0001"), ("p", "0002")])) == 2
    assert items(table) == [put(1, 1).item, put(2, 2).item]
    assert set(strain.operations().values()) == {3}


@pytest.mark.parametrize("fault", WAITED_FOR)
def test_what_does_not_pass_is_a_conflict_and_nothing_is_done(aws: None, fault: Fault) -> None:
    table, strain = strained(always(fault))
    for call in (
        lambda: table.write([put(1)]),
        lambda: table.write_many([put(1)]),
        lambda: table.get("p", "0001"),
        lambda: table.get_many([("p", "0001")]),
        lambda: table.query("p"),
    ):
        with pytest.raises(StoreConflictError):
            call()
    assert set(strain.operations().values()) == {TRIES}
    assert at_rest(table, strain) == {}


def test_a_refusal_is_neither_repeated_nor_hidden(aws: None) -> None:
    client: DynamoDBClient = SESSION.client("dynamodb", config=ONCE)
    strain = Strain()
    strain.on(client)
    table = DynamoTable("no-such-table", lambda: client, clock=ManualClock(NOON), width=6)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        table.write_many([put(1)])
    assert len(strain.sent) == 1
    with pytest.raises(ClientError, match="ResourceNotFound"):
        table.write_many(put(n) for n in range(200))


# --- answers that never come -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", sorted(NO_ANSWER))
def test_no_answer_is_a_conflict_whether_or_not_it_was_done(aws: None, fault: Fault) -> None:
    table, strain = strained(always(fault))
    with pytest.raises(StoreConflictError):
        table.write([put(1, 1)])
    with pytest.raises(StoreConflictError):
        table.write_many([put(2, 2)])
    assert at_rest(table, strain) == ({1: 1, 2: 2} if fault in (Fault.LOST, Fault.LATE) else {})


def tokens(strain: Strain) -> list[str]:
    return [asked.body["ClientRequestToken"] for asked in strain.sent if asked.operation == "TransactWriteItems"]


# moto does not know tokens: what is asserted is which ones it was sent.
@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.AWAY, Fault.IN_PROGRESS, Fault.THROTTLED])
def test_a_transaction_that_may_have_been_done_is_sent_again_as_the_same_one(aws: None, fault: Fault) -> None:
    table, strain = strained(script(fault, fault, fault))
    table.write([put(1)])
    assert len(tokens(strain)) == 4
    assert len(set(tokens(strain))) == 1


def test_a_transaction_that_was_cancelled_is_sent_again_as_a_new_one(aws: None) -> None:
    # DynamoDB remembers a token for ten minutes, and answers a cancelled one as it did before.
    table, strain = strained(script(Fault.CONFLICT, Fault.BROKEN, Fault.CONFLICT))
    table.write([put(1), put(2)])
    first, second, third, fourth = tokens(strain)
    assert first != second == third != fourth


@pytest.mark.parametrize("engine", ENGINES)
def test_an_answer_that_is_asked_for_again_is_of_the_same_transaction(aws: None, engine: str) -> None:
    table, strain = strained(asks_again=True, engine=engine)
    table.write([put(1, 1)])
    strain.sent.clear()
    strain.choose = script(Fault.LOST, Fault.LATE)
    raised = Update(partition="p", sort="0001", attributes={"v": 2}, when=Equals("v", 1))
    # Whoever knows the token knows that its own first try made the condition fail.
    with pytest.raises(ConditionFailedError) if engine == "moto" else nullcontext():
        table.write([raised])
    assert len(tokens(strain)) == 3
    assert len(set(tokens(strain))) == 1
    assert at_rest(table, strain) == {1: 2}


# --- what a batch leaves over ----------------------------------------------------------------------------------------

MANY = 210


@pytest.mark.parametrize("width", [1, 6])
@pytest.mark.parametrize("faults", [[Fault.PARTLY] * 7, [Fault.LEFT_OVER] * 7, [Fault.PARTLY, Fault.OVERLOADED] * 3])
def test_what_batches_leave_over_is_done_in_the_end(aws: None, width: int, faults: list[Fault]) -> None:
    table, strain = strained(script(*faults), width=width)
    table.write_many(put(n, n) for n in range(MANY))
    found = table.get_many([("p", f"{n:04}") for n in range(MANY)])
    assert {int(sort): item.attributes["v"] for (_, sort), item in found.items()} == {n: n for n in range(MANY)}
    assert strain.faults.keys() == set(faults)
    assert at_rest(table, strain) == {n: n for n in range(MANY)}


def test_a_batch_that_gets_on_is_not_given_up(aws: None) -> None:
    table, strain = strained(always(Fault.PARTLY))
    strain.leave = lambda things: things[1:]
    table.write_many(put(n, n) for n in range(25))
    assert strain.operations()["BatchWriteItem"] == 25 > TRIES
    strain.leave = lambda things: things[:-1]
    assert len(table.get_many([("p", f"{n:04}") for n in range(25)])) == 25


@pytest.mark.parametrize("width", [1, 6])
@pytest.mark.parametrize("stuck", [3, 60, 199])
@pytest.mark.parametrize("fault", [Fault.LEFT_OVER, Fault.THROTTLED, Fault.LATE])
def test_a_batch_that_is_not_done_is_told_however_many_others_are(
    aws: None, width: int, stuck: int, fault: Fault
) -> None:
    place = f"p {stuck:04}"
    table, strain = strained(lambda asked: fault if place in asked.places else None, width=width)
    with pytest.raises(StoreConflictError):
        table.write_many(put(n, n) for n in range(200))
    # What was begun has ended: nothing is written any more once the error is told.
    assert strain.under_way == []
    before = len(strain.sent)
    written = at_rest(table, strain)
    assert (stuck in written) is (fault is Fault.LATE)
    assert written == {n: n for n in written}
    assert strain.operations()["BatchWriteItem"] <= before


def test_a_writer_that_breaks_off_leaves_nothing_under_way(aws: None) -> None:
    table, strain = strained(width=4)

    def writes() -> Iterator[Put]:
        yield from (put(n, n) for n in range(120))
        raise KeyError("what the caller reads is broken")

    with pytest.raises(KeyError):
        table.write_many(writes())
    assert strain.under_way == []
    assert at_rest(table, strain).keys() <= set(range(120))


def test_a_read_that_is_never_whole_is_a_conflict(aws: None) -> None:
    table, strain = strained(width=4)
    table.write_many(put(n, n) for n in range(MANY))
    strain.choose = lambda asked: Fault.LEFT_OVER if {"S": "0150"} in [key.get("sk") for key in keys(asked)] else None
    with pytest.raises(StoreConflictError):
        table.get_many([("p", f"{n:04}") for n in range(MANY)])
    assert strain.under_way == []


def keys(asked: Asked) -> Sequence[Mapping[str, Any]]:
    return asked.things if asked.operation == "BatchGetItem" else ()


# --- batches in flight together --------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [2, 5])
def test_as_many_batches_are_in_flight_as_the_width_and_no_more(aws: None, width: int) -> None:
    table, strain = strained(width=width)
    # Nobody is answered before so many ask: fewer would wait in vain, and break the barrier.
    together = threading.Barrier(width, timeout=30)
    strain.meet = lambda asked: _meet(together)
    table.write_many(put(n, n) for n in range(25 * 2 * width))
    assert strain.most_at_once == width
    found = table.get_many([("p", f"{n:04}") for n in range(100 * width)])
    assert strain.most_at_once == width
    assert len(found) == 25 * 2 * width


def _meet(barrier: threading.Barrier) -> None:
    barrier.wait()


def test_one_batch_needs_no_thread(aws: None) -> None:
    table, strain = strained(width=6)
    threads: set[int] = set()
    strain.meet = lambda asked: threads.add(threading.get_ident())
    table.write_many(put(n) for n in range(25))
    table.get_many([("p", f"{n:04}") for n in range(100)])
    assert threads == {threading.get_ident()}


# Some of four batches, which share items.
SAME = st.lists(st.tuples(st.booleans(), st.integers(0, 50)), min_size=100, max_size=150)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(writes=SAME, width=st.sampled_from([2, 6]), seed=st.integers(0, 10**6))
def test_the_last_write_of_an_item_stands_whatever_happens_to_batches(
    aws: None, writes: list[tuple[bool, int]], width: int, seed: int
) -> None:
    table, strain = strained(seeded(seed, 0.3, {Fault.PARTLY, Fault.LEFT_OVER, Fault.OVERLOADED}), width=width)
    # Give the next batch time to overtake, if it may.
    pairs = threading.Barrier(2, timeout=0.01)
    strain.meet = lambda asked: _perhaps(pairs)
    wanted: dict[int, int] = {}
    plain: list[Put | Delete] = []
    for nth, (is_put, n) in enumerate(writes):
        if is_put:
            plain.append(put(n, nth))
            wanted[n] = nth
        else:
            plain.append(Delete(partition="p", sort=f"{n:04}"))
            wanted.pop(n, None)
    table.write_many(iter(plain))
    assert strain.met == set()
    assert at_rest(table, strain) == wanted


def _perhaps(barrier: threading.Barrier) -> None:
    with suppress(threading.BrokenBarrierError):
        barrier.wait()
    if barrier.broken:
        barrier.reset()


# --- transactions ----------------------------------------------------------------------------------------------------


def test_a_conflict_beside_a_failed_condition_is_the_failed_condition(aws: None) -> None:
    table, strain = strained(script(Fault.CONFLICT))
    strain.rest()
    table.write([put(1, 1)])
    strain.choose = script(None, Fault.CONFLICT)
    with pytest.raises(ConditionFailedError) as caught:
        table.write([put(2), Put(item=put(1).item, when=Absent()), put(3)])
    assert caught.value.failed == (1,)
    assert strain.operations()["TransactWriteItems"] == 3
    assert at_rest(table, strain) == {1: 1}


def test_a_transaction_is_all_or_nothing_on_a_bad_day_too(aws: None) -> None:
    among = set(Fault) - NO_ANSWER
    for seed in range(6):
        table, strain = strained(seeded(seed, 0.5, among))
        with suppress(StoreConflictError):
            table.write([put(n, n) for n in range(MOST_WRITES)])
        assert len(at_rest(table, strain)) in (0, MOST_WRITES)


def test_the_largest_transaction_is_taken_and_a_larger_one_not_sent(aws: None) -> None:
    table, strain = strained()
    bytes_each = 4 * 1024 * 1024 // MOST_WRITES
    fits = [Put(item=an_item_of(bytes_each - 12, f"{n:02}")) for n in range(MOST_WRITES)]
    table.write(fits)
    assert len(strain.sent) == 1
    for larger in (
        [*fits, put(1)],
        [Put(item=an_item_of(bytes_each, f"{n:02}")) for n in range(MOST_WRITES)],
        [Put(item=an_item_of(LARGEST_ITEM_BYTES, "00"))],
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - that it is one is the whole promise
            table.write(larger)
    assert len(strain.sent) == 1


def test_an_update_that_makes_an_item_too_large_is_told_and_changes_nothing(aws: None) -> None:
    table, strain = strained(script(Fault.CONFLICT, Fault.OVERLOADED))
    table.write([Put(item=Item(partition="p", sort="0001", attributes={"v": 1, "data": b"x" * 390_000}))])
    grown = Update(partition="p", sort="0001", attributes={"more": b"x" * 20_000}, when=Equals("v", 1))
    with pytest.raises(ValueError, match="too large"):
        table.write([put(2), grown])
    assert at_rest(table, strain) == {1: 1}


# --- answers in pieces -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 4])
def test_a_batch_of_more_than_16_mb_is_read_in_pieces(aws: None, width: int) -> None:
    table, strain = strained(width=width)
    for n in range(60):
        table.write([Put(item=an_item_of(390_000, f"{n:04}"))])
    found = table.get_many([("p", f"{n:04}") for n in range(140)])
    assert sorted(sort for _, sort in found) == [f"{n:04}" for n in range(60)]
    assert strain.operations()["BatchGetItem"] == 3


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("limit", [None, 1, 3, 7])
def test_pages_of_a_megabyte_join_without_a_seam(aws: None, limit: int | None, backward: bool) -> None:
    table, strain = strained(script(*[Fault.OVERLOADED, Fault.AWAY, None] * 4))
    sorts = [f"{kind}{n:02}" for kind in "de" for n in range(9)]
    for sort in sorts:
        table.write([Put(item=an_item_of(250_000, sort))])
    wanted = [sort for sort in sorts if sort.startswith("e")]
    found = items(table, limit=limit, backward=backward, prefix="e")
    assert [item.sort for item in found] == (wanted[::-1] if backward else wanted)
    assert strain.operations()["Query"] >= 3


# --- what leaves is well formed --------------------------------------------------------------------------------------

JUNK: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.lists(st.integers(), max_size=1),
    st.sampled_from(["", "\\ud800", "x" * 2000, "pk", "expires"]),
)
TEXT: st.SearchStrategy[Any] = st.one_of(st.text(min_size=1, max_size=4), JUNK)
ATTRIBUTES: st.SearchStrategy[Any] = st.dictionaries(
    TEXT.filter(lambda each: not isinstance(each, list)), JUNK, max_size=2
)
EQUALS: st.SearchStrategy[Any] = st.builds(Equals, TEXT, JUNK)
WHEN: st.SearchStrategy[Any] = st.one_of(st.none(), st.just(Absent()), EQUALS, st.builds(Before, TEXT, JUNK))
PUTS = st.builds(
    Put,
    item=st.builds(Item, partition=TEXT, sort=TEXT, attributes=ATTRIBUTES, expires=st.one_of(st.none(), JUNK)),
    when=WHEN,
)
DELETES = st.builds(Delete, partition=TEXT, sort=TEXT, when=WHEN)
WRITES: st.SearchStrategy[Write] = st.one_of(
    PUTS,
    DELETES,
    st.builds(Update, partition=TEXT, sort=TEXT, attributes=ATTRIBUTES, when=EQUALS),
    st.builds(Check, partition=TEXT, sort=TEXT, when=WHEN),
)


REFUSALS = (ValueError, TypeError, AttributeError)


class SentError(Exception):
    """A request was about to leave."""


@settings(max_examples=150)
@given(
    writes=st.lists(WRITES, max_size=3),
    plain=st.lists(st.one_of(PUTS, DELETES), max_size=3),
    places=st.lists(st.tuples(TEXT, TEXT), max_size=3),
    limit=JUNK,
)
def test_what_botocore_would_refuse_is_refused_before(
    writes: list[Write], plain: list[Put | Delete], places: list[tuple[Any, Any]], limit: Any
) -> None:
    client: DynamoDBClient = CLIENT
    table = DynamoTable("rollcall", lambda: client, clock=ManualClock(NOON))
    calls: list[Callable[[], object]] = [
        lambda: table.write(writes),
        lambda: table.write_many(plain),
        lambda: table.get_many(places),
        *(partial(table.get, *place) for place in places),
        *(partial(table.query, one, prefix=other, limit=limit) for one, other in places),
        *(partial(table.query, one, after=other) for one, other in places),
    ]
    for call in calls:
        # Sent as it should be, or refused before, whatever by: the one thing that may not come is a WrongError.
        with suppress(SentError, *REFUSALS):
            call()


class WrongError(Exception):
    """What was about to leave is not what DynamoDB's model says."""


def _look(params: Mapping[str, Any], model: Any, **_: object) -> None:
    report = ParamValidator().validate(params, model.input_shape)
    if report.has_errors():
        raise WrongError(report.generate_report())
    raise SentError


CLIENT: DynamoDBClient = SESSION.client("dynamodb", config=ONCE)
CLIENT.meta.events.register_last("before-parameter-build.dynamodb", _look)


# --- the whole program on a bad day ----------------------------------------------------------------------------------


class BadDay:
    """The program on a strained table: whoever is told "busy" is woken again, as a queue would do it."""

    def __init__(self, company: Company, choose: Choose, *, width: int, engine: str) -> None:
        table, self.strain = strained(width=width, asks_again=True, engine=engine)
        self.house = House(company, table)
        self._choose = choose

    def sync(self) -> TaskStatus:
        house, tasks = self.house, self.house.tasks
        house.clock.sleep(1)
        task_id = self._until(lambda: house.requests.sync_now(TERMINAL, "hq").task.task_id)
        self.strain.choose = self._choose
        while not self._until(lambda: tasks.get(task_id).status.is_over):
            again = self._until(lambda: house.runner.wake(house.source.uid, lambda: 10_000.0))
            house.clock.sleep(again or 30)
        self.strain.rest()
        return tasks.get(task_id).status

    def _until(self, call: Callable[[], Any]) -> Any:
        for _ in range(200):
            try:
                return call()
            except TransientError:
                self.house.clock.sleep(5)
        raise AssertionError("never done")


def directory(house: House) -> Mapping[tuple[Kind, str], Mapping[str, object]]:
    """Read the directory as people see it: what stands under each key, with ids of ours as names of theirs."""
    links = list(house.directory.links(house.source.uid))
    names = {link.entry_id: link.key.external_id for link in links if link.entry_id}
    entries = house.directory.entries([link.entry_id for link in links if link.entry_id])
    return {
        (link.key.kind, link.key.external_id): {
            "revision": (entry := entries[str(link.entry_id)]).revision,
            **{name: _named(value, names) for name, value in entry.values.items()},
        }
        for link in links
        if link.entry_id is not None
    }


def _named(value: object, names: Mapping[str, str]) -> object:
    if isinstance(value, tuple):
        return tuple(_named(each, names) for each in value)
    return names.get(value, value) if isinstance(value, str) else value


def changed(company: Company) -> None:
    company.hire("new", "d1", manager="p0")
    company.people["p3"]["title"] = "Lead"
    company.people["p4"]["departments"] = ("d2", "d5")
    company.leave("p7")
    company.leave("d7")
    company.people.update(
        {
            each: {**fields, "departments": ("d1",)}
            for each, fields in company.people.items()
            if fields["departments"] == ("d7",)
        }
    )


@pytest.fixture(scope="module")
def calm() -> Sequence[Mapping[tuple[Kind, str], Mapping[str, object]]]:
    """What the directory says after a first sync, and after one with changes, when nothing is wrong."""
    house = House(a_company())
    assert house.sync().status is TaskStatus.DONE
    first = directory(house)
    changed(house.company)
    assert house.sync().status is TaskStatus.DONE
    wiring.use(None)
    return first, directory(house)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("seed", "width"), [(1, 1), (2, 6), (3, 6), (4, 1), (5, 6)])
def test_a_sync_on_a_bad_day_ends_in_the_same_directory(
    aws: None,
    calm: Sequence[Mapping[tuple[Kind, str], Mapping[str, object]]],
    seed: int,
    width: int,
    engine: str,
) -> None:
    company = a_company()
    day = BadDay(company, seeded(seed, 0.3), width=width, engine=engine)
    assert day.sync() is TaskStatus.DONE
    assert directory(day.house) == calm[0]
    changed(company)
    assert day.sync() is TaskStatus.DONE
    assert directory(day.house) == calm[1]
    assert directory(day.house)[Kind.EMPLOYEE, "p7"]["state"] == State.LEFT
    assert len(day.strain.faults) > 8
