"""What the store does when somebody else writes between its look and its write, and when a write ends halfway."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.core.errors import ConflictError, ContractError, StoreConflictError
from chalicelib.core.ports import Delete, Item, Page, Put, Table, Write
from chalicelib.core.task import Fence, Only, Outcome, RowStatus, TaskStatus
from chalicelib.local.clock import ManualClock
from chalicelib.local.table import Chaos, SqliteTable
from chalicelib.store import keys
from chalicelib.store.catalog import TableCatalog
from chalicelib.store.directory import TableDirectory
from chalicelib.store.tasks import TableTasks
from tests.builders import (
    HQ,
    NOON,
    a_link,
    a_part,
    a_record,
    a_source,
    a_task,
    an_employee_key,
    an_employee_row,
    at,
)

MINUTE = timedelta(minutes=1)
ANN = an_employee_key("ann")


class RivalTable:
    """A Table that lets a rival act once, just before the next transaction."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.rival: Callable[[], object] | None = None
        self.dies_after: int | None = None

    def get(self, partition: str, sort: str) -> Item | None:
        return self._table.get(partition, sort)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Item]:
        return self._table.get_many(keys)

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        backward: bool = False,
        limit: int | None = None,
    ) -> Page:
        return self._table.query(partition, prefix=prefix, after=after, backward=backward, limit=limit)

    def write(self, writes: Sequence[Write]) -> None:
        rival, self.rival = self.rival, None
        if rival is not None:
            rival()
        self._table.write(writes)

    def write_many(self, writes: Iterable[Put | Delete]) -> None:
        kept = list(writes)
        if self.dies_after is not None:
            self._table.write_many(kept[: self.dies_after])
            raise KeyboardInterrupt
        self._table.write_many(kept)


@pytest.fixture
def plain() -> SqliteTable:
    return SqliteTable(":memory:")


@pytest.fixture
def table(plain: SqliteTable) -> RivalTable:
    return RivalTable(plain)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def ours(table: RivalTable, clock: ManualClock) -> TableTasks:
    return TableTasks(table=table, clock=clock)


@pytest.fixture
def theirs(plain: SqliteTable, clock: ManualClock) -> TableTasks:
    return TableTasks(table=plain, clock=clock)


@pytest.fixture
def fence(theirs: TableTasks) -> Fence:
    fence = theirs.take(HQ, "runner-1", NOON, MINUTE)
    assert fence is not None
    return fence


def test_of_two_that_ask_for_everything_one_joins(table: RivalTable, ours: TableTasks, theirs: TableTasks) -> None:
    table.rival = lambda: theirs.ask(a_task())
    task, new = ours.ask(a_task(), once="ours")
    assert (task.task_id, new) == ("1", False)
    assert ours.ask(a_task(), once="ours")[0].task_id == "1"


def test_two_that_ask_at_once_get_two_ids(table: RivalTable, ours: TableTasks, theirs: TableTasks) -> None:
    draft = a_task(extent=Only(keys=(ANN,)))
    table.rival = lambda: theirs.ask(draft)
    assert ours.ask(draft)[0].task_id == "2"


def test_of_two_that_hear_one_event_one_makes_the_task(table: RivalTable, ours: TableTasks, theirs: TableTasks) -> None:
    draft = a_task(extent=Only(keys=(ANN,)))
    table.rival = lambda: theirs.ask(draft, once="event-1")
    task, new = ours.ask(draft, once="event-1")
    assert (task.task_id, new) == ("1", False)


def test_a_full_task_that_ends_while_it_is_joined_is_not_joined(
    table: RivalTable, ours: TableTasks, theirs: TableTasks, fence: Fence
) -> None:
    first, _ = theirs.ask(a_task())
    table.rival = lambda: theirs.end(replace(first, status=TaskStatus.DONE), fence)
    second, new = ours.ask(a_task(), once="ours")
    assert (second.task_id, new) == ("2", True)


def test_many_askers_get_ids_without_gaps(tmp_path: Path, clock: ManualClock) -> None:
    table = SqliteTable(str(tmp_path / "rollcall.db"))
    tasks = TableTasks(table=table, clock=clock)
    draft = a_task(extent=Only(keys=()))
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda _: tasks.ask(draft)[0].task_id, range(40)))
    assert sorted(map(int, asked)) == list(range(1, 41))
    table.close()


def test_of_two_that_add_a_source_the_rules_let_one_pass(table: RivalTable, plain: SqliteTable) -> None:
    for handle in "abcd":
        TableCatalog(table=plain).add(a_source(handle))
    table.rival = lambda: TableCatalog(table=plain).add(a_source("e"))
    with pytest.raises(ConflictError):
        TableCatalog(table=table).add(a_source("f"))
    assert [source.handle for source in TableCatalog(table=table).sources()] == list("abcde")


def test_two_sources_that_both_fit_are_both_added(table: RivalTable, plain: SqliteTable) -> None:
    table.rival = lambda: TableCatalog(table=plain).add(a_source("a"))
    TableCatalog(table=table).add(a_source("b"))
    assert len(TableCatalog(table=table).sources()) == 2


def test_a_read_that_a_rival_completed_later_is_kept(
    table: RivalTable, ours: TableTasks, theirs: TableTasks, fence: Fence
) -> None:
    mine, _ = theirs.ask(a_task(extent=Only(keys=())))
    other, _ = theirs.ask(a_task(extent=Only(keys=())))
    done = replace(other, status=TaskStatus.DONE)
    table.rival = lambda: theirs.end(done, fence, read_began_at=at(20))
    ours.end(replace(mine, status=TaskStatus.DONE), fence, read_began_at=at(10))
    assert ours.read_through(HQ) == at(20)
    assert ours.waiting(HQ) == []


def test_a_link_that_a_rival_wrote_meanwhile_is_left(table: RivalTable, plain: SqliteTable, fence: Fence) -> None:
    newer = a_link(observed_at=at(5), digest="newer")
    table.rival = lambda: TableDirectory(table=plain).relink(fence, [newer])
    other = a_link(an_employee_key("ben"))
    TableDirectory(table=table).relink(fence, [a_link(digest="older"), other])
    assert set(TableDirectory(table=plain).links(HQ)) == {newer, other}


def test_a_runner_that_lost_its_lease_between_transactions_stops(
    table: RivalTable, theirs: TableTasks, fence: Fence
) -> None:
    rows = [an_employee_row(f"e{n}") for n in range(5)]
    theirs.put_rows(rows, fence)
    table.rival = lambda: theirs.take(HQ, "runner-2", at(60), MINUTE)
    with pytest.raises(StoreConflictError, match="lease is lost"):
        TableDirectory(table=table).apply(fence, rows)
    assert all(row.status is RowStatus.PLANNED for row in theirs.rows("1"))


def test_a_row_of_a_pack_that_a_rival_overtook_does_not_stop_the_others(
    table: RivalTable, plain: SqliteTable, theirs: TableTasks, fence: Fence
) -> None:
    rows = [an_employee_row(f"e{n}", task="2") for n in range(20)]
    overtaking = an_employee_row("e7", task="3", observed_at=at(9))
    theirs.put_rows([*rows, overtaking], fence)
    table.rival = lambda: TableDirectory(table=plain).apply(fence, [overtaking])
    outcomes = TableDirectory(table=table).apply(fence, rows)
    assert [n for n, outcome in enumerate(outcomes) if outcome is Outcome.SUPERSEDED] == [7]
    assert outcomes.count(Outcome.APPLIED) == 19


def test_under_chaos_every_row_is_applied_once_in_the_end(clock: ManualClock) -> None:
    table = SqliteTable(":memory:", chaos=Chaos(rng=random.Random(7), share=0.3, also_after=True))
    tasks, directory = TableTasks(table=table, clock=clock), TableDirectory(table=table)

    def insist(act: Callable[[], object]) -> object:
        while True:
            try:
                return act()
            except StoreConflictError:
                continue

    assert insist(lambda: tasks.take(HQ, "runner", NOON, MINUTE)) is not None
    rows = [an_employee_row(f"e{n}") for n in range(24)]
    fence = Fence(source=HQ, owner="runner")
    insist(lambda: tasks.put_rows(rows, fence))
    outcomes = insist(lambda: directory.apply(fence, rows))
    assert isinstance(outcomes, list)
    assert set(outcomes) <= {Outcome.APPLIED, Outcome.ALREADY}
    assert {entry.revision for entry in directory.entries([row.entry_id for row in rows]).values()} == {1}
    assert {row.status for row in tasks.rows("1")} == {RowStatus.APPLIED}


@pytest.mark.parametrize("written", [0, 1])
def test_a_part_whose_staging_was_killed_is_not_staged(table: RivalTable, ours: TableTasks, written: int) -> None:
    table.dies_after = written
    with pytest.raises(KeyboardInterrupt):
        ours.stage("1", a_part("root", a_record(ANN)))
    assert dict(ours.staged_parts("1")) == {}


def test_a_staged_part_is_replaced_whole_or_not_at_all(table: RivalTable, ours: TableTasks) -> None:
    ours.stage("1", a_part("root", a_record(ANN)))
    table.dies_after = 1
    with pytest.raises(KeyboardInterrupt):
        ours.stage("1", a_part("root"))
    assert ours.staged_parts("1")["root"] == a_part("root", a_record(ANN))


def test_looking_at_a_stage_loads_nothing(plain: SqliteTable, ours: TableTasks, theirs: TableTasks) -> None:
    theirs.stage("1", a_part("root", a_record(ANN)))
    staged = ours.staged_parts("1")
    for partition in [f"stage#1#{shard:02}" for shard in range(keys.SHARDS)]:
        for item in plain.query(partition).items:
            plain.write([Delete(partition=partition, sort=item.sort)])
    assert list(staged) == ["root"]
    with pytest.raises(ContractError):
        staged["root"]


def test_clearing_a_stage_leaves_nothing(plain: SqliteTable, theirs: TableTasks) -> None:
    theirs.stage("1", a_part("root", a_record(ANN)))
    theirs.stage("10", a_part("root"))
    theirs.clear_stage("1")
    partitions = ["stage#1", *(f"stage#1#{shard:02}" for shard in range(keys.SHARDS))]
    assert [plain.query(partition).items for partition in partitions] == [()] * len(partitions)
    assert list(theirs.staged_parts("10")) == ["root"]
