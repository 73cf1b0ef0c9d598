"""What came to a door is one row a kind, and not one write more than need be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.core.ports import Door
from chalicelib.local.table import SqliteTable
from chalicelib.store.doors import TableDoors
from tests.builders import NOON
from tests.callbacks.scene import Counting


@pytest.fixture
def table() -> Counting:
    return Counting(SqliteTable(":memory:"))


def test_each_door_has_its_own_times(table: Counting) -> None:
    doors = TableDoors(table=table)
    doors.checked("s1", "events", NOON)
    doors.seen("s1", "events", NOON + timedelta(minutes=1))
    doors.refused("s1", "cards", NOON + timedelta(minutes=2))
    doors.checked("s2", "events", NOON)
    assert doors.of("s1") == {
        "events": Door(checked_at=NOON, seen_at=NOON + timedelta(minutes=1)),
        "cards": Door(refused_at=NOON + timedelta(minutes=2)),
    }
    assert doors.of("s3") == {}


def test_what_is_seen_is_noted_once_a_minute_and_what_is_refused_once_in_ten(table: Counting) -> None:
    doors = TableDoors(table=table)
    for second in range(0, 1200, 10):
        doors.seen("s1", "events", NOON + timedelta(seconds=second))
    assert table.asked["write"] == 20
    table.asked.clear()
    for second in range(0, 1200, 10):
        doors.refused("s1", "events", NOON + timedelta(seconds=second))
    assert table.asked["write"] == 2


def test_an_earlier_time_does_not_replace_a_later_one(table: Counting) -> None:
    doors = TableDoors(table=table)
    doors.seen("s1", "events", NOON)
    doors.seen("s1", "events", NOON - timedelta(hours=1))
    assert doors.of("s1")["events"].seen_at == NOON
