"""Ask for syncs, and decide about what is held. Permission and audit sit here, so that no door can forget them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from chalicelib.core.errors import ConflictError, ForbiddenError, NotFoundError, RollcallError
from chalicelib.core.model import Remark
from chalicelib.core.ports import Audit, AuditLine, Bell, Catalog, Clock, Tasks
from chalicelib.core.principal import EVENTS, SCHEDULE, Principal, Role, permits
from chalicelib.core.source import Source, due
from chalicelib.core.task import (
    Approved,
    Everything,
    Extent,
    Lane,
    Only,
    Purpose,
    RowStatus,
    SyncTask,
    TaskStatus,
    Trigger,
    next_due,
)
from chalicelib.sync.reconcile import conclude_decided

# A task names the deliveries that caused it; of a storm, the first ones.
MOST_DELIVERIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`new` is False when the request joined a task that was there already."""

    task: SyncTask
    new: bool


@dataclass(slots=True)
class _Line:
    source: str | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    catalog: Catalog
    tasks: Tasks
    audit: Audit
    bell: Bell
    clock: Clock

    def sync_now(self, who: Principal, handle: str, *, once: str | None = None) -> Asked:
        """Ask for a full sync; one that is under way already is joined.

        Raises:
            ConflictError: the source is disabled, or a preview of it is under way.
        """
        with self._audited(who, "sync now", Role.OPERATOR) as line:
            return self._everything(who, handle, Purpose.SYNC, Trigger.MANUAL, line, once)

    def preview(self, who: Principal, handle: str, *, once: str | None = None) -> Asked:
        """Ask for a plan of a full sync that is not applied.

        Raises:
            ConflictError: the source is disabled, or a sync of it is under way.
        """
        with self._audited(who, "sync preview", Role.OPERATOR) as line:
            return self._everything(who, handle, Purpose.PREVIEW, Trigger.MANUAL, line, once)

    def approve(self, who: Principal, task_id: str, entry_ids: Sequence[str] = ()) -> Asked:
        """Ask to apply what waits in a task, or those of its rows that are named; each is looked at afresh.

        Raises:
            ConflictError: the task has not ended, or nothing in it waits.
            NotFoundError: the task has no such row.
        """
        with self._audited(who, "sync approve", Role.OPERATOR) as line:
            task = self._decidable(task_id, entry_ids, line)
            extent = Approved(of=task.task_id, entry_ids=tuple(sorted(set(entry_ids))) or None)
            for waiting in self.tasks.waiting(task.source):
                if waiting.extent == extent:
                    return Asked(task=waiting, new=False)
            asked = self._ask(who, self.catalog.source(task.source), extent, Purpose.SYNC, Trigger.APPROVAL)
            line.task = asked.task.task_id
            return asked

    def reject(self, who: Principal, task_id: str, entry_ids: Sequence[str] = ()) -> SyncTask:
        """Refuse what waits in a task; nothing is written to the directory."""
        with self._audited(who, "sync reject", Role.OPERATOR) as line:
            task = self._decidable(task_id, entry_ids, line)
            for waiting in self.tasks.waiting(task.source):
                if isinstance(waiting.extent, Approved) and waiting.extent.of == task_id:
                    raise ConflictError("task is not over", task=waiting.task_id)
            for status in (RowStatus.PLANNED, RowStatus.HELD):
                rows = [
                    row.ended(RowStatus.REJECTED, Remark(code="rejected"))
                    for row in self.tasks.rows(task_id)
                    if row.status is status and (not entry_ids or row.entry_id in entry_ids)
                ]
                self.tasks.decide(rows, instead_of=status)
            return conclude_decided(task, self.tasks)

    def reported(self, source: Source, extent: Only, deliveries: Sequence[str]) -> SyncTask:
        """Ask to look at what verified callbacks reported. The task itself is the record of it."""
        return self._ask(EVENTS, source, extent, Purpose.SYNC, Trigger.EVENT, deliveries=deliveries).task

    def reported_whole(self, source: Source, deliveries: Sequence[str]) -> bool:
        """Ask for a full sync because of callbacks; False when one is at work that may have begun before them."""
        task = self._ask(EVENTS, source, Everything(), Purpose.SYNC, Trigger.EVENT, deliveries=deliveries).task
        return task.purpose is Purpose.SYNC and task.started_at is None

    def tick(self) -> None:
        """Ask for the syncs that are due, and ring for waiting work that nobody holds."""
        for source in self.catalog.sources():
            now = self.clock.now()
            waiting = self.tasks.waiting(source.uid)
            # What a preview is in the way of is made up for when that has ended.
            if due(source, now) and not any(task.purpose is Purpose.PREVIEW for task in waiting):
                self._scheduled(source, now)
            elif next_due([task for task in waiting if task.lane is Lane.FULL], now) and self._idle(source):
                self.bell.ring(source.uid)

    def _scheduled(self, source: Source, now: datetime) -> None:
        # Asked first, claimed second: a kill in between asks once more, and `once` makes that the same task.
        once = f"schedule:{source.last_asked_at}"
        with suppress(ConflictError), self._audited(SCHEDULE, "sync now", Role.OPERATOR) as line:
            self._everything(SCHEDULE, source.handle, Purpose.SYNC, Trigger.SCHEDULE, line, once)
            self.catalog.claim_due(source, now)

    def _idle(self, source: Source) -> bool:
        lease = self.tasks.lease(source.uid)
        return lease is None or lease[0] <= self.clock.now()

    def _everything(
        self, who: Principal, handle: str, purpose: Purpose, trigger: Trigger, line: _Line, once: str | None
    ) -> Asked:
        source = self.catalog.source(handle)
        line.source = source.uid
        if not source.enabled:
            raise ConflictError("source is disabled", handle=source.handle)
        asked = self._ask(who, source, Everything(), purpose, trigger, once)
        line.task = asked.task.task_id
        if asked.task.purpose is not purpose:
            raise ConflictError("another task is under way", task=asked.task.task_id, handle=source.handle)
        return asked

    def _ask(
        self,
        who: Principal,
        source: Source,
        extent: Extent,
        purpose: Purpose,
        trigger: Trigger,
        once: str | None = None,
        *,
        deliveries: Sequence[str] = (),
    ) -> Asked:
        draft = SyncTask(
            task_id="",
            source=source.uid,
            trigger=trigger,
            extent=extent,
            purpose=purpose,
            asked_by=f"{who.door}:{who.key}",
            asked_at=self.clock.now(),
            deliveries=tuple(deliveries[:MOST_DELIVERIES]),
        )
        task, new = self.tasks.ask(draft, once=once)
        if task.lane is Lane.FULL:
            self.bell.ring(source.uid)
        return Asked(task=task, new=new)

    def _decidable(self, task_id: str, entry_ids: Sequence[str], line: _Line) -> SyncTask:
        task = self.tasks.get(task_id)
        line.source, line.task = task.source, task.task_id
        if not task.status.is_over:
            raise ConflictError("task is not over", task=task_id)
        waiting = {row.entry_id for row in self.tasks.rows(task_id) if row.status.waits}
        if not waiting or task.status is TaskStatus.FAILED:
            if task.reason and task.reason.code == "out of date":
                raise ConflictError("out of date", **task.reason.facts)
            raise ConflictError("nothing waits", task=task_id)
        for entry_id in entry_ids:
            if entry_id not in waiting:
                raise NotFoundError("entry not in task", task=task_id, entry=entry_id[:40])
        return task

    @contextmanager
    def _audited(self, who: Principal, verb: str, needed: Role) -> Iterator[_Line]:
        """Check the role, run the body, and note how it ended, also when it is refused."""
        line = _Line()
        outcome = "done"
        try:
            if not permits(who, needed):
                raise ForbiddenError("forbidden", role=needed.name.lower())
            yield line
        except RollcallError as error:
            outcome = error.code
            raise
        finally:
            self.audit.note(
                AuditLine(
                    at=self.clock.now(), principal=who, verb=verb, source=line.source, task=line.task, outcome=outcome
                )
            )
