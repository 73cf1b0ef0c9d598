from __future__ import annotations

import pytest

from chalicelib.core import cost
from chalicelib.core.budget import Cause, Usage
from chalicelib.core.cost import Charge


def test_what_is_free_is_left_out_once() -> None:
    used = {Charge.ALARMS: 13.0, Charge.SECRETS: 2.0, Charge.DASHBOARDS: 1.0}
    assert cost.total(used, free=False) == pytest.approx(1.3 + 0.8 + 3.0)
    assert cost.total(used, free=True) == pytest.approx(0.3 + 0.8)
    twice = cost.plus(used, cost.times(used, 1))
    assert cost.total(twice, free=True) == pytest.approx(1.6 + 1.6)
    assert sum(cost.by_service(used, free=True).values()) == pytest.approx(cost.total(used, free=True))


def test_every_charge_has_a_price_and_stands_on_the_bill_once() -> None:
    assert set(cost.PRICES) == set(Charge)
    assert sorted(each for charges in cost.SERVICES.values() for each in charges) == sorted(Charge)


def test_a_small_function_takes_longer_and_holds_less() -> None:
    small, large = cost.ran(512, requests=12), cost.ran(1769, requests=12)
    assert small[Charge.GB_SECONDS] < large[Charge.GB_SECONDS]
    assert small[Charge.GB_SECONDS] / 512 > large[Charge.GB_SECONDS] / 1769


def test_queues_are_asked_by_five_pollers_where_they_are_limited_and_else_by_two() -> None:
    asked = [
        cost.Standing(queues=3, limited=limited, alarms=0, dashboards=0).usage(1.0)[Charge.QUEUE_REQUESTS]
        for limited in (0, 1, 3)
    ]
    assert asked == [6 * 180, 9 * 180, 15 * 180]


@pytest.mark.parametrize("cause", list(Cause))
def test_each_cause_asks_for_something_and_more_for_what_it_writes(cause: Cause) -> None:
    once, twice = (cost.of_tasks(cause, Usage(tasks=tasks)) for tasks in (1, 2))
    assert twice == pytest.approx(cost.times(once, 2))
    assert once[Charge.INVOCATIONS] >= 2
    wrote = cost.of_tasks(cause, Usage(tasks=1, written=10))
    assert wrote[Charge.WRITE_UNITS] > once[Charge.WRITE_UNITS]
    longer = cost.of_tasks(cause, Usage(tasks=1, seconds=60))
    assert longer[Charge.GB_SECONDS] > once[Charge.GB_SECONDS] + 59


def test_a_month_goes_on_as_it_began_but_for_what_was_asked_for_once() -> None:
    def writes(pace: float, **spent: Usage) -> float:
        month = cost.month([{Cause(name): each for name, each in spent.items()}], hours=700, pace=pace)
        return month[Charge.WRITE_UNITS]

    once = Usage(tasks=1, keys=100, written=100)
    assert writes(10, request=once) == writes(1, request=once)
    assert writes(10, event=Usage(tasks=1)) == pytest.approx(10 * writes(1, event=Usage(tasks=1)))
    first = writes(10, schedule=once) - writes(1, schedule=once)
    assert first == pytest.approx(9 * writes(1, schedule=Usage(tasks=1, keys=100)))


def test_a_month_without_sources_costs_what_stands() -> None:
    month = cost.month([], hours=cost.HOURS)
    assert month[Charge.ALARMS] == cost.DEPLOYED.alarms
    assert Charge.SECRETS not in month
    assert Charge.WRITE_UNITS not in month
