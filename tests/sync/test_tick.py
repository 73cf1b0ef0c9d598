"""What a tick reads, and what it makes good: rings that were lost, workers that died."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from chalicelib import wiring
from chalicelib.core.model import Key, Kind
from chalicelib.core.ports import Catalog
from chalicelib.core.principal import TERMINAL
from chalicelib.core.source import Schedule, Turn, due_at
from chalicelib.core.task import Claim, Only, Trigger
from tests.builders import NOON
from tests.scripted import House, a_company
from tests.store import costs

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def a_small_house() -> House:
    return House(a_company(people=3, departments=1))


# --- what it costs


def test_a_quiet_tick_asks_little_and_reads_nothing_but_whose_turn_it_is() -> None:
    assert costs.quiet_ticks() == {
        1: costs.Tick(queries=12, items_read=4, read_units=12),
        5: costs.Tick(queries=44, items_read=20, read_units=44),
    }


def test_the_source_is_read_when_its_turn_has_come_and_not_before() -> None:
    house = a_small_house()
    reads: list[str] = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(house.outside.catalog, name)

        def source(self, handle_or_uid: str) -> object:
            reads.append(handle_or_uid)
            return house.outside.catalog.source(handle_or_uid)

    requests = replace(house.requests, catalog=cast("Catalog", Watched()))  # it is one, but for one method
    at = due_at(house.outside.catalog.source("hq"))
    assert at is not None
    house.clock.sleep((at - MINUTE - house.clock.now()).total_seconds())
    requests.tick()
    assert reads == []
    house.clock.sleep(60)
    requests.tick()
    assert reads
    assert [task.trigger for task in house.tasks.waiting(house.source.uid)] == [Trigger.SCHEDULE]


# --- what was lost


def test_a_source_that_is_deleted_between_look_and_read_is_let_be() -> None:
    house = a_small_house()

    class Gone:
        def turns(self, now: object) -> list[Turn]:
            return [Turn(uid="src-gone", due_at=NOON)]

        def __getattr__(self, name: str) -> Any:
            return getattr(house.outside.catalog, name)

    gone = cast("Catalog", Gone())  # it is one, but for one method
    replace(house.requests, catalog=gone).tick()
    replace(wiring.deliverer(), catalog=gone).tick()
    replace(wiring.converser(), catalog=gone).tick()
    assert house.tasks.recent(None, 10) == []


def test_a_task_whose_ring_was_lost_is_rung_for_until_somebody_works_on_it() -> None:
    house = a_small_house()
    house.requests.sync_now(TERMINAL, "hq")
    house.bell.rung.clear()  # nobody heard it
    for _ in range(3):
        house.clock.sleep(60)
        house.requests.tick()
    assert house.bell.rung == [(house.source.uid, 0)] * 3
    house.work()
    house.bell.rung.clear()
    house.requests.tick()
    assert house.bell.rung == []


def test_a_task_whose_worker_died_is_put_back_when_its_lease_has_run_out() -> None:
    house = a_small_house()
    task = house.requests.sync_now(TERMINAL, "hq").task
    fence = house.tasks.take(house.source.uid, "dead", house.clock.now(), timedelta(seconds=20))
    assert fence is not None
    house.bell.rung.clear()
    house.requests.tick()
    assert house.bell.rung == []  # its lease holds: it may be alive
    house.clock.sleep(20)
    house.requests.tick()
    assert house.bell.rung == [(house.source.uid, 0)]
    house.work()
    assert house.tasks.get(task.task_id).status.is_over


def test_what_an_event_asked_for_is_put_back_the_same_way() -> None:
    house = a_small_house()
    key = Key(house.source.uid, Kind.EMPLOYEE, "p1")
    house.requests.reported(house.source, Only(keys=(key,)), ("d1",))
    wiring.deliverer().tick()
    assert house.delivery_bell.rung == [(house.source.uid, 0)]
    assert house.bell.rung == []


def test_a_look_that_is_due_is_rung_for() -> None:
    house = a_small_house()
    claim = Claim(key=Key(house.source.uid, Kind.EMPLOYEE, "p1"), at=house.clock.now())
    house.tasks.look_again(house.source.uid, [(house.clock.now() + 10 * MINUTE, claim)])
    wiring.deliverer().tick()
    assert house.delivery_bell.rung == []
    house.clock.sleep(600)
    wiring.deliverer().tick()
    assert house.delivery_bell.rung == [(house.source.uid, 0)]


def test_after_a_week_of_downtime_one_run_makes_up_for_all() -> None:
    for schedule in (Schedule(cycle=HOUR), Schedule(cron="0 * * * *"), Schedule(cron="30 3 * * *")):
        house = a_small_house()
        sources = wiring.rooms().sources
        if schedule.cron:
            sources.schedule(TERMINAL, "hq", cron=schedule.cron)
        else:
            sources.schedule(TERMINAL, "hq", every=schedule.cycle)
        house.pass_time(days=7)
        for _ in range(3):
            house.requests.tick()
            house.work()
        assert len(house.tasks.recent(house.source.uid, 50)) == 1
