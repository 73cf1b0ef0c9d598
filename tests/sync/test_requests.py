"""Cancelling, and what is answered to who decides late."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace

import pytest

from chalicelib.core.errors import ConflictError, ForbiddenError, NotFoundError, SourceUnavailableError
from chalicelib.core.model import State
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.task import Lane, Only, RowStatus, SyncTask, Tally, TaskStatus, Verdict
from chalicelib.sync.apply import CHUNK_ROWS
from tests.scripted import House, a_company

ANN = Principal(key="ou_ann", role=Role.OPERATOR, door="src-hq", where="oc_1")
BEN = Principal(key="ou_ben", role=Role.OPERATOR, door="src-hq")


class Killed(BaseException):
    """The process ended here."""


def with_leavers(count: int = 31) -> tuple[House, SyncTask]:
    """A company where so many left that the guard holds them."""
    house = House(a_company(people=200))
    house.sync()
    for number in range(1, count + 1):
        house.company.leave(f"p{number}")
    return house, house.sync()


def fresh(house: House, task: SyncTask) -> SyncTask:
    return house.tasks.get(task.task_id)


# --- cancelling


def test_a_queued_task_ends_at_once() -> None:
    house = House()
    asked = house.requests.sync_now(TERMINAL, "hq").task
    cancelled = house.requests.cancel(ANN, asked.task_id)
    assert cancelled.new
    assert cancelled.task == fresh(house, asked)
    assert cancelled.task.status is TaskStatus.CANCELLED
    assert cancelled.task.reason is not None
    assert cancelled.task.reason.code == "cancelled"
    assert cancelled.task.reason.facts["by"] == "ou_ann"
    house.work()
    assert house.connectors.opened == []
    assert house.sync().status is TaskStatus.DONE


def test_cancelling_twice_cancels_once() -> None:
    house = House()
    asked = house.requests.sync_now(TERMINAL, "hq").task
    first = house.requests.cancel(ANN, asked.task_id)
    again = house.requests.cancel(BEN, asked.task_id)
    assert (again.new, again.task) == (False, first.task)


def test_a_running_task_stops_at_its_next_step_and_applies_nothing() -> None:
    house = House()
    asked = house.requests.sync_now(TERMINAL, "hq").task

    def cancel(number: int) -> None:
        house.clock.sleep(4)
        if number == 3:
            cancelled = house.requests.cancel(ANN, asked.task_id)
            assert (cancelled.new, cancelled.task.status) == (True, TaskStatus.RUNNING)
            assert not house.requests.cancel(BEN, asked.task_id).new

    house.connectors.before_call = cancel
    house.work()
    ended = fresh(house, asked)
    assert (ended.status, ended.entry_writes) == (TaskStatus.CANCELLED, 0)
    assert ended.reason is not None
    assert ended.reason.facts["by"] == "ou_ann"
    assert ended.calls["members"] == 2
    assert house.tasks.staged_parts(asked.task_id) == {}
    assert house.tasks.lease(house.source.uid) is None


def test_what_was_applied_stays_and_the_rest_of_the_plan_is_marked() -> None:
    house = House(a_company(people=3 * CHUNK_ROWS))
    asked = house.requests.sync_now(TERMINAL, "hq").task

    def cancel(stage: str, done: int) -> None:
        house.clock.sleep(2)
        if stage == "apply" and done == 2 * CHUNK_ROWS:
            house.requests.cancel(ANN, asked.task_id)

    house.work(watch=lambda progress: cancel(progress.stage, progress.done))
    ended = fresh(house, asked)
    statuses = [row.status for row in house.rows(ended)]
    assert ended.status is TaskStatus.CANCELLED
    assert statuses.count(RowStatus.APPLIED) == ended.entry_writes == 2 * CHUNK_ROWS
    assert statuses.count(RowStatus.CANCELLED) == len(statuses) - 2 * CHUNK_ROWS
    assert sum(of[Tally.CANCELLED] for of in ended.counts.values()) == len(statuses) - 2 * CHUNK_ROWS
    assert house.sync().status is TaskStatus.DONE
    assert len(list(house.directory.links(house.source.uid))) == 308


def test_a_task_that_waits_out_a_fault_is_cancelled_before_that_is_over() -> None:
    house = House()

    def fail(number: int) -> None:
        raise SourceUnavailableError("source unavailable", retry_after=3600, endpoint="x", problem="500")

    house.connectors.before_call = fail
    asked = house.requests.sync_now(TERMINAL, "hq").task
    house.runner.wake(house.source.uid, lambda: math.inf)
    assert fresh(house, asked).not_before is not None
    house.bell.rung.clear()
    cancelled_at = house.clock.now()
    assert house.requests.cancel(ANN, asked.task_id).new
    assert house.bell.rung == [(house.source.uid, 0)]
    house.work()
    ended = fresh(house, asked)
    assert (ended.status, ended.not_before, ended.finished_at) == (TaskStatus.CANCELLED, None, cancelled_at)


def test_a_task_behind_another_is_cancelled_when_that_has_ended() -> None:
    house, held = with_leavers()
    running = house.requests.sync_now(TERMINAL, "hq").task
    approval = house.requests.approve(ANN, held.task_id).task

    def cancel(number: int) -> None:
        if number == 2:
            assert house.requests.cancel(ANN, approval.task_id).task.status is TaskStatus.QUEUED

    house.connectors.before_call = cancel
    house.work()
    assert fresh(house, approval).status is TaskStatus.CANCELLED
    assert fresh(house, running).status is TaskStatus.HELD


def test_a_cancelled_approval_leaves_its_rows_waiting() -> None:
    house, held = with_leavers()
    approval = house.requests.approve(ANN, held.task_id).task
    house.requests.cancel(BEN, approval.task_id)
    assert fresh(house, held).status is TaskStatus.HELD
    assert house.approve(held).entry_writes == 31


@pytest.mark.parametrize("step", range(1, 8))
def test_a_cancelled_task_is_cancelled_whoever_is_killed(step: int) -> None:
    house = House(a_company(people=30, departments=4))
    asked = house.requests.sync_now(TERMINAL, "hq").task
    calls = 0

    def kill(number: int) -> None:
        nonlocal calls
        calls += 1
        house.clock.sleep(0.3)
        if calls == 3:
            house.requests.cancel(ANN, asked.task_id)
        if calls == step:
            raise Killed

    house.connectors.before_call = kill
    for _ in range(2):
        with suppress(Killed):
            house.work()
        house.pass_time(minutes=1)
    ended = fresh(house, asked)
    assert ended.status is TaskStatus.CANCELLED
    assert not [row for row in house.rows(ended) if row.status.waits]
    assert house.tasks.waiting(house.source.uid) == []


def test_a_note_that_comes_just_before_the_end_still_counts() -> None:
    house = House()
    asked = house.requests.sync_now(TERMINAL, "hq").task

    def cancel(stage: str) -> None:
        if stage == "settle":  # nobody looks again after this step but whoever ends the task
            house.requests.cancel(ANN, asked.task_id)

    house.work(watch=lambda progress: cancel(progress.stage))
    ended = fresh(house, asked)
    assert (ended.status, ended.entry_writes) == (TaskStatus.CANCELLED, 48)


def test_a_pause_does_not_lose_the_note() -> None:
    house = House()
    asked = house.requests.sync_now(TERMINAL, "hq").task
    slices = 0

    def deadline() -> float:
        nonlocal slices
        slices += 1
        if slices == 1:
            house.requests.cancel(ANN, asked.task_id)
        return 0

    house.runner.wake(house.source.uid, deadline)
    house.work()
    assert fresh(house, asked).status is TaskStatus.CANCELLED


def test_what_has_ended_is_not_cancelled() -> None:
    house = House()
    done = house.sync()
    with pytest.raises(ConflictError, match="task is over"):
        house.requests.cancel(ANN, done.task_id)
    assert fresh(house, done) == done
    with pytest.raises(NotFoundError):
        house.requests.cancel(ANN, "999")


def test_what_an_event_reported_is_not_cancelled() -> None:
    house = House()
    house.sync()
    task = house.requests.reported(house.source, Only(keys=(house.entry("p1").key,)), ["d1"])
    assert task.lane is Lane.HINTS
    with pytest.raises(ConflictError, match="events are not cancelled"):
        house.requests.cancel(ANN, task.task_id)


def test_viewers_cancel_nothing_and_are_audited() -> None:
    house = House()
    asked = house.requests.sync_now(TERMINAL, "hq").task
    house.pass_time(seconds=1)
    with pytest.raises(ForbiddenError):
        house.requests.cancel(Principal(key="v", role=Role.VIEWER, door="x"), asked.task_id)
    assert (house.audit()[0].verb, house.audit()[0].outcome) == ("sync cancel", "forbidden")
    assert fresh(house, asked).status is TaskStatus.QUEUED


# --- deciding late


def test_who_approves_late_is_told_who_did_and_when() -> None:
    house, held = with_leavers()
    approved_at = house.clock.now()
    approval = house.requests.approve(ANN, held.task_id).task
    house.work()
    house.pass_time(hours=1)
    for late in (house.requests.approve, house.requests.reject):
        with pytest.raises(ConflictError, match="already approved") as refused:
            late(BEN, held.task_id)
        at = approved_at.isoformat(timespec="seconds")
        assert refused.value.facts == {"task": held.task_id, "by": "ou_ann", "at": at}
    decision = fresh(house, held).decisions[-1]
    assert (decision.verdict, decision.by, decision.task) == (Verdict.APPROVED, "src-hq:ou_ann", approval.task_id)


def test_who_approves_late_is_told_who_refused_and_when() -> None:
    house, held = with_leavers()
    house.requests.reject(ANN, held.task_id)
    house.pass_time(hours=1)
    for late in (house.requests.approve, house.requests.reject):
        with pytest.raises(ConflictError, match="already rejected") as refused:
            late(BEN, held.task_id)
        assert refused.value.facts["by"] == "ou_ann"


def test_who_refuses_what_is_being_applied_is_told_who_approved_it() -> None:
    house, held = with_leavers()
    house.requests.approve(ANN, held.task_id)
    with pytest.raises(ConflictError, match="already approved") as refused:
        house.requests.reject(BEN, held.task_id)
    assert refused.value.facts["by"] == "ou_ann"
    assert house.state("p1") is State.ACTIVE


def test_a_refusal_of_some_rows_leaves_the_others_to_be_approved() -> None:
    house, held = with_leavers()
    some = house.entry("p1").entry_id
    house.requests.reject(ANN, held.task_id, [some])
    assert house.approve(held).entry_writes == 30
    with pytest.raises(ConflictError, match="already approved"):
        house.requests.approve(BEN, held.task_id)


def test_an_approval_that_is_asked_for_again_is_the_same_one() -> None:
    house, held = with_leavers()
    first = house.requests.approve(ANN, held.task_id, once="m1")
    assert first.new
    house.work()
    again = house.requests.approve(ANN, held.task_id, once="m1")
    assert (again.new, again.task.task_id) == (False, first.task.task_id)


def test_a_refusal_that_was_killed_between_its_rows_is_finished_by_the_next() -> None:
    house, held = with_leavers()
    rows = [row.ended(RowStatus.REJECTED) for row in house.rows(held)]
    house.tasks.decide(rows, instead_of=RowStatus.HELD)
    with pytest.raises(ConflictError, match="nothing waits"):
        house.requests.reject(ANN, held.task_id)
    assert fresh(house, held).status is TaskStatus.DONE
    assert house.tasks.held(house.source.uid) == []


def test_nothing_is_approved_in_a_disabled_source() -> None:
    house, held = with_leavers()
    before = house.outside.catalog.source("hq")
    assert house.outside.catalog.update(replace(before, enabled=False), instead_of=before)
    with pytest.raises(ConflictError, match="source is disabled"):
        house.requests.approve(ANN, held.task_id)


def test_whoever_tells_people_is_woken_when_a_task_has_moved_on_and_else_not() -> None:
    house = House()
    house.work()
    assert house.chat_bell.rung == []
    house.sync()
    assert house.chat_bell.rung == [(house.source.uid, 0)]
