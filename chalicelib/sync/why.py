"""Why an entry is what it is: for each value the task that made it so, and who or what asked for that task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.core.diff import is_empty
from chalicelib.core.errors import NotFoundError
from chalicelib.core.model import FIELDS, Entry, Value
from chalicelib.core.ports import Tasks
from chalicelib.core.task import Evidence, SyncRecord, SyncTask, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One value and where it comes from.

    `task_id` is None for what was written before origins were kept: nothing is known of it then. `task` is None when
    the task itself is not kept any more (90 days), `row` when its row is not: the entry's change in that task.
    """

    field: str
    value: Value
    task_id: str | None = None
    task: SyncTask | None = None
    row: SyncRecord | None = None

    @property
    def trigger(self) -> Trigger | None:
        return self.task.trigger if self.task else None

    @property
    def asked_by(self) -> str | None:
        """Name who asked, within their door: a person's id for what a person asked for or approved."""
        return self.task.asked_by.partition(":")[2] or self.task.asked_by if self.task else None

    @property
    def deliveries(self) -> tuple[str, ...]:
        return self.task.deliveries if self.task else ()

    @property
    def when(self) -> datetime | None:
        """Tell when the source was asked and showed this value, or reported the departure."""
        if self.row is not None:
            return self.row.observed_at
        return (self.task.started_at or self.task.asked_at) if self.task else None

    @property
    def evidence(self) -> Evidence | None:
        return self.row.evidence if self.row else None


def explain(entry: Entry, tasks: Tasks) -> Sequence[Origin]:
    """Say of each value, and of each field that was emptied, which task made it so; in the order of the fields."""
    found = {task_id: _kept(task_id, tasks) for task_id in set(entry.origins.values())}
    rows = {task_id: tasks.rows_of(task_id, [entry.key]).get(entry.key) for task_id in found}
    order = {name: number for number, name in enumerate(FIELDS[entry.kind])}
    names = {name for name, value in entry.values.items() if not is_empty(value)} | entry.origins.keys()
    return [
        Origin(
            field=name,
            value=entry.values.get(name),
            task_id=task_id,
            task=found[task_id] if task_id is not None else None,
            row=rows[task_id] if task_id is not None else None,
        )
        for name in sorted(names, key=lambda name: (order.get(name, len(order)), name))
        for task_id in [entry.origins.get(name)]
    ]


def _kept(task_id: str, tasks: Tasks) -> SyncTask | None:
    try:
        return tasks.get(task_id)
    except NotFoundError:
        return None
