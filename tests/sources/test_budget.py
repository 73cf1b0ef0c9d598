"""What a source may cost in calls: set, counted, forecast."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib import wiring
from chalicelib.core.budget import MOST_CALLS, Cause, month_ends
from chalicelib.core.errors import ForbiddenError, MalformedError, StoreConflictError
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.source import Schedule
from chalicelib.sources.budget import Budgets, runs_left
from chalicelib.sources.calendar import next_due
from chalicelib.sources.counted import CountedConnectors
from tests.builders import NOON, a_source
from tests.scripted import House, a_company

HOUR = timedelta(hours=1)


@pytest.fixture
def house() -> House:
    return House(a_company(people=3, departments=1))


@pytest.fixture
def budgets(house: House) -> Budgets:
    return wiring.rooms().budgets


def scheduled(house: House) -> None:
    """Let the next run of the schedule come and go."""
    house.pass_time(hours=24)
    house.requests.tick()
    house.work()


def test_a_budget_is_set_shown_and_taken_off(house: House, budgets: Budgets) -> None:
    assert budgets.set(TERMINAL, "hq", 10_000).source.budget == 10_000
    assert not budgets.set(TERMINAL, "hq", 10_000).changed
    assert house.outside.catalog.source("hq").budget == 10_000
    house.pass_time(minutes=1)
    assert budgets.set(TERMINAL, "hq", 0).source.budget == 0
    assert (house.audit()[0].verb, house.audit()[0].source) == ("budget", house.source.uid)


def test_a_budget_leaves_the_schedule_as_it_is(house: House, budgets: Budgets) -> None:
    before = house.outside.catalog.source("hq").next_due_at
    house.pass_time(hours=1)
    assert budgets.set(TERMINAL, "hq", 10_000).source.next_due_at == before


@pytest.mark.parametrize("calls", [-1, MOST_CALLS + 1])
def test_a_budget_has_its_rule(budgets: Budgets, calls: int) -> None:
    with pytest.raises(MalformedError, match="budget breaks its rule"):
        budgets.set(TERMINAL, "hq", calls)


def test_only_owners_set_it(budgets: Budgets) -> None:
    with pytest.raises(ForbiddenError):
        budgets.set(Principal(key="ou_1", role=Role.OPERATOR, door="src"), "hq", 1)


def test_the_calls_of_syncs_and_of_all_else_are_counted_once(house: House, budgets: Budgets) -> None:
    scheduled(house)
    task = house.sync()
    seen = budgets.forecast(house.outside.catalog.source("hq"))
    per_sync = sum(task.calls.values())
    assert per_sync > 0
    assert seen.by_cause == {Cause.SCHEDULE: per_sync, Cause.REQUEST: per_sync}
    wiring.rooms().sources.test(TERMINAL, "hq")
    assert budgets.forecast(house.outside.catalog.source("hq")).by_cause[Cause.TALK] > 0


def test_a_sync_that_goes_in_slices_counts_what_all_of_them_called(house: House, budgets: Budgets) -> None:
    asked = house.requests.sync_now(TERMINAL, "hq").task
    left = iter([100.0] * 3)
    house.work(deadline=lambda: next(left, 0.0) or next(left, 1e9))
    calls = sum(house.tasks.get(asked.task_id).calls.values())
    assert budgets.forecast(house.outside.catalog.source("hq")).used == calls


def test_the_forecast_is_what_the_schedule_has_left(house: House, budgets: Budgets) -> None:
    wiring.rooms().sources.schedule(TERMINAL, "hq", cron="30 3 * * *")
    for _ in range(3):
        scheduled(house)
    seen = budgets.forecast(house.outside.catalog.source("hq"))
    assert seen.used == 3 * seen.per_run
    assert seen.runs_left == 5  # of 26 to 30 November
    assert seen.expected == 8 * seen.per_run


@pytest.mark.parametrize(
    ("schedule", "left"),
    [
        (Schedule(cron="30 3 * * *"), 8),
        (Schedule(cron="0 0 * * *", zone="Asia/Shanghai"), 9),
        (Schedule(cron="15 * * * *"), 8 * 24 + 12),
        (Schedule(cron="0 0 1 1 *"), 0),
        (Schedule(cycle=24 * HOUR), 8),
        (Schedule(cycle=HOUR), 8 * 24 + 12),
        (Schedule(automatic=False), 0),
    ],
)
def test_runs_are_counted_to_the_end_of_the_month(schedule: Schedule, left: int) -> None:
    source = replace(a_source(), schedule=schedule)
    first = next_due(source, NOON) if schedule.cron else NOON + HOUR / 2 if schedule.cycle == HOUR else NOON + 24 * HOUR
    assert runs_left(replace(source, next_due_at=first), NOON, month_ends(NOON)) == left
    assert runs_left(replace(source, next_due_at=first, enabled=False), NOON, month_ends(NOON)) == 0


def test_a_run_that_is_overdue_counts_as_one() -> None:
    source = replace(a_source(), schedule=Schedule(cycle=HOUR), next_due_at=NOON - 100 * HOUR)
    assert runs_left(source, NOON, NOON + 90 * timedelta(minutes=1)) == 2


def test_a_count_that_the_store_does_not_take_stops_nobody(house: House) -> None:
    class Busy:
        def add(self, *_: object) -> None:
            raise StoreConflictError("store is busy")

    counted = CountedConnectors(connectors=house.connectors, meter=Busy(), clock=house.clock)  # type: ignore[arg-type]  # all it asks
    connector = counted.open(house.source)
    list(connector.examine())
    connector.close()


def test_a_month_begins_with_nothing_used(house: House, budgets: Budgets) -> None:
    scheduled(house)
    house.clock.sleep((datetime(2026, 12, 1, 0, 1, tzinfo=UTC) - house.clock.now()).total_seconds())
    seen = budgets.forecast(house.outside.catalog.source("hq"))
    assert seen.used == 0
    assert seen.per_run > 0
    assert seen.expected > 28 * seen.per_run
