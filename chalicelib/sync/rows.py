"""The rows of a plan, as its task is worked on: by name where the task knows them all, else all that there are."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.core.ports import Tasks
from chalicelib.core.task import RowOutcome, SyncRecord, SyncTask


def rows_of(task: SyncTask, tasks: Tasks) -> Iterator[SyncRecord]:
    """Read the plan, departments before employees."""
    if task.plan_keys is None:
        return tasks.rows(task.task_id)
    found = tasks.rows_of(task.task_id, task.plan_keys)
    return iter(sorted(found.values(), key=lambda row: row.key))


def outcomes_of(task: SyncTask, tasks: Tasks) -> Iterator[RowOutcome]:
    """Read what became of each row of the plan, in no order."""
    if task.plan_keys is None:
        return tasks.outcomes(task.task_id)
    return (
        RowOutcome(kind=row.key.kind, action=row.action, status=row.status, removes_access=row.removes_access)
        for row in rows_of(task, tasks)
    )
