"""What is late is told as numbers, and what is well not at all."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest

from chalicelib import log, wiring
from chalicelib.callbacks.owed import OWED
from chalicelib.callbacks.watch import Watch
from chalicelib.core.errors import SourceDeniedError
from chalicelib.core.message import Delivery
from chalicelib.core.principal import TERMINAL
from chalicelib.core.task import TaskStatus
from chalicelib.sources.calendar import next_due
from tests.bot.test_sync import a_house_with_leavers
from tests.scripted import House, a_company


@pytest.fixture
def house() -> Iterator[House]:
    house = House(a_company(people=4, departments=2))
    yield house
    wiring.use(None)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure("WARNING", stream, stage="dev")
    yield stream
    log.configure("ERROR")


def watch(house: House) -> Watch:
    out = house.outside
    return Watch(catalog=out.catalog, tasks=out.tasks, inbox=out.inbox, clock=out.clock, next_due=next_due)


def refused(number: int) -> None:
    raise SourceDeniedError("credentials refused", handle="hq")


def look(house: House) -> dict[str, float]:
    source = house.outside.catalog.source("hq")
    return dict(watch(house).look(source, house.clock.now()))


def a_night(house: House) -> None:
    house.pass_time(hours=24)
    house.requests.tick()
    house.work()


def test_a_source_that_is_synced_is_not_behind(house: House) -> None:
    assert look(house) == {}
    for _ in range(3):
        a_night(house)
        assert look(house) == {}


def test_each_night_without_a_good_sync_is_counted(house: House) -> None:
    a_night(house)
    house.connectors.before_call = refused
    missed = []
    for _ in range(3):
        a_night(house)
        missed.append(look(house).get("SyncsMissed"))
    assert missed == [1, 2, 3]
    house.connectors.before_call = lambda number: None
    a_night(house)
    assert look(house) == {}


def test_a_sync_that_is_under_way_is_not_missed_yet(house: House) -> None:
    a_night(house)
    house.pass_time(hours=24)
    house.requests.tick()
    assert look(house) == {}
    for _ in range(2):  # nobody works, and the next ones join it
        house.pass_time(hours=24)
        house.requests.tick()
    assert look(house)["SyncsMissed"] == 2


def test_a_source_that_is_not_synced_by_itself_misses_nothing(house: House) -> None:
    house.connectors.before_call = refused
    for _ in range(3):
        a_night(house)
    assert look(house)["SyncsMissed"] == 3
    wiring.rooms().sources.auto(TERMINAL, "hq", on=False)
    assert look(house) == {}


def test_what_is_held_is_told_by_the_hour() -> None:
    house = a_house_with_leavers()
    held = house.sync()
    assert held.status is TaskStatus.HELD
    assert look(house) == {}
    house.pass_time(hours=5)
    assert look(house) == {"HeldHours": 5.0}
    wiring.use(None)


def test_what_was_pushed_and_is_not_worked_off_is_told_but_not_what_waits_for_a_full_sync(house: House) -> None:
    now = house.clock.now()
    for name, kind in (("e1", "user_leave"), ("e2", OWED)):
        house.outside.inbox.store(
            Delivery(delivery_id=name, source=house.source.uid, type=kind, ids={}, occurred_at=now, received_at=now)
        )
        house.pass_time(minutes=10)
    assert look(house) == {"OldestDeliverySeconds": 1200}


def test_the_log_carries_it_every_five_minutes(house: House, written: io.StringIO) -> None:
    house.connectors.before_call = refused
    a_night(house)
    written.truncate(0)
    written.seek(0)
    for _ in range(10):
        watch(house).tick()
        house.pass_time(minutes=1)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(line["event"], line["source"], line["SyncsMissed"], line["Stage"]) for line in lines] == [
        ("fell behind", "hq", 1, "dev")
    ] * 2
