"""The Meter, and what the end of a task adds to it, on every engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core.budget import Cause, Usage
from chalicelib.core.errors import StoreConflictError
from chalicelib.core.ports import Meter, Table
from chalicelib.core.task import Lane, SyncTask, TaskStatus, Trigger
from chalicelib.local.clock import ManualClock
from chalicelib.store.meter import TableMeter
from chalicelib.store.tasks import TableTasks
from tests.builders import HQ, NOON, a_task

MINUTE = timedelta(minutes=1)


@pytest.fixture
def meter(table: Table) -> Meter:
    return TableMeter(table=table)


@pytest.fixture
def tasks(table: Table, clock: ManualClock) -> TableTasks:
    return TableTasks(table=table, clock=clock)


def ended(tasks: TableTasks, task: SyncTask, **calls: int) -> SyncTask:
    fence = tasks.take(task.source, "worker", NOON, MINUTE, Lane.FULL)
    assert fence is not None
    over = replace(task, status=TaskStatus.DONE, finished_at=NOON, calls=calls)
    tasks.end(over, fence)
    return over


def test_calls_add_up_by_month_and_cause(meter: Meter) -> None:
    meter.add(HQ, NOON, Cause.TALK, {"post": 2})
    meter.add(HQ, NOON + MINUTE, Cause.TALK, {"post": 1, "edit": 4})
    meter.add(HQ, NOON, Cause.EVENT, {"users.get": 1})
    meter.add(HQ, datetime(2026, 12, 1, tzinfo=UTC), Cause.TALK, {"post": 9})
    meter.add("another", NOON, Cause.TALK, {"post": 9})
    assert meter.month(HQ, "2026-11") == {
        Cause.TALK: Usage(calls={"post": 3, "edit": 4}, tasks=2),
        Cause.EVENT: Usage(calls={"users.get": 1}, tasks=1),
    }
    assert meter.month(HQ, "2026-10") == {}


def test_a_task_counts_when_it_ends(meter: Meter, tasks: TableTasks) -> None:
    for number in range(3):
        task, _ = tasks.ask(a_task(trigger=Trigger.SCHEDULE), once=f"{number}")
        assert meter.month(HQ, "2026-11").get(Cause.SCHEDULE, Usage()).tasks == number
        ended(tasks, task, list=100, token=1)
    assert meter.month(HQ, "2026-11") == {Cause.SCHEDULE: Usage(calls={"list": 300, "token": 3}, tasks=3)}


def test_a_task_that_is_ended_again_because_the_answer_got_lost_counts_once(meter: Meter, tasks: TableTasks) -> None:
    task, _ = tasks.ask(a_task(trigger=Trigger.MANUAL))
    over = ended(tasks, task, list=100)
    fence = tasks.take(HQ, "worker", NOON, MINUTE)
    assert fence is not None
    tasks.end(over, fence)
    assert meter.month(HQ, "2026-11") == {Cause.REQUEST: Usage(calls={"list": 100}, tasks=1)}


def test_a_worker_that_lost_its_lease_counts_nothing(meter: Meter, tasks: TableTasks) -> None:
    task, _ = tasks.ask(a_task())
    fence = tasks.take(HQ, "slow", NOON, MINUTE)
    assert fence is not None
    assert tasks.take(HQ, "next", NOON + 2 * MINUTE, MINUTE)
    with pytest.raises(StoreConflictError):
        tasks.end(replace(task, status=TaskStatus.DONE, finished_at=NOON, calls={"list": 1}), fence)
    assert meter.month(HQ, "2026-11") == {}


def test_a_count_that_changes_between_look_and_end_is_added_to(meter: Meter, table: Table, clock: ManualClock) -> None:
    """Two lanes may end a task of one cause at the same moment."""

    rivals = iter((1, 2))

    class Rival:
        def __getattr__(self, name: str) -> object:
            return getattr(table, name)

        def get_many(self, keys: list[tuple[str, str]]) -> object:
            found = table.get_many(keys)
            if any(partition.startswith("calls#") for partition, _ in keys) and next(rivals, None):
                meter.add(HQ, NOON, Cause.EVENT, {"users.get": 1})
            return found

    tasks = TableTasks(table=Rival(), clock=clock)  # type: ignore[arg-type]  # it is the table, but for one method
    task, _ = tasks.ask(a_task(trigger=Trigger.EVENT))
    ended(tasks, task, list=10)
    assert meter.month(HQ, "2026-11") == {Cause.EVENT: Usage(calls={"users.get": 2, "list": 10}, tasks=3)}


def test_a_task_that_called_nobody_is_no_measure(meter: Meter, tasks: TableTasks) -> None:
    task, _ = tasks.ask(a_task())
    ended(tasks, task)
    assert meter.month(HQ, "2026-11") == {}
