from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.budget import (
    ALL,
    NEARLY,
    Cause,
    Forecast,
    Spent,
    Tariff,
    Usage,
    cause_of,
    forecast,
    level,
    month_before,
    month_begins,
    month_ends,
    month_of,
)
from chalicelib.core.task import Trigger

MID = datetime(2026, 11, 16, tzinfo=UTC)  # half of November is over
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def told(
    spent: Spent, before: Spent | None = None, *, runs: int = 0, tariff: Tariff | None = None, budget: int = 0
) -> Forecast:
    return forecast(
        MID,
        spent=spent,
        before=before or {},
        since=LONG_AGO,
        runs_left=runs,
        tariff=tariff or Tariff(),
        budget=budget,
    )


def usage(calls: int, tasks: int = 1) -> Usage:
    return Usage(calls={"users.list": calls}, tasks=tasks)


def test_what_is_left_of_the_schedule_costs_what_it_cost_so_far() -> None:
    seen = told({Cause.SCHEDULE: usage(1500, 15)}, runs=15)
    assert (seen.used, seen.per_run, seen.expected) == (1500, 100, 3000)


def test_the_month_before_tells_what_a_sync_costs_while_there_was_none_in_this() -> None:
    seen = told({}, {Cause.SCHEDULE: usage(3000, 30)}, runs=10)
    assert (seen.used, seen.expected) == (0, 1000)


def test_a_sync_that_was_asked_for_tells_what_one_by_schedule_will_cost() -> None:
    seen = told({Cause.REQUEST: usage(200)}, runs=2)
    assert seen.per_run == 200
    assert seen.expected == 200 + 2 * 200 + 200  # and as many again are asked for in the second half


def test_what_is_on_no_schedule_goes_on_as_it_did() -> None:
    seen = told({Cause.EVENT: usage(150), Cause.TALK: usage(150)})
    assert (seen.used, seen.per_day, seen.expected) == (300, 20, 600)


def test_the_first_days_of_a_source_are_full_of_trials() -> None:
    new = forecast(
        MID,
        spent={Cause.TALK: usage(70)},
        before={},
        since=MID - timedelta(hours=1),
        runs_left=0,
        tariff=Tariff(),
        budget=0,
    )
    assert (new.per_day, new.expected) == (10, 70 + 150)


def test_only_what_the_vendor_counts_is_counted() -> None:
    tariff = Tariff(counted=("robot.one", "cards."))
    calls = Usage(calls={"users.list": 9000, "robot.one": 5, "cards.update": 7, "robot.session": 3}, tasks=1)
    assert told({Cause.TALK: calls}, tariff=tariff).used == 12
    assert not tariff.counts_all
    assert Tariff().counts_all


@pytest.mark.parametrize(
    ("used", "budget", "passed"), [(0, 100, 0), (79, 100, 0), (80, 100, NEARLY), (99, 100, NEARLY), (100, 100, ALL)]
)
def test_people_are_told_at_eighty_and_at_a_hundred(used: int, budget: int, passed: int) -> None:
    assert level(used, budget) == passed
    assert level(used, 0) == 0


def test_a_budget_is_short_when_the_month_wants_more() -> None:
    spent = {Cause.SCHEDULE: usage(1500, 15)}
    assert told(spent, runs=15, budget=2999).is_short
    assert not told(spent, runs=15, budget=3000).is_short
    assert not told(spent, runs=15).is_short


def test_every_task_has_a_cause() -> None:
    assert {cause_of(trigger) for trigger in Trigger} == {Cause.SCHEDULE, Cause.REQUEST, Cause.EVENT}


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)))  # noqa: DTZ001
def test_months_follow_each_other(at: datetime) -> None:
    assert month_begins(at) <= at < month_ends(at)
    assert month_ends(at) == month_begins(month_ends(at))
    assert month_ends(month_before(at)) == month_begins(at)
    assert month_of(month_before(at)) < month_of(at) == month_of(month_begins(at)) < month_of(month_ends(at))
