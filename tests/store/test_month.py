from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.core import cost
from chalicelib.core.budget import Cause, Spent, month_of
from chalicelib.core.budget import Usage as Spending
from chalicelib.core.cost import Charge, Usage
from chalicelib.core.principal import TERMINAL, Role
from infra.bill import Bill
from tests.store import month
from tests.store.costs import Counted, lark_like

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def usages() -> Mapping[int, Usage]:
    return month.usages()


def test_the_page_tells_what_a_month_costs_and_how_that_is_counted(usages: Mapping[int, Usage]) -> None:
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    for line in (*month.lines(usages), *month.counting(usages)):
        assert line in page


def test_a_company_of_a_thousand_stays_under_a_dollar(usages: Mapping[int, Usage]) -> None:
    assert cost.total(usages[1000], free=True) < 1


def test_what_is_priced_is_what_is_deployed() -> None:
    merged = json.loads((ROOT / "infra" / "aws" / "merge.json").read_text(encoding="utf-8"))["Resources"]
    config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    memory = {name: each["lambda_memory_size"] for name, each in config["lambda_functions"].items()}
    assert memory == cost.MEMORY_MB
    mappings = [
        mapping for each in merged.values() for mapping in each.get("Properties", {}).get("Events", {}).values()
    ]
    limited = [each for each in mappings if "MaximumConcurrency" in each["Properties"].get("ScalingConfig", {})]
    waking = [name for name in merged if name.endswith("Queue")]
    deployed = cost.Standing(
        queues=len(waking),
        limited=len(limited),
        alarms=_count(merged, "AWS::CloudWatch::Alarm"),
        dashboards=len(list((ROOT / "infra" / "aws").glob("dashboard*.json"))),
    )
    assert deployed == cost.DEPLOYED


def _count(resources: Mapping[str, Any], type_: str) -> int:
    return sum(each.get("Type") == type_ for each in resources.values())


@pytest.mark.parametrize("people", [200, 1000])
def test_what_status_estimates_is_near_to_what_is_counted(people: int) -> None:
    counted = Counted(lark_like(people))
    house = counted.house
    wiring.rooms().admins.add(TERMINAL, "hq", "ann", Role.OWNER)

    def all_of(*works: Callable[[], object]) -> Bill:
        bill = Bill()
        for work in works:
            bill = bill.plus(counted.bill(work))
        return bill

    def spent() -> Spent:
        return house.outside.meter.month(house.source.uid, month_of(house.clock.now()))

    def near(bill: Bill, estimated: Usage) -> None:
        assert estimated[Charge.READ_UNITS] == pytest.approx(bill.read_units, rel=0.25)
        assert estimated[Charge.WRITE_UNITS] == pytest.approx(bill.write_units, rel=0.25)

    first = all_of(counted.sync, counted.tell)
    near(first, cost.of_tasks(Cause.REQUEST, spent()[Cause.REQUEST]))
    again = all_of(counted.sync, counted.tell, counted.sync, counted.tell)
    near(first.plus(again), cost.of_tasks(Cause.REQUEST, spent()[Cause.REQUEST]))
    unchanged = counted.bill(counted.sync).plus(counted.bill(counted.tell))
    usage = spent()[Cause.REQUEST]
    near(unchanged, cost.of_tasks(Cause.REQUEST, replace(usage, tasks=1, keys=usage.keys // 4, written=0)))
    event = all_of(counted.event, counted.tell, counted.event, counted.tell)
    near(event, cost.of_tasks(Cause.EVENT, spent()[Cause.EVENT]))
    command = counted.bill(counted.command)
    near(command, cost.of_tasks(Cause.TALK, spent()[Cause.TALK]))


def test_the_estimate_of_a_whole_month_is_near_to_its_bill(usages: Mapping[int, Usage]) -> None:
    """What the page computes of counted operations, and what `status` says of the tasks of such a month."""
    people, days = 1000, month.DAYS
    events, talk = month.EVENTS_PER_1000 * days, month.COMMANDS * days
    keys = people + people // 20
    spent = {
        Cause.SCHEDULE: Spending(tasks=days, keys=days * keys, seconds=days * 4),
        Cause.EVENT: Spending(tasks=events, keys=events, written=events, seconds=events),
        Cause.TALK: Spending(tasks=talk),
    }
    estimated = cost.month([spent], hours=cost.HOURS)
    assert cost.total(estimated, free=True) == pytest.approx(cost.total(usages[people], free=True), rel=0.1)
