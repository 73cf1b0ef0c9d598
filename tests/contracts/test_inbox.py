"""What was pushed waits once until it is done, over every Table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.core.message import Delivery
from chalicelib.core.ports import Inbox, Table
from chalicelib.store.inbox import TableInbox
from tests.builders import HQ, NOON, at


@pytest.fixture
def inbox(table: Table) -> Inbox:
    return TableInbox(table=table)


def a_delivery(delivery_id: str = "e1", *, source: str = HQ, seconds: float = 0, ids: int = 1) -> Delivery:
    return Delivery(
        delivery_id=delivery_id,
        source=source,
        type="user.updated",
        ids={"union_id": tuple(f"on_{number}" for number in range(ids)), "中": ("张",)} if ids else {},
        occurred_at=NOON - timedelta(seconds=1.5),
        received_at=at(seconds),
    )


def test_a_delivery_comes_back_as_it_was(inbox: Inbox) -> None:
    deliveries = [a_delivery("e1"), a_delivery("e2", seconds=0.000001, ids=500), a_delivery("e3", seconds=2, ids=0)]
    assert [inbox.store(each) for each in deliveries] == [True] * 3
    assert inbox.waiting(HQ) == deliveries


def test_deliveries_wait_in_order_of_arrival(inbox: Inbox) -> None:
    for number in (5, 3, 9, 1):
        inbox.store(a_delivery(f"e{number}", seconds=number))
    assert [each.delivery_id for each in inbox.waiting(HQ)] == ["e1", "e3", "e5", "e9"]


def test_a_delivery_is_stored_once_also_when_it_is_done(inbox: Inbox) -> None:
    assert inbox.store(a_delivery())
    assert not inbox.store(a_delivery(seconds=15))
    assert inbox.waiting(HQ) == [a_delivery()]
    inbox.done([a_delivery()])
    inbox.done([a_delivery()])
    assert not inbox.store(a_delivery(seconds=3600))
    assert inbox.waiting(HQ) == []


def test_of_many_only_the_done_are_taken_off(inbox: Inbox) -> None:
    deliveries = [a_delivery(f"e{number}", seconds=number) for number in range(60)]
    for each in deliveries:
        inbox.store(each)
    inbox.done([*deliveries[:30], deliveries[0]])
    assert inbox.waiting(HQ) == deliveries[30:]


def test_sources_do_not_meet(inbox: Inbox) -> None:
    assert inbox.store(a_delivery())
    assert inbox.store(a_delivery(source="src-branch"))
    inbox.done(inbox.waiting(HQ))
    assert inbox.waiting("src-branch") == [a_delivery(source="src-branch")]


def test_an_id_may_be_of_any_length_and_letters(inbox: Inbox) -> None:
    assert inbox.store(a_delivery("事件" * 2000))
    assert not inbox.store(a_delivery("事件" * 2000))


def test_what_is_dropped_is_counted(inbox: Inbox) -> None:
    assert [inbox.drop(HQ, NOON) for _ in range(3)] == [1, 2, 3]
    assert inbox.drop("src-branch", NOON) == 1
    assert inbox.waiting(HQ) == []
