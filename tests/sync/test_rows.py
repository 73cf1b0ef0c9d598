"""What a run does not ask the table for: rows that it knows by name, and what only an earlier slice can have staged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from chalicelib.core.ports import Item, Page
from chalicelib.core.principal import TERMINAL
from chalicelib.core.task import Phase, RowStatus, TaskStatus
from chalicelib.local.table import SqliteTable
from chalicelib.sync.plan import FEW_ROWS
from infra.bill import CountingTable
from tests.scripted import House, a_company


class Asked(CountingTable):
    """Counts the queries by what their partition is for."""

    def __init__(self) -> None:
        super().__init__(SqliteTable(":memory:"))
        self.queries: Counter[str] = Counter()
        self.gets: Counter[str] = Counter()

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        backward: bool = False,
        limit: int | None = None,
    ) -> Page:
        self.queries[partition.split("#")[0]] += 1
        return super().query(partition, prefix=prefix, after=after, backward=backward, limit=limit)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        self.gets.update({partition.split("#")[0] for partition, _ in keys})
        return super().get_many(keys)


def a_synced_house(people: int = 100) -> tuple[House, Asked]:
    table = Asked()
    house = House(a_company(people=people), table=table)
    house.sync()
    table.queries.clear()
    table.gets.clear()
    return house, table


def rename(house: House, count: int) -> None:
    for each in list(house.company.people)[:count]:
        house.company.people[each]["name"] = f"{each} again"


def test_a_plan_without_rows_is_not_looked_for() -> None:
    house, table = a_synced_house()
    task = house.sync()
    assert task.plan_keys == ()
    assert (table.queries["plan"], table.gets["plan"]) == (0, 0)


def test_few_rows_are_read_by_their_keys() -> None:
    house, table = a_synced_house()
    rename(house, FEW_ROWS)
    task = house.sync()
    assert table.queries["plan"] == 0
    assert table.gets["plan"] > 0
    assert task.plan_keys == tuple(sorted(row.key for row in house.rows(task)))
    assert task.entry_writes == FEW_ROWS


def test_many_rows_are_asked_for() -> None:
    house, table = a_synced_house()
    rename(house, FEW_ROWS + 1)
    task = house.sync()
    assert task.plan_keys is None
    assert table.queries["plan"] > 0
    assert task.entry_writes == FEW_ROWS + 1


def test_what_a_killed_slice_planned_and_is_not_true_any_more_is_in_no_plan() -> None:
    house, _ = a_synced_house()
    rename(house, 3)
    asked = house.requests.sync_now(TERMINAL, "hq").task
    # As a worker leaves it that died after it had planned, and before it said so.
    fence = house.tasks.take(house.source.uid, "dead", house.clock.now(), house.runner.lease_ttl)
    assert fence is not None
    house.tasks.save(replace(asked, status=TaskStatus.RUNNING, slices=1, attempts=1), fence)
    wrong = [replace(row, task=asked.task_id, status=RowStatus.PLANNED) for row in house.rows(house.tasks.get("1"))]
    house.tasks.put_rows(wrong[-2:], fence)
    house.tasks.release(fence)
    house.work()
    task = house.tasks.get(asked.task_id)
    assert (task.status, task.phase, task.entry_writes) == (TaskStatus.DONE, Phase.SETTLE, 3)
    assert task.plan_keys == tuple(sorted(row.key for row in house.rows(task)))
    assert len(task.plan_keys) == 3


def test_a_slice_that_goes_on_finds_what_the_one_before_had_staged() -> None:
    house, table = a_synced_house()
    house.requests.sync_now(TERMINAL, "hq")
    house.connectors.opened.clear()
    looks = iter([100.0, 100.0, 0.0])
    house.work(deadline=lambda: next(looks, 100.0))
    calls = sum((each.calls for each in house.connectors.opened), Counter())
    assert len(house.connectors.opened) == 2
    assert max(calls.values()) <= len(house.company.departments) + 1
    assert table.queries["stage"] >= 2


def test_the_first_slice_does_not_look_for_what_nobody_has_staged() -> None:
    house, table = a_synced_house()
    house.sync()
    # But for the heads of the snapshot before, which it clears.
    assert table.queries["stage"] == 1
