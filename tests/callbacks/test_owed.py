"""What is owed stands in the inbox as one row, and comes back from there as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.callbacks.owed import AFTER_FAILURE, Owed, joined
from chalicelib.core.message import Delivery
from chalicelib.local.table import SqliteTable
from chalicelib.store.inbox import TableInbox
from chalicelib.sync.request import MOST_DELIVERIES
from tests.builders import HQ, NOON, at


def deliveries(count: int, first: int = 0) -> list[Delivery]:
    return [
        Delivery(delivery_id=f"e{n}", source=HQ, type="t", ids={}, occurred_at=NOON, received_at=NOON)
        for n in range(first, first + count)
    ]


@pytest.mark.parametrize("task", [None, "17"])
def test_it_comes_back_from_the_inbox_as_it_was(task: str | None) -> None:
    inbox = TableInbox(table=SqliteTable(":memory:"))
    owed = replace(Owed.to(deliveries(3), at(60)), failures=2, task=task)
    inbox.store(owed.row(HQ, NOON))
    (row,) = inbox.waiting(HQ)
    assert Owed.of(row) == owed


def test_of_a_storm_the_first_ids_are_kept_and_all_are_counted() -> None:
    owed = joined([Owed.to(deliveries(400), at(9)), Owed.to(deliveries(400, first=400), at(3))])
    assert (len(owed.deliveries), owed.count) == (MOST_DELIVERIES, 800)
    assert owed.deliveries[-1] == f"e{MOST_DELIVERIES - 1}"
    assert owed.not_before == at(3)


def test_every_failure_waits_longer_than_the_one_before_up_to_a_bound() -> None:
    owed, pauses = Owed.to(deliveries(1), NOON), []
    for _ in range(6):
        owed = replace(owed, task="17").failed(NOON)
        pauses.append(owed.not_before - NOON)
    assert pauses == [*AFTER_FAILURE, AFTER_FAILURE[-1], AFTER_FAILURE[-1]]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(hours=6)
    assert owed.task is None
