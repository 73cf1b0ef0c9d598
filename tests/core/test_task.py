from __future__ import annotations

from chalicelib.core.diff import Action
from chalicelib.core.model import Kind, Remark
from chalicelib.core.task import TALLY_OF, RowStatus, Tally, TaskStatus, no_counts
from tests.builders import a_row, some_values


def test_a_task_is_over_once_it_waits_for_nobody_but_people() -> None:
    assert [each for each in TaskStatus if not each.is_over] == [TaskStatus.QUEUED, TaskStatus.RUNNING]


def test_rows_that_wait_are_planned_or_held() -> None:
    assert [each for each in RowStatus if each.waits] == [RowStatus.PLANNED, RowStatus.HELD]


def test_every_action_is_counted() -> None:
    assert set(TALLY_OF) == set(Action)


def test_counting_starts_at_nothing_of_every_kind() -> None:
    counts = no_counts()
    assert {kind: set(tallies) for kind, tallies in counts.items()} == {kind: set(Tally) for kind in Kind}
    assert no_counts()[Kind.EMPLOYEE] is not counts[Kind.EMPLOYEE]


def test_a_row_is_named_by_what_it_makes_or_else_by_what_was() -> None:
    row = a_row()
    assert a_row(before=some_values(row.key, name="Old"), after={"name": None, "state": "active"}).name == "Old"
    assert a_row(before=some_values(row.key, name="Old"), after=some_values(row.key, name="New")).name == "New"


def test_a_row_that_ended_keeps_all_but_its_status_and_reason() -> None:
    row = a_row()
    ended = row.ended(RowStatus.REJECTED, Remark(code="rejected"))
    assert (ended.status, ended.reason, ended.after) == (RowStatus.REJECTED, Remark(code="rejected"), row.after)


def test_a_row_tells_whether_it_takes_access_away() -> None:
    values = some_values(a_row().key)
    assert a_row(before=values, after={**values, "state": "left"}).removes_access
    assert not a_row(before=values, after={**values, "title": "Clerk"}).removes_access
